"""PolygonTool: draws an outline vertex by vertex, or freehand."""

from __future__ import annotations

from dataclasses import dataclass, replace
from itertools import accumulate

from PySide6.QtCore import QObject, QPointF, Qt
from PySide6.QtGui import QKeyEvent, QPainter, QPainterPath

from samdesk.domain.geometry import regions
from samdesk.ui.canvas.style import faded, paint_dot, paint_handle, paint_line
from samdesk.ui.canvas.tools import combine
from samdesk.ui.canvas.tools.base import Canvas, Pointer, Tool
from samdesk.ui.canvas.tools.combine import Way
from samdesk.ui.canvas.tools.freehand import follow, smoother
from samdesk.ui.canvas.tools.lasso import line_color

_CLOSE = 9.0
"""A click this near to the first vertex closes the polygon, logical pixels."""
_START_HINT = (
    "Click the first vertex or drag freehand; Shift adds to the selected annotation, Ctrl takes away"
)
_NEXT_HINT = "Click or drag on; click the first vertex, double-click or press Enter to close; Backspace: back"
_FINISH = (Qt.Key.Key_Return, Qt.Key.Key_Enter)
_UNDO = (Qt.Key.Key_Backspace, Qt.Key.Key_Z)


@dataclass(frozen=True)
class OutlineWork:
    """A polygon that is not closed yet.

    Attributes:
        vertices: Image pixels.
        steps: How many vertices each step has placed; those before are from clicks.
        undone: The steps removed last, the next to redo is last.
        way: What becomes of the polygon.
    """

    vertices: tuple[tuple[float, float], ...]
    steps: tuple[int, ...] = ()
    undone: tuple[tuple[tuple[float, float], ...], ...] = ()
    way: Way = Way.NEW


class PolygonTool(Tool):
    """Draws a polygon: a click places a vertex, a drag draws freehand.

    A click on the first vertex, a double click or Enter closes it, and a drag that ends there.
    """

    wants_right_button = True

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._hint = _START_HINT
        self._vertices: list[tuple[float, float]] = []
        self._steps: list[int] = []  # how many vertices each step has placed
        self._undone: list[tuple[tuple[float, float], ...]] = []
        self._way = Way.NEW
        self._pressed: Pointer | None = None
        self._freehand = False  # since the press
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
        self._vertices, self._steps, self._undone, self._way = [], [], [], Way.NEW
        self._pressed, self._freehand = None, False
        self._changed()

    def interrupt(self) -> None:
        """Ends the freehand line; the vertices stay."""
        self._end_freehand()
        self._cursor_at = None

    def take_unfinished(self) -> OutlineWork | None:
        """Removes and returns the vertices."""
        self.interrupt()
        work = OutlineWork(tuple(self._vertices), tuple(self._steps), tuple(self._undone), self._way)
        self.cancel()
        return work if work.vertices else None

    def put_unfinished(self, work: OutlineWork) -> None:
        """Goes on with these vertices."""
        self._vertices, self._undone, self._way = list(work.vertices), list(work.undone), work.way
        self._steps = [1] * (len(work.vertices) - sum(work.steps)) + list(work.steps)
        self._changed()

    def undo_step(self) -> bool:
        """Removes the last vertex, or the last freehand line."""
        if not self._vertices:
            return False
        self._end_freehand()
        first = len(self._vertices) - self._steps.pop()
        self._undone.append(tuple(self._vertices[first:]))
        del self._vertices[first:]
        self._changed()
        return True

    def redo_step(self) -> bool:
        """Places again what was removed last."""
        if not self._undone:
            return False
        again = self._undone.pop()
        self._vertices += again
        self._steps.append(len(again))
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
        canvas = self._canvas
        if canvas is None or canvas.image_size is None or len(self._vertices) < 3:
            return
        region = regions.clip(regions.from_ring(self._vertices), *canvas.image_size)
        if regions.is_drawable(region):
            way, start = self._way, self._vertices[0]
            self.cancel()
            combine.finish(self, canvas, way, region, start)

    def press(self, pointer: Pointer) -> None:
        """Places a vertex, closes the polygon at the first one, or removes the last (right button).

        Shift, Ctrl or Alt at any press decide what becomes of the polygon.
        """
        if pointer.button is Qt.MouseButton.RightButton:
            self.undo_step()
        if pointer.button is not Qt.MouseButton.LeftButton:
            return
        way = combine.way_of(pointer)
        self._way = self._way if way is Way.NEW else way
        if self._closes(pointer):
            self.finish()
            return
        self._vertices.append(self._clamped(pointer.x, pointer.y))
        self._steps.append(1)
        self._undone.clear()
        self._pressed, self._freehand = pointer, False
        self._changed()

    def double_click(self, pointer: Pointer) -> None:
        """Closes the polygon; the first click of the two has placed the last vertex."""
        if pointer.button is Qt.MouseButton.LeftButton:
            if len(self._vertices) >= 3:
                self.finish()
            elif not self._vertices:
                self.press(pointer)

    def move(self, pointer: Pointer) -> None:
        """Moves the preview line, or goes on with the freehand line while the button is held."""
        self._cursor_at = self._clamped(pointer.x, pointer.y)
        pressed, canvas = self._pressed, self._canvas
        if pressed is not None and canvas is not None and pointer.buttons & Qt.MouseButton.LeftButton:
            self._freehand = self._freehand or pointer.far_from(pressed)
            if self._freehand:
                before = len(self._vertices)
                follow(self._vertices, replace(pointer, x=self._cursor_at[0], y=self._cursor_at[1]), canvas)
                self._steps[-1] += len(self._vertices) - before
        self._set_cursor(
            Qt.CursorShape.PointingHandCursor if self._closes(pointer) else Qt.CursorShape.CrossCursor
        )
        self._repaint()

    def release(self, pointer: Pointer) -> None:
        """Ends the freehand line; one that ends at the first vertex closes the polygon."""
        if pointer.button is Qt.MouseButton.LeftButton and self._end_freehand():
            if self._closes(pointer):
                self.finish()
            else:
                self._changed()

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
        color = line_color(self._way, canvas, self.color)
        places = [canvas.to_widget(x, y) for x, y in self._vertices]
        ends = list(places)
        if self._cursor_at is not None and not self._freehand:
            ends.append(canvas.to_widget(*self._cursor_at))
        if len(ends) >= 3:
            inside = _line(ends)
            inside.closeSubpath()
            painter.fillPath(inside, faded(color, 0.22))
            paint_line(painter, _line([ends[-1], ends[0]]), color, dashed=True)
        if len(ends) > len(places):
            paint_line(painter, _line(ends[-2:]), color, dashed=True)
        paint_line(painter, _line(places), color)
        firsts = set(accumulate(self._steps, initial=0))  # the vertices of a freehand line are no clicks
        for i, place in enumerate(places):
            if i == 0 and len(places) >= 3:  # a click there closes the polygon
                hot = self._cursor is Qt.CursorShape.PointingHandCursor
                paint_handle(painter, place, color, hot=hot)
            elif i in firsts or i + 1 in firsts:
                paint_dot(painter, place, color)

    def _closes(self, pointer: Pointer) -> bool:
        if self._canvas is None or len(self._vertices) < 3:
            return False
        away = self._canvas.to_widget(*self._vertices[0]) - pointer.position
        return max(abs(away.x()), abs(away.y())) <= _CLOSE

    def _end_freehand(self) -> bool:
        """Ends the freehand line and keeps the vertices that it needs; whether there was one."""
        canvas, drawn = self._canvas, self._freehand
        self._pressed, self._freehand = None, False
        if drawn and canvas is not None:
            first = len(self._vertices) - self._steps[-1]
            self._vertices[first:] = smoother(self._vertices[first:], canvas)
            self._steps[-1] = len(self._vertices) - first
        return drawn

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
