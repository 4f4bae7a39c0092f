"""LassoTool: draws an outline freehand."""

from __future__ import annotations

import shapely
from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QColor, QKeyEvent, QPainter, QPainterPath

from samdesk.domain.geometry import regions, strokes
from samdesk.domain.geometry.types import Region
from samdesk.ui.canvas.style import faded, paint_line
from samdesk.ui.canvas.tools import combine
from samdesk.ui.canvas.tools.base import Canvas, Pointer, Tool
from samdesk.ui.canvas.tools.combine import Way

_HINT = "Drag around an object; Shift adds to the selected annotation, Ctrl takes away"
_FINEST = 1.5
"""The line has no more than one point for each of these, logical pixels."""
SMOOTH_WITHIN = 0.4
"""A freehand line is kept within this of where the mouse was, logical pixels."""
_BUTTONS = (Qt.MouseButton.LeftButton, Qt.MouseButton.RightButton)


class LassoTool(Tool):
    """Draws the outline that the mouse is dragged along; the end is joined to the start."""

    wants_right_button = True

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._hint = _HINT
        self._way = Way.NEW
        self._pressed: Pointer | None = None
        self._points: list[tuple[float, float]] = []

    @property
    def is_idle(self) -> bool:
        """Whether nothing is being drawn."""
        return self._pressed is None

    @property
    def undo_name(self) -> str:
        """ "lasso", while one is drawn."""
        return "" if self._pressed is None else "lasso"

    def undo_step(self) -> bool:
        """Discards the outline."""
        if self._pressed is None:
            return False
        self.cancel()
        return True

    def cancel(self) -> None:
        """Discards the outline."""
        self._pressed, self._points = None, []
        self._repaint()
        self.steps_changed.emit()

    def press(self, pointer: Pointer) -> None:
        """Begins an outline."""
        if self._canvas is None or self._pressed is not None or pointer.button not in _BUTTONS:
            return
        right = pointer.button is Qt.MouseButton.RightButton
        self._way = Way.SUBTRACT if right else combine.way_of(pointer)
        self._pressed, self._points = pointer, [(pointer.x, pointer.y)]
        self._canvas.set_hovered(None)
        self.steps_changed.emit()

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

    def wants_key(self, event: QKeyEvent) -> bool:
        """Whether the key is Esc while an outline is drawn."""
        return self._pressed is not None and event.key() == Qt.Key.Key_Escape

    def key_press(self, event: QKeyEvent) -> bool:
        """Esc discards the outline."""
        if not self.wants_key(event):
            return False
        self.cancel()
        return True

    def paint(self, painter: QPainter, canvas: Canvas) -> None:
        """Paints the outline so far."""
        if len(self._points) > 1:
            path = QPainterPath(canvas.to_widget(*self._points[0]))
            for point in self._points[1:]:
                path.lineTo(canvas.to_widget(*point))
            color = line_color(self._way, canvas, self.color)
            painter.fillPath(path, faded(color, 0.22))
            paint_line(painter, path, color, dashed=self._way is Way.SUBTRACT)


def follow(points: list[tuple[float, float]], pointer: Pointer, canvas: Canvas) -> None:
    """Adds the position of the mouse to a freehand line if it is far enough from the last point."""
    (x, y), least = points[-1], canvas.image_pixels(_FINEST)
    if max(abs(pointer.x - x), abs(pointer.y - y)) >= least:
        points.append((pointer.x, pointer.y))


def smoother(points: list[tuple[float, float]], canvas: Canvas) -> list[tuple[float, float]]:
    """A freehand line with the points that it needs to look the same at this zoom."""
    if len(points) < 3:
        return list(points)
    line = shapely.simplify(
        shapely.linestrings(points), canvas.image_pixels(SMOOTH_WITHIN), preserve_topology=False
    )
    return [(float(x), float(y)) for x, y in shapely.get_coordinates(line)]


def line_color(way: Way, canvas: Canvas, color: QColor) -> QColor:
    """The colour of an outline in progress: of a new annotation, of the one added to, or white."""
    if way is Way.SUBTRACT:
        return QColor(Qt.GlobalColor.white)
    shapes = (
        [canvas.shape(i) for i in canvas.selection] if way is Way.ADD and len(canvas.selection) == 1 else []
    )
    return next((shape.color for shape in shapes if shape is not None), color)
