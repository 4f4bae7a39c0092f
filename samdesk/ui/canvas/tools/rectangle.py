"""RectangleTool: draws a rectangle."""

from __future__ import annotations

from PySide6.QtCore import QObject, QRectF, Qt
from PySide6.QtGui import QKeyEvent, QPainter, QPainterPath

from samdesk.domain.geometry import regions
from samdesk.ui.canvas.style import faded, paint_line
from samdesk.ui.canvas.tags import paint_note
from samdesk.ui.canvas.tools.base import Canvas, Pointer, Tool


class RectangleTool(Tool):
    """Draws a rectangle by dragging from corner to corner; Shift makes it square."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._hint = "Drag from corner to corner; Shift makes it square"
        self._start: Pointer | None = None
        self._end: Pointer | None = None

    @property
    def is_idle(self) -> bool:
        """Whether no rectangle is being dragged."""
        return self._start is None

    def cancel(self) -> None:
        """Discards the rectangle."""
        self._start = self._end = None
        self._repaint()

    def undo_step(self) -> bool:
        """Discards the rectangle."""
        if self._start is None:
            return False
        self.cancel()
        return True

    def press(self, pointer: Pointer) -> None:
        """Sets the first corner."""
        if pointer.button is Qt.MouseButton.LeftButton:
            self._start, self._end = pointer, None

    def move(self, pointer: Pointer) -> None:
        """Moves the other corner."""
        if self._start is not None and (self._end is not None or pointer.far_from(self._start)):
            self._end = pointer
            self._repaint()

    def release(self, pointer: Pointer) -> None:
        """Completes the rectangle."""
        if self._start is None or pointer.button is not Qt.MouseButton.LeftButton:
            return
        self.move(pointer)
        box = self._box()
        self.cancel()
        if box is not None:
            region = regions.from_box(*box)
            if regions.is_drawable(region):
                self.region_drawn.emit(region)

    def wants_key(self, event: QKeyEvent) -> bool:
        """Whether the key is Esc during a drag."""
        return self._start is not None and event.key() == Qt.Key.Key_Escape

    def key_press(self, event: QKeyEvent) -> bool:
        """Esc cancels the drag."""
        if not self.wants_key(event):
            return False
        self.cancel()
        return True

    def paint(self, painter: QPainter, canvas: Canvas) -> None:
        """Paints the rectangle and its size in image pixels."""
        box = self._box()
        if box is None:
            return
        rect = QRectF(canvas.to_widget(box[0], box[1]), canvas.to_widget(box[2], box[3]))
        path = QPainterPath()
        path.addRect(rect)
        painter.fillPath(path, faded(self.color, 0.25))
        paint_line(painter, path, self.color)
        paint_note(painter, f"{box[2] - box[0]:.0f} × {box[3] - box[1]:.0f}", rect.bottomRight())

    def _box(self) -> tuple[float, float, float, float] | None:
        if self._start is None or self._end is None:
            return None
        x0, y0 = self._clamped(self._start.x, self._start.y)
        x1, y1 = self._end.x, self._end.y
        if self._end.has(Qt.KeyboardModifier.ShiftModifier):
            side = max(abs(x1 - x0), abs(y1 - y0))
            x1 = x0 + (side if x1 >= x0 else -side)
            y1 = y0 + (side if y1 >= y0 else -side)
        x1, y1 = self._clamped(x1, y1)
        return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)
