"""PolygonTool: draws an outline vertex by vertex."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QObject, QPointF, Qt
from PySide6.QtGui import QKeyEvent, QPainter, QPainterPath

from samdesk.domain.geometry import regions
from samdesk.ui.canvas.style import faded, paint_dot, paint_handle, paint_line
from samdesk.ui.canvas.tools.base import Canvas, Pointer, Tool

_CLOSE = 9.0
"""A click this near to the first vertex closes the polygon, logical pixels."""
_START_HINT = "Click to place the first vertex"
_NEXT_HINT = (
    "Click to add vertices; click the first one, double-click or press Enter to close; "
    "Backspace removes the last"
)
_FINISH = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
_UNDO = (Qt.Key.Key_Backspace, Qt.Key.Key_Z)


@dataclass(frozen=True)
class OutlineWork:
    """A polygon that is not closed yet: its vertices and those removed last, image pixels."""

    vertices: tuple[tuple[float, float], ...]
    undone: tuple[tuple[float, float], ...] = ()


class PolygonTool(Tool):
    """Draws a polygon vertex by vertex; a click on the first vertex, a double click or Enter closes it."""

    wants_right_button = True

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._hint = _START_HINT
        self._vertices: list[tuple[float, float]] = []
        self._undone: list[tuple[float, float]] = []
        self._dragging = False  # the last vertex follows the cursor until the button is released
        self._cursor_at: tuple[float, float] | None = None

    @property
    def vertices(self) -> tuple[tuple[float, float], ...]:
        """The vertices placed so far, image pixels."""
        return tuple(self._vertices)

    @property
    def is_idle(self) -> bool:
        """Whether no vertex is placed."""
        return not self._vertices

    def cancel(self) -> None:
        """Removes all vertices."""
        self._vertices, self._undone, self._dragging = [], [], False
        self._changed()

    def interrupt(self) -> None:
        """Ends the drag of the last vertex; the vertices stay."""
        self._dragging = False
        self._cursor_at = None

    def take_unfinished(self) -> OutlineWork | None:
        """Removes and returns the vertices."""
        self.interrupt()
        work = OutlineWork(tuple(self._vertices), tuple(self._undone))
        self.cancel()
        return work if work.vertices else None

    def put_unfinished(self, work: OutlineWork) -> None:
        """Goes on with these vertices."""
        self._vertices, self._undone = list(work.vertices), list(work.undone)
        self._changed()

    def undo_step(self) -> bool:
        """Removes the last vertex."""
        if not self._vertices:
            return False
        self._undone.append(self._vertices.pop())
        self._dragging = False
        self._changed()
        return True

    def redo_step(self) -> bool:
        """Places the vertex removed last again."""
        if not self._undone:
            return False
        self._vertices.append(self._undone.pop())
        self._changed()
        return True

    @property
    def undo_name(self) -> str:
        """ "vertex", if there is one."""
        return "vertex" if self._vertices else ""

    @property
    def redo_name(self) -> str:
        """ "vertex", if one was removed."""
        return "vertex" if self._undone else ""

    def finish(self) -> None:
        """Closes the polygon, unless it has no area."""
        size = None if self._canvas is None else self._canvas.image_size
        if size is None or len(self._vertices) < 3:
            return
        region = regions.clip(regions.from_ring(self._vertices), *size)
        if regions.is_drawable(region):
            self.cancel()
            self.region_drawn.emit(region)

    def press(self, pointer: Pointer) -> None:
        """Places a vertex, closes the polygon at the first one, or removes the last (right button)."""
        if pointer.button is Qt.MouseButton.RightButton:
            self.undo_step()
        if pointer.button is not Qt.MouseButton.LeftButton:
            return
        if self._closes(pointer):
            self.finish()
            return
        self._vertices.append(self._clamped(pointer.x, pointer.y))
        self._undone.clear()
        self._dragging = True
        self._changed()

    def double_click(self, pointer: Pointer) -> None:
        """Closes the polygon; the first click of the two has placed the last vertex."""
        if pointer.button is Qt.MouseButton.LeftButton:
            if len(self._vertices) >= 3:
                self.finish()
            elif not self._vertices:
                self.press(pointer)

    def move(self, pointer: Pointer) -> None:
        """Moves the preview line, and the last vertex while the button is held."""
        self._cursor_at = self._clamped(pointer.x, pointer.y)
        if self._dragging and self._vertices and pointer.buttons & Qt.MouseButton.LeftButton:
            self._vertices[-1] = self._cursor_at
        self._set_cursor(
            Qt.CursorShape.PointingHandCursor if self._closes(pointer) else Qt.CursorShape.CrossCursor
        )
        self._repaint()

    def release(self, pointer: Pointer) -> None:
        """Ends the drag of the last vertex."""
        self._dragging = False

    def leave(self) -> None:
        """Hides the preview line."""
        self._cursor_at = None
        self._repaint()

    def wants_key(self, event: QKeyEvent) -> bool:
        """Whether the key closes or cancels the polygon or removes a vertex, while there is one."""
        return bool(self._vertices) and _key_of(event) in (*_FINISH, *_UNDO, Qt.Key.Key_Escape)

    def key_press(self, event: QKeyEvent) -> bool:
        """Enter closes the polygon, Backspace or Z removes the last vertex, Esc cancels."""
        if not self.wants_key(event):
            return False
        key = _key_of(event)
        if key in _FINISH:
            self.finish()
        elif key in _UNDO:
            self.undo_step()
        else:
            self.cancel()
        return True

    def paint(self, painter: QPainter, canvas: Canvas) -> None:
        """Paints the outline so far, the line to the cursor, and the vertices."""
        if not self._vertices:
            return
        places = [canvas.to_widget(x, y) for x, y in self._vertices]
        ends = list(places)
        if self._cursor_at is not None and not self._dragging:
            ends.append(canvas.to_widget(*self._cursor_at))
        if len(ends) >= 3:
            inside = _line(ends)
            inside.closeSubpath()
            painter.fillPath(inside, faded(self.color, 0.22))
            paint_line(painter, _line([ends[-1], ends[0]]), self.color, dashed=True)
        if len(ends) > len(places):
            paint_line(painter, _line(ends[-2:]), self.color, dashed=True)
        paint_line(painter, _line(places), self.color)
        for i, place in enumerate(places):
            if i == 0 and len(places) >= 3:  # a click there closes the polygon
                hot = self._cursor is Qt.CursorShape.PointingHandCursor
                paint_handle(painter, place, self.color, hot=hot)
            else:
                paint_dot(painter, place, self.color)

    def _closes(self, pointer: Pointer) -> bool:
        if self._canvas is None or len(self._vertices) < 3:
            return False
        away = self._canvas.to_widget(*self._vertices[0]) - pointer.position
        return max(abs(away.x()), abs(away.y())) <= _CLOSE

    def _changed(self) -> None:
        self._set_hint(_NEXT_HINT if self._vertices else _START_HINT)
        self._set_cursor(Qt.CursorShape.CrossCursor)
        self._repaint()
        self.steps_changed.emit()


def _key_of(event: QKeyEvent) -> int:
    """The key of the event; 0 with Ctrl or Alt, which make it another command."""
    other = Qt.KeyboardModifier.ControlModifier | Qt.KeyboardModifier.AltModifier
    return 0 if event.modifiers() & other else event.key()


def _line(places: list[QPointF]) -> QPainterPath:
    path = QPainterPath(places[0])
    for place in places[1:]:
        path.lineTo(place)
    return path
