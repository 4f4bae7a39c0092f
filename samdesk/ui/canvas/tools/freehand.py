"""FreehandTool: a line drawn by dragging the mouse, and what tools that draw one have in common."""

from __future__ import annotations

import shapely
from PySide6.QtCore import QObject, Qt
from PySide6.QtGui import QKeyEvent, QPainterPath

from samdesk.ui.canvas.tools.base import Canvas, Pointer, Tool

_FINEST = 1.5
"""The line has no more than one point for each of these, logical pixels."""
SMOOTH_WITHIN = 0.4
"""A freehand line is kept within this of where the mouse was, logical pixels."""


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


class FreehandTool(Tool):
    """Draws a line from press to release; Esc and Undo discard it.

    Attributes:
        name: What is drawn, for the Undo command.
    """

    name = ""

    def __init__(self, hint: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._hint = hint
        self._pressed: Pointer | None = None
        self._points: list[tuple[float, float]] = []

    @property
    def is_idle(self) -> bool:
        """Whether nothing is being drawn."""
        return self._pressed is None

    @property
    def undo_name(self) -> str:
        """``name``, while a line is drawn."""
        return "" if self._pressed is None else self.name

    def undo_step(self) -> bool:
        """Discards the line."""
        if self._pressed is None:
            return False
        self.cancel()
        return True

    def cancel(self) -> None:
        """Discards the line."""
        self._pressed, self._points = None, []
        self._repaint()
        self.steps_changed.emit()

    def wants_key(self, event: QKeyEvent) -> bool:
        """Whether the key is Esc while a line is drawn."""
        return self._pressed is not None and event.key() == Qt.Key.Key_Escape

    def key_press(self, event: QKeyEvent) -> bool:
        """Esc discards the line."""
        if not self.wants_key(event):
            return False
        self.cancel()
        return True

    def _begin(self, pointer: Pointer, canvas: Canvas) -> None:
        self._pressed, self._points = pointer, [(pointer.x, pointer.y)]
        canvas.set_hovered(None)
        self.steps_changed.emit()

    def _path(self, canvas: Canvas) -> QPainterPath | None:
        """The line so far, in pixels of the widget; None: it is only a point."""
        if len(self._points) < 2:
            return None
        path = QPainterPath(canvas.to_widget(*self._points[0]))
        for point in self._points[1:]:
            path.lineTo(canvas.to_widget(*point))
        return path
