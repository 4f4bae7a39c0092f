"""UndoController: undoes what is being drawn, then the steps of this image, then others after naming them."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import Protocol

from PySide6.QtCore import QObject, Signal

from samdesk.base.text import counted
from samdesk.dataset.change import class_ids_change
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.edits import Transaction
from samdesk.domain.labels import LabelSet
from samdesk.domain.review import ImageReview
from samdesk.ui.editing.session import Session
from samdesk.ui.kit.messages import Messages
from samdesk.workers.storage.changes import UndoStep

_KEY = "step"


class Drawing(Protocol):
    """What is being drawn with a tool and is not in the history yet."""

    @property
    def undo_name(self) -> str:
        """What ``undo_step`` undoes; "" if there is nothing."""

    @property
    def redo_name(self) -> str:
        """What ``redo_step`` redoes; "" if there is nothing."""

    def undo_step(self) -> None:
        """Undoes the last prompt or vertex."""

    def redo_step(self) -> None:
        """Redoes the prompt or vertex undone last."""


class Walker(Protocol):
    """A mode that goes to what a step has changed before it is undone or redone."""

    def undo(self) -> bool:
        """Undoes a step; False: it is not for the mode to do."""

    def redo(self) -> bool:
        """Redoes a step; False: it is not for the mode to do."""


class UndoController(QObject):
    """The Undo and Redo commands.

    Undo takes back the prompts or vertices of what is being drawn, then the steps of this image, then the
    newest step of the history. A step that changed other images, or labels before this image came on screen,
    is only named by the first press, which shows an image it changed; the second press undoes it. Redo does
    the same in reverse.

    Signals:
        changed: ``undo_title``, ``redo_title``, ``can_undo`` or ``can_redo`` may have changed.
        restored: (frozenset of AnnotationId) what an undo has brought back or changed back on this image.
    """

    changed = Signal()
    restored = Signal(object)

    def __init__(
        self, session: Session, drawing: Drawing, messages: Messages, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._session, self._drawing, self._messages = session, drawing, messages
        self.mode: Walker | None = None
        """Undoes and redoes instead, in a mode with an order of its own."""
        self.shows_all: Callable[[], bool] = lambda: False
        """Whether the user sees what any step changes, as on a contact sheet: the newest is undone."""
        self._armed: tuple[str, UndoStep] | None = None
        """The step that was named and that the next press undoes or redoes."""
        self._goes_to: str | None = None
        self._made_here: set[UndoStep] = set()
        """Steps made since this image came on screen."""
        self._stepped_here: set[UndoStep] = set()
        """Steps undone or redone since then."""
        self._stepping = False
        self._undone_after_drawing = 0
        """Steps of the history undone after the newest undone prompt or vertex: they are redone first."""
        self._state: tuple[bool, bool, str, str] | None = None
        session.history.changed.connect(self._follow_history)
        session.model.document_opened.connect(self._follow_image)
        session.run_changed.connect(self.refresh)

    @property
    def can_undo(self) -> bool:
        steps = self._session.history.can_undo or bool(self._session.run_text)
        return bool(self._drawing.undo_name) or (steps and self._writable)

    @property
    def can_redo(self) -> bool:
        return self._redoes_drawing or (self._session.history.can_redo and self._writable)

    @property
    def undo_title(self) -> str:
        """Text of the Undo command: "Undo prompt", "Undo Add cat on 3.jpg"."""
        name = self._drawing.undo_name if self._undoes_drawing else self._session.run_text
        return self._title("Undo", name, self._next_undo)

    @property
    def redo_title(self) -> str:
        """Text of the Redo command."""
        name = self._drawing.redo_name if self._redoes_drawing else ""
        return self._title("Redo", name, self._next_redo)

    def undo(self) -> None:
        """Undoes the newest step of what is being drawn, else of the history."""
        self._session.end_run()
        if self.mode is not None and self.mode.undo():
            return
        step = self._next_undo
        if self._undoes_drawing:
            self._undone_after_drawing = 0
            self._drawing.undo_step()
        elif step is not None and self._writable and self._may("Undo", step):
            before = self._session.model.document
            self._run(partial(self._session.undo, newest=self.shows_all()), step)
            self._undone_after_drawing += bool(self._drawing.redo_name)
            self._note_review(before, step)
            self._note_restored(before)

    def redo(self) -> None:
        """Redoes the step undone last, of what is being drawn or of the history."""
        if self.mode is not None and self.mode.redo():
            return
        step = self._next_redo
        if self._redoes_drawing:
            self._drawing.redo_step()
        elif step is not None and self._writable and self._may("Redo", step):
            self._run(partial(self._session.redo, newest=self.shows_all()), step)
            self._undone_after_drawing = max(0, self._undone_after_drawing - 1)

    def refresh(self) -> None:
        """Emits ``changed`` if what can be undone or redone has changed, also of what is being drawn."""
        state = (self.can_undo, self.can_redo, self.undo_title, self.redo_title)
        if state != self._state:
            self._state = state
            self.changed.emit()

    @property
    def _next_undo(self) -> UndoStep | None:
        return self._session.history.next_undo(self._key)

    @property
    def _next_redo(self) -> UndoStep | None:
        return self._session.history.next_redo(self._key)

    @property
    def _key(self) -> ImageKey | None:
        """The image whose steps come first; None: none."""
        return None if self.shows_all() else self._session.model.key

    @property
    def _writable(self) -> bool:
        return not self._session.read_only

    @property
    def _undoes_drawing(self) -> bool:
        """Whether Undo undoes a prompt or vertex: not if a step was named."""
        named = self._armed is not None and self._armed == ("Undo", self._next_undo)
        return bool(self._drawing.undo_name) and not named

    @property
    def _redoes_drawing(self) -> bool:
        """Whether Redo redoes a prompt or vertex: not if a step was named, or steps were undone after it."""
        named = self._armed is not None and self._armed == ("Redo", self._next_redo)
        return bool(self._drawing.redo_name) and not self._undone_after_drawing and not named

    def _title(self, verb: str, drawn: str, step: UndoStep | None) -> str:
        if drawn or step is None:
            return f"{verb} {drawn}".strip()
        where = "" if step.do.keys == (self._session.model.key,) else _where(step.do)
        return f"{verb} {step.do.text} {where}".strip()

    def _run(self, action: object, step: UndoStep) -> None:
        assert callable(action)
        self.disarm()
        self._stepping = True
        try:
            action()
        finally:
            self._stepping = False
        self._stepped_here.add(step)

    def _may(self, verb: str, step: UndoStep) -> bool:
        """Whether to undo or redo a step at once; otherwise it is named and its image shown."""
        if self._armed == (verb, step) or self.shows_all() or not self._is_elsewhere(step):
            return True
        here, keys = self._session.model.key, step.do.keys
        self._armed = (verb, step)
        self._goes_to = here if here in keys or not keys else keys[0]
        what = "The last change" if verb == "Undo" else "The next change to redo"
        again = "Undo again to take it back." if verb == "Undo" else "Redo again to make it."
        self._messages.info(
            f"{what} is “{step.do.text}” {_where(step.do)}. {again}",
            key=_KEY,
            actions=[(verb, self.undo if verb == "Undo" else self.redo)],
            seconds=0,
        )
        if self._goes_to != here and self._goes_to is not None:
            self._session.image_requested.emit(self._goes_to)
        self.refresh()
        return False

    def _is_elsewhere(self, step: UndoStep) -> bool:
        """Whether a step changes what the user does not see, or has not just done."""
        do = step.do
        if step in self._stepped_here:
            return False
        here = all(key == self._session.model.key for key in do.keys)
        if not here or (do.run_id is not None and (step not in self._made_here or not do.keys)):
            return True
        if do.splits and step not in self._made_here:
            return True
        return do.labels is not None and (step not in self._made_here or _renumbers(do))

    def _note_review(self, before: ImageDocument | None, step: UndoStep) -> None:
        after = self._session.model.document
        if before is None or after is None or before.key != after.key:
            return
        if before.review is ImageReview.ACCEPTED and after.review is not ImageReview.ACCEPTED:
            text = f"Undid: {step.do.text}. {after.key} is no longer accepted."
            self._messages.info(text, key=_KEY, seconds=6)

    def _note_restored(self, before: ImageDocument | None) -> None:
        """The next key is meant for what the undo was made for, not for what was selected after it."""
        after = self._session.model.document
        if before is None or after is None or before.key != after.key:
            return
        if (before.review is ImageReview.ACCEPTED) != (after.review is ImageReview.ACCEPTED):
            return  # accepting the image has changed all of them
        known = {a.id: a for a in before.annotations}
        ids = frozenset(a.id for a in after.annotations if known.get(a.id) != a)
        if ids:
            self.restored.emit(ids)

    def _follow_history(self) -> None:
        newest = self._session.history.next_undo()
        if not self._stepping:
            self.disarm()
            self._messages.dismiss(_KEY)  # what was undone before this change is no news any more
            if newest is not None:
                self._made_here.add(newest)
        if not self._session.history.can_redo:
            self._undone_after_drawing = 0
        self.refresh()

    def _follow_image(self, document: ImageDocument | None) -> None:
        self._made_here.clear()
        self._stepped_here.clear()
        if document is not None and document.key != self._goes_to:
            self.disarm()
        self.refresh()

    def disarm(self) -> None:
        """Takes back that a step was named: the user does something else."""
        if self._armed is not None:
            self._armed = self._goes_to = None
            self._messages.dismiss(_KEY)
            self.refresh()


def _where(step: Transaction) -> str:
    """The images that a step changed, in words."""
    if step.labels is not None:
        return "in the labels of all images"
    keys = step.keys
    if step.splits and not keys:
        return "in the splits"
    return f"on {keys[0]}" if len(keys) == 1 else f"on {counted(len(keys), 'image')}"


def _renumbers(step: Transaction) -> bool:
    return class_ids_change(step.labels_before or LabelSet(), step.labels or LabelSet())
