"""RectangleTool: draws a rectangle."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QObject, QRectF, Qt
from PySide6.QtGui import QKeyEvent, QPainter, QPainterPath

from samdesk.domain.geometry import regions
from samdesk.ui.canvas.style import faded, paint_line
from samdesk.ui.canvas.tags import paint_note
from samdesk.ui.canvas.tools.base import Canvas, Pointer, Tool

_FINISH = (Qt.Key.Key_Return, Qt.Key.Key_Enter)


@dataclass(frozen=True)
class BoxWork:
    """A rectangle whose drag was interrupted: the corner it began at and the other one, image pixels."""

    start: tuple[float, float]
    end: tuple[float, float]


class RectangleTool(Tool):
    """Draws a rectangle by dragging from corner to corner; Shift makes it square.

    If a drag is interrupted by another tool or image, the rectangle stays: Enter completes it, the next press
    goes on dragging its corner.
    """

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._hint = "Drag from corner to corner; Shift makes it square"
        self._start: tuple[float, float] | None = None  # image pixels, within the image
        self._end: tuple[float, float] | None = None
        self._pressed: Pointer | None = None

    @property
    def is_idle(self) -> bool:
        """Whether no rectangle is begun."""
        return self._start is None

    @property
    def undo_name(self) -> str:
        """ "rectangle", if one is begun."""
        return "" if self._start is None else "rectangle"

    def cancel(self) -> None:
        """Discards the rectangle."""
        self._start = self._end = self._pressed = None
        self._repaint()
        self.steps_changed.emit()

    def interrupt(self) -> None:
        """Ends the drag; the rectangle stays."""
        if self._end is None:
            self.cancel()
        self._pressed = None

    def take_unfinished(self) -> BoxWork | None:
        """Removes and returns the rectangle."""
        self.interrupt()
        start, end = self._start, self._end
        self.cancel()
        return None if start is None or end is None else BoxWork(start, end)

    def put_unfinished(self, work: BoxWork) -> None:
        """Goes on with this rectangle."""
        self._start, self._end = work.start, work.end
        self._repaint()
        self.steps_changed.emit()

    def undo_step(self) -> bool:
        """Discards the rectangle."""
        if self._start is None:
            return False
        self.cancel()
        return True

    def press(self, pointer: Pointer) -> None:
        """Sets the first corner, or takes hold of the other one of a rectangle begun before."""
        if pointer.button is not Qt.MouseButton.LeftButton:
            return
        self._pressed = pointer
        if self._start is None:
            self._start = self._clamped(pointer.x, pointer.y)
        self.steps_changed.emit()

    def move(self, pointer: Pointer) -> None:
        """Moves the other corner."""
        if self._pressed is not None and (self._end is not None or pointer.far_from(self._pressed)):
            self._end = self._corner(pointer)
            self._repaint()

    def release(self, pointer: Pointer) -> None:
        """Completes the rectangle."""
        if self._pressed is None or pointer.button is not Qt.MouseButton.LeftButton:
            return
        self.move(pointer)
        self.finish()
        if self._pressed is not None:
            self.cancel()

    def finish(self) -> None:
        """Completes the rectangle, unless it has no area."""
        box = self._box()
        if box is None:
            return
        region = regions.from_box(*box)
        if regions.is_drawable(region):
            self.cancel()
            self.region_drawn.emit(region)

    def wants_key(self, event: QKeyEvent) -> bool:
        """Whether the key is Esc or Enter while there is a rectangle."""
        if self._start is None or event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            return False
        return event.key() == Qt.Key.Key_Escape or (event.key() in _FINISH and self._pressed is None)

    def key_press(self, event: QKeyEvent) -> bool:
        """Esc discards the rectangle, Enter completes it."""
        if not self.wants_key(event):
            return False
        if event.key() == Qt.Key.Key_Escape:
            self.cancel()
        else:
            self.finish()
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

    def _corner(self, pointer: Pointer) -> tuple[float, float]:
        assert self._start is not None
        (x0, y0), x1, y1 = self._start, pointer.x, pointer.y
        if pointer.has(Qt.KeyboardModifier.ShiftModifier):
            side = max(abs(x1 - x0), abs(y1 - y0))
            x1 = x0 + (side if x1 >= x0 else -side)
            y1 = y0 + (side if y1 >= y0 else -side)
        return self._clamped(x1, y1)

    def _box(self) -> tuple[float, float, float, float] | None:
        if self._start is None or self._end is None:
            return None
        (x0, y0), (x1, y1) = self._start, self._end
        return min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)
