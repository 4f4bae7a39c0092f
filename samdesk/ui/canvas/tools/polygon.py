"""PolygonTool: an outline drawn corner by corner."""

from __future__ import annotations

from PySide6.QtCore import QObject, QPointF, Qt
from PySide6.QtGui import QKeyEvent, QPainter, QPainterPath

from samdesk.domain.geometry import regions
from samdesk.ui.canvas.style import faded, paint_handle, paint_line
from samdesk.ui.canvas.tools.base import Canvas, Pointer, Tool

_CLOSE = 9.0
"""A click this near to the first corner closes the polygon, logical pixels."""
_START = "Click the first corner"
_GO_ON = (
    "Click to add corners; close at the first one, with a double click or Enter; Backspace takes one back"
)
_FINISH = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
_BACK = (Qt.Key.Key_Backspace, Qt.Key.Key_Z)


class PolygonTool(Tool):
    """Draws a polygon vertex by vertex; a click on the first vertex, a double click or Enter closes it."""

    wants_right_button = True

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._hint = _START
        self._corners: list[tuple[float, float]] = []
        self._held = False  # the last corner follows the mouse until the button is let go
        self._at: tuple[float, float] | None = None

    @property
    def corners(self) -> tuple[tuple[float, float], ...]:
        """The corners so far, image pixels."""
        return tuple(self._corners)

    @property
    def at_rest(self) -> bool:
        """Whether no corner is set."""
        return not self._corners

    def cancel(self) -> None:
        """Drops the corners."""
        self._corners, self._held = [], False
        self._changed()

    def undo_step(self) -> bool:
        """Takes the last corner back."""
        if not self._corners:
            return False
        self._corners.pop()
        self._held = False
        self._changed()
        return True

    def finish(self) -> None:
        """Closes the polygon, if it has an inside."""
        size = None if self._canvas is None else self._canvas.image_size
        if size is None or len(self._corners) < 3:
            return
        region = regions.clip(regions.from_ring(self._corners), *size)
        if regions.is_drawable(region):
            self.cancel()
            self.region_drawn.emit(region)

    def press(self, pointer: Pointer) -> None:
        """Sets a corner, closes at the first one, or takes the last back (right button)."""
        if pointer.button is Qt.MouseButton.RightButton:
            self.undo_step()
        if pointer.button is not Qt.MouseButton.LeftButton:
            return
        if self._closes(pointer):
            self.finish()
            return
        self._corners.append(self._clamped(pointer.x, pointer.y))
        self._held = True
        self._changed()

    def double_click(self, pointer: Pointer) -> None:
        """The first click has set the last corner; the second closes."""
        if pointer.button is Qt.MouseButton.LeftButton:
            if len(self._corners) >= 3:
                self.finish()
            elif not self._corners:
                self.press(pointer)

    def move(self, pointer: Pointer) -> None:
        """The line follows the mouse; so does the last corner while the button is held."""
        self._at = self._clamped(pointer.x, pointer.y)
        if self._held and self._corners and pointer.buttons & Qt.MouseButton.LeftButton:
            self._corners[-1] = self._at
        self._set_cursor(
            Qt.CursorShape.PointingHandCursor if self._closes(pointer) else Qt.CursorShape.CrossCursor
        )
        self._repaint()

    def release(self, pointer: Pointer) -> None:
        """The corner stays where it is."""
        self._held = False

    def leave(self) -> None:
        """The line waits at the last corner."""
        self._at = None
        self._repaint()

    def wants_key(self, event: QKeyEvent) -> bool:
        """The keys that end the polygon or take a corner back, while there is one."""
        return bool(self._corners) and _key_of(event) in (*_FINISH, *_BACK, Qt.Key.Key_Escape)

    def key_press(self, event: QKeyEvent) -> bool:
        """Enter closes, Backspace or Z takes back, Esc drops."""
        if not self.wants_key(event):
            return False
        key = _key_of(event)
        if key in _FINISH:
            self.finish()
        elif key in _BACK:
            self.undo_step()
        else:
            self.cancel()
        return True

    def paint(self, painter: QPainter, canvas: Canvas) -> None:
        """The outline so far, the line to the mouse, and the corners."""
        if not self._corners:
            return
        places = [canvas.to_widget(x, y) for x, y in self._corners]
        ends = list(places)
        if self._at is not None and not self._held:
            ends.append(canvas.to_widget(*self._at))
        if len(ends) >= 3:
            inside = _line(ends)
            inside.closeSubpath()
            painter.fillPath(inside, faded(self.color, 0.22))
            paint_line(painter, _line([ends[-1], ends[0]]), self.color, dashed=True)
        if len(ends) > len(places):
            paint_line(painter, _line(ends[-2:]), self.color, dashed=True)
        paint_line(painter, _line(places), self.color)
        for i, place in enumerate(places):
            closes = i == 0 and self._cursor is Qt.CursorShape.PointingHandCursor
            paint_handle(painter, place, self.color, hot=closes)

    def _closes(self, pointer: Pointer) -> bool:
        if self._canvas is None or len(self._corners) < 3:
            return False
        away = self._canvas.to_widget(*self._corners[0]) - pointer.position
        return max(abs(away.x()), abs(away.y())) <= _CLOSE

    def _changed(self) -> None:
        self._set_hint(_GO_ON if self._corners else _START)
        self._set_cursor(Qt.CursorShape.CrossCursor)
        self._repaint()


def _key_of(event: QKeyEvent) -> int:
    """The key, or 0 with a modifier that makes it another command."""
    other = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier
    return 0 if event.modifiers() & other else event.key()


def _line(places: list[QPointF]) -> QPainterPath:
    path = QPainterPath(places[0])
    for place in places[1:]:
        path.lineTo(place)
    return path
