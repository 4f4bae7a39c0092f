"""SamTool: places point and box prompts."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from PySide6.QtCore import QObject, QRectF, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter

from samdesk.domain.prompts import BoxPrompt, PointPrompt, PromptSet
from samdesk.ui.canvas.style import paint_box, paint_point
from samdesk.ui.canvas.tools.base import Canvas, Pointer, Tool
from samdesk.ui.canvas.tools.scribble import Scribble

_GRAB = 9.0
"""Grab distance of a placed point, logical pixels."""
_START_HINT = "Click the object or drag a box around it; right-click to exclude"
_NEXT_HINT = (
    "Click to include, right-click to exclude, Ctrl+drag for a stroke, "
    "Enter to accept, Z to undo, Esc to clear"
)
_SCRIBBLES = Qt.KeyboardModifier.AltModifier | Qt.KeyboardModifier.ControlModifier
"""Either of them draws a stroke: many desktops keep Alt with the mouse to themselves."""


@dataclass(frozen=True)
class PromptState:
    """The prompts of an object and the steps that led to them.

    Attributes:
        prompts: Those placed.
        history: The prompts before each step, oldest first.
        undone: What undone steps led to; the next redo is last.
    """

    prompts: PromptSet
    history: tuple[PromptSet, ...] = ()
    undone: tuple[PromptSet, ...] = ()


class SamTool(Tool):
    """Places point and box prompts.

    A click includes a point, a right click or Shift+click excludes one, a drag places a box. A drag with Alt
    or Ctrl is a stroke along the object; with the right button, or Shift, too, it is one along what is not
    part of it. Placed points can be dragged; a click on one removes it.

    Signals:
        prompts_changed: The ``PromptSet`` after every change, and while a box or a point is dragged.
        hovered: (x, y, image pixels) the cursor is over the image; no prompt is placed, no button pressed.
        hover_left: The state of ``hovered`` has ended.
        accept_requested: The proposed mask is to be kept.
        candidate_step: Show the next (+1) or the previous (-1) mask candidate.
        cleared: All prompts were removed, or the mask is to be discarded.
    """

    prompts_changed = Signal(object)
    hovered = Signal(float, float)
    hover_left = Signal()
    accept_requested = Signal()
    candidate_step = Signal(int)
    cleared = Signal()

    wants_right_button = True
    keeps_tab = True

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._hint = _START_HINT
        self._prompts = PromptSet()
        self._history: list[PromptSet] = []
        self._undone: list[PromptSet] = []
        self._hover_enabled = True
        self._hovering = False
        self._pressed: Pointer | None = None
        self._grabbed: int | None = None  # the placed point under the press
        self._scribble: Scribble | None = None  # the stroke being drawn
        self._dragged = False
        self._before = PromptSet()  # at the press
        self._hot: int | None = None  # the placed point under the mouse
        self._second_press = False  # the press is the second of a double click

    @property
    def prompts(self) -> PromptSet:
        """The prompts placed."""
        return self._prompts

    @property
    def is_idle(self) -> bool:
        """Whether no prompt is placed or being dragged."""
        return not self._prompts and self._pressed is None

    @property
    def state(self) -> PromptState:
        """The prompts and their steps."""
        return PromptState(self._prompts, tuple(self._history), tuple(self._undone))

    def restore(self, state: PromptState) -> None:
        """Goes on with these prompts; emits neither ``prompts_changed`` nor ``cleared``."""
        self.blockSignals(True)
        try:
            self._drop_gesture()
            self._change(state.prompts)
        finally:
            self.blockSignals(False)
        self._history, self._undone = list(state.history), list(state.undone)
        self.hint_changed.emit(self.hint)
        self.steps_changed.emit()

    def show_prompts(self, prompts: PromptSet) -> None:
        """Shows the prompts of an annotation without emitting ``prompts_changed``."""
        self.restore(PromptState(prompts))

    def undo_step(self) -> bool:
        """Undoes the last prompt, or the drag of one; False if there is none."""
        if self._dragged:
            self.cancel()
            return True
        self._drop_gesture()
        if self._history:
            before = self._history.pop()
        elif self._prompts.points:
            before = replace(self._prompts, points=self._prompts.points[:-1])
        elif self._prompts:
            before = PromptSet()
        else:
            return False
        self._undone.append(self._prompts)
        self._change(before)
        return True

    def redo_step(self) -> bool:
        """Places the prompt undone last again; False if there is none."""
        self._drop_gesture()
        if not self._undone:
            return False
        self._history.append(self._prompts)
        self._change(self._undone.pop())
        return True

    @property
    def undo_name(self) -> str:
        """ "prompt", if there is one."""
        return "prompt" if self._prompts else ""

    @property
    def redo_name(self) -> str:
        """ "prompt", if one was undone."""
        return "prompt" if self._undone else ""

    def clear(self) -> None:
        """Removes every prompt."""
        self._forget_steps()
        if self._prompts:
            self._change(PromptSet())
            self.cleared.emit()

    def discard(self) -> None:
        """Removes every prompt and has the proposed mask discarded, also one without prompts."""
        self._forget_steps()
        self._change(PromptSet())
        self.cleared.emit()

    def finish(self) -> None:
        """Requests that the proposed mask is kept."""
        self.accept_requested.emit()

    def set_hover_enabled(self, enabled: bool) -> None:
        """Enables or disables the preview of the mask under the cursor."""
        self._hover_enabled = enabled
        if not enabled:
            self._stop_hover()

    def cancel(self) -> None:
        """Cancels the drag and restores the prompts before it."""
        if self._pressed is not None:
            before, dragged = self._before, self._dragged
            self._drop_gesture()
            if dragged and before != self._prompts:
                self._change(before)

    def interrupt(self) -> None:
        """Ends the preview, and the drag of a box or a point as if the button were released."""
        self._stop_hover()
        before, dragged = self._before, self._dragged
        self._drop_gesture()
        if dragged:
            self._add_step(before)

    def image_changed(self) -> None:
        """Removes every prompt."""
        self._stop_hover()
        self.clear()

    def press(self, pointer: Pointer) -> None:
        """Begins a click, a box, or the drag of a placed point."""
        if self._pressed is not None or pointer.button not in (
            Qt.MouseButton.LeftButton,
            Qt.MouseButton.RightButton,
        ):
            return
        self._stop_hover()
        self._pressed, self._dragged, self._before = pointer, False, self._prompts
        self._second_press = False
        size = None if self._canvas is None else self._canvas.image_size
        if size is not None and pointer.modifiers & _SCRIBBLES:
            self._scribble = Scribble(_includes(pointer), size)
            self._scribble.add(pointer)
        else:
            self._grabbed = self._point_at(pointer)

    def double_click(self, pointer: Pointer) -> None:
        """Begins a second click, which does not remove the point that the first one has placed."""
        self.press(pointer)
        self._second_press = True

    def move(self, pointer: Pointer) -> None:
        """Draws the box or moves the point being dragged; otherwise previews the mask under the cursor."""
        if self._pressed is None:
            if pointer.buttons is Qt.MouseButton.NoButton:
                self._hover(pointer)
            return
        self._dragged = self._dragged or pointer.far_from(self._pressed)
        if self._scribble is not None:
            self._draw_stroke(self._scribble, pointer)
            return
        if not self._dragged:
            return
        if self._grabbed is not None:
            self._change(self._with_point_moved(pointer))
        elif self._pressed.button is Qt.MouseButton.LeftButton:
            self._change(replace(self._before, box=self._box_to(pointer)))

    def release(self, pointer: Pointer) -> None:
        """Places the point or the box, or ends the drag of a point."""
        start = self._pressed
        if start is None or pointer.button is not start.button:
            return
        self.move(pointer)
        grabbed, dragged, before, second_press = (
            self._grabbed,
            self._dragged,
            self._before,
            self._second_press,
        )
        scribble = self._scribble
        self._drop_gesture()
        if scribble is not None and dragged:
            self._end_stroke(scribble, before)
        elif grabbed is not None and not dragged:
            if not second_press:
                points = before.points[:grabbed] + before.points[grabbed + 1 :]
                self._change(replace(before, points=points))
        elif grabbed is None and (not dragged or start.button is Qt.MouseButton.RightButton):
            self._add_point(start)
        self._add_step(before)
        self._hot = self._point_at(pointer)
        self._repaint()

    def leave(self) -> None:
        """Ends the preview."""
        self._stop_hover()
        if self._hot is not None:
            self._hot = None
            self._repaint()

    def wants_key(self, event: QKeyEvent) -> bool:
        """Whether the key is Esc during a drag."""
        return self._pressed is not None and event.key() == Qt.Key.Key_Escape

    def key_press(self, event: QKeyEvent) -> bool:
        """Tab and Shift+Tab step through the candidates, Esc cancels a drag."""
        if event.key() == Qt.Key.Key_Escape and self._pressed is not None:
            self.cancel()
            return True
        if event.key() in (Qt.Key.Key_Tab, Qt.Key.Key_Backtab):
            self.candidate_step.emit(1 if event.key() == Qt.Key.Key_Tab else -1)
            return True
        return False

    def paint(self, painter: QPainter, canvas: Canvas) -> None:
        """Paints the prompts, the same size at any zoom."""
        box = self._prompts.box
        if box is not None:
            corners = canvas.to_widget(box.x0, box.y0), canvas.to_widget(box.x1, box.y1)
            paint_box(painter, QRectF(*corners), self.color)
        if self._scribble is not None and self._dragged:
            self._scribble.paint(painter, canvas)
        for i, point in enumerate(self._prompts.points):
            hot = i == self._hot
            paint_point(painter, canvas.to_widget(point.x, point.y), positive=point.positive, hot=hot)

    def _change(self, prompts: PromptSet) -> None:
        if prompts == self._prompts:
            return
        self._prompts = prompts
        self._set_hint(_NEXT_HINT if prompts else _START_HINT)
        if self._hot is not None and self._hot >= len(prompts.points):
            self._hot = None
        self._repaint()
        self.prompts_changed.emit(prompts)
        self.steps_changed.emit()

    def _add_step(self, before: PromptSet) -> None:
        if self._prompts != before:
            self._history.append(before)
            self._undone.clear()
            self.steps_changed.emit()

    def _forget_steps(self) -> None:
        self._drop_gesture()
        self._history, self._undone = [], []

    def _drop_gesture(self) -> None:
        self._pressed, self._grabbed, self._dragged, self._scribble = None, None, False, None

    def _draw_stroke(self, scribble: Scribble, pointer: Pointer) -> None:
        """Continues a stroke; its points are prompts while it is drawn."""
        if scribble.add(pointer) and self._dragged:
            self._change(replace(self._before, points=(*self._before.points, *scribble.points())))
        self._repaint()

    def _end_stroke(self, scribble: Scribble, before: PromptSet) -> None:
        points = scribble.points()
        self._change(replace(before, points=(*before.points, *points)))
        if not points:
            self.notice.emit("The stroke is outside the image: no prompt was placed.")

    def _add_point(self, at: Pointer) -> None:
        if not self._inside(at.x, at.y):
            return
        point = PointPrompt(at.x, at.y, _includes(at))
        self._change(replace(self._prompts, points=(*self._prompts.points, point)))

    def _with_point_moved(self, pointer: Pointer) -> PromptSet:
        points = list(self._before.points)
        assert self._grabbed is not None
        x, y = self._clamped(pointer.x, pointer.y)
        points[self._grabbed] = replace(points[self._grabbed], x=x, y=y)
        return replace(self._before, points=tuple(points))

    def _box_to(self, pointer: Pointer) -> BoxPrompt | None:
        assert self._pressed is not None
        x0, y0 = self._clamped(self._pressed.x, self._pressed.y)
        x1, y1 = self._clamped(pointer.x, pointer.y)
        if x0 == x1 or y0 == y1:
            return self._before.box
        return BoxPrompt(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1))

    def _point_at(self, pointer: Pointer) -> int | None:
        if self._canvas is None:
            return None
        best, found = self._canvas.image_pixels(_GRAB), None
        for i, point in enumerate(self._prompts.points):
            distance = math.hypot(point.x - pointer.x, point.y - pointer.y)
            if distance <= best:
                best, found = distance, i
        return found

    def _hover(self, pointer: Pointer) -> None:
        hot = self._point_at(pointer)
        if hot != self._hot:
            self._hot = hot
            self._set_cursor(Qt.CursorShape.CrossCursor if hot is None else Qt.CursorShape.PointingHandCursor)
            self._repaint()
        if self._hover_enabled and not self._prompts and self._inside(pointer.x, pointer.y):
            self._hovering = True
            self.hovered.emit(pointer.x, pointer.y)
        else:
            self._stop_hover()

    def _stop_hover(self) -> None:
        if self._hovering:
            self._hovering = False
            self.hover_left.emit()


def _includes(pointer: Pointer) -> bool:
    """Whether a press is about the object: the left button without Shift."""
    return pointer.button is Qt.MouseButton.LeftButton and not pointer.has(Qt.KeyboardModifier.ShiftModifier)
