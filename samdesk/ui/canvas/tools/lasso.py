"""LassoTool: draws an outline freehand."""

from __future__ import annotations

from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QColor, QPainter

from samdesk.domain.geometry import regions, strokes
from samdesk.domain.geometry.types import Region
from samdesk.ui.canvas.style import faded, paint_line
from samdesk.ui.canvas.tools import combine
from samdesk.ui.canvas.tools.base import Canvas, Pointer
from samdesk.ui.canvas.tools.combine import Way
from samdesk.ui.canvas.tools.freehand import FreehandTool, follow, smoother

_HINT = "Drag around an object; Shift adds to the selected annotation, Ctrl takes away"
_BUTTONS = (Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton)


class LassoTool(FreehandTool):
    """Draws the outline that the mouse is dragged along; the end is joined to the start."""

    name = "lasso"
    wants_right_button = True

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(_HINT, parent)
        self._way = Way.NEW

    def press(self, pointer: Pointer) -> None:
        """Begins an outline."""
        if self._canvas is None or self._pressed is not None or pointer.button not in _BUTTONS:
            return
        right = pointer.button is Qt.MouseButton.RightButton
        self._way = Way.SUBTRACT if right else combine.way_of(pointer)
        self._begin(pointer, self._canvas)

    def move(self, pointer: Pointer) -> None:
        """Goes on with the outline."""
        canvas = self._canvas
        if canvas is not None and self._pressed is not None:
            follow(self._points, pointer, canvas)
            canvas.update()

    def release(self, pointer: Pointer) -> None:
        """Closes the outline."""
        pressed, canvas = self._pressed, self._canvas
        if pressed is None or canvas is None or pointer.button is not pressed.button:
            return
        self.move(pointer)
        points, size = self._points, canvas.image_size
        self.cancel()
        region: Region = regions.EMPTY
        if size is not None and len(points) > 2:
            region = strokes.lasso(smoother(points, canvas), *size)
        combine.finish(self, canvas, self._way, region, (pressed.x, pressed.y))

    def paint(self, painter: QPainter, canvas: Canvas) -> None:
        """Paints the outline so far."""
        path = self._path(canvas)
        if path is not None:
            color = line_color(self._way, canvas, self.color)
            painter.fillPath(path, faded(color, 0.22))
            paint_line(painter, path, color, dashed=self._way is Way.SUBTRACT)


def line_color(way: Way, canvas: Canvas, color: QColor) -> QColor:
    """The colour of an outline in progress: of a new annotation, of the one added to, or white."""
    if way is Way.SUBTRACT:
        return QColor(Qt.GlobalColor.white)
    shapes = (
        [canvas.shape(i) for i in canvas.selection] if way is Way.ADD and len(canvas.selection) == 1 else []
    )
    return next((shape.color for shape in shapes if shape is not None), color)
