"""UndoHistory: the store's undo log as the main thread shows it, including changes that are not durable yet.

The log of the store is the only history. This list mirrors it and adds the pending changes:

1. An edit is shown first, then ``commit`` appends its step and queues one change. ``undo`` and ``redo`` move
   the position, queue one change, and return what to show meanwhile.
2. The storage thread runs the changes in order and answers each: durable (``saved``), not saved because of
   the disk, or refused. The list is the log plus the pending changes, at any time.
3. While the disk fails, changes stay pending and are sent again, in order, before the next change or by
   ``retry``. The newest of them needs no saving if it is undone (or, an undo, redone): both are dropped.
4. A step that the store adds itself (a run, an imported label file) is in the log below the pending changes,
   and ``insert`` puts it there: they are taken off the list, the step is appended, they are reapplied.
5. The store decides the result of an undo or redo: after showing its own edit, the session reloads the
   image. Only the store has the complete edits of steps on several images.
6. When a dataset is opened, ``restore`` shows its log.
7. With an image on screen, its steps are undone and redone before those of other images (``overtaken``). Such
   a step moves to the place where its turn is, in this list and in the log, and its change names the step:
   if it may not overtake what came in between, the store answers as for 8, without a message.
8. A change is refused that does not fit the dataset as it is when it is saved, and would not later. It is
   taken off the list, which becomes the log of the store with the other pending changes, and ``refused``
   names it; they are saved without it. ``try_again`` makes it anew. A change that has to fit a state that
   the main thread cannot know (all annotations of a label) comes with a plan: the store makes it.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from itertools import count, takewhile

from PySide6.QtCore import QObject, Signal

from samdesk.dataset.change import AppliedEdit
from samdesk.dataset.plans import Plan
from samdesk.dataset.types import LogEntry
from samdesk.domain.annotation import RunId
from samdesk.domain.document import ImageKey
from samdesk.domain.edits import Edit, Transaction, overtaken
from samdesk.domain.split import inverse
from samdesk.workers.failure import Failure
from samdesk.workers.storage.changes import (
    Kind,
    PendingChange,
    Refused,
    RefusedChange,
    Saved,
    UndoStep,
)

MOST_REFUSED = 100
"""Refused changes that can be tried again; older ones are forgotten."""


class UndoHistory(QObject):
    """The steps that can be undone and redone, and whether they are saved.

    Signals:
        changed: The steps that can be undone or redone have changed.
        saved: The number of a change that is durable now.
        save_failed: ``Failure`` of the disk; its token is the number of the change.
        refused: ``RefusedChange``: it was not saved and is no longer on the list; the screen has to be read
            again.
        stored: Keys of images that the store has changed by a planned change or one tried again.
        pending_changed: How many changes are not durable yet.
    """

    changed = Signal()
    saved = Signal(int)
    save_failed = Signal(object)
    refused = Signal(object)
    stored = Signal(object)
    pending_changed = Signal(int)

    def __init__(self, send: Callable[[PendingChange], None], parent: QObject | None = None) -> None:
        """``send``: queues a change for the storage thread."""
        super().__init__(parent)
        self._send = send
        self._steps: list[UndoStep] = []
        self._index = 0
        """The first steps are done, the others undone."""
        self._changes: dict[int, PendingChange] = {}
        """The pending changes by number, oldest first."""
        self._numbers = count(1)
        self._attempt = 1
        self._stuck = False
        self._refusals = 0
        """How many refusals the storage thread has answered."""
        self._refused: deque[RefusedChange] = deque(maxlen=MOST_REFUSED)
        self._again: set[int] = set()
        """The changes that are tried again."""

    # -- the steps

    @property
    def texts(self) -> tuple[str, ...]:
        """The texts of the steps, oldest first; then the undone ones, the next redo first."""
        return tuple(step.do.text for step in self._steps)

    @property
    def index(self) -> int:
        """The number of steps that are done."""
        return self._index

    @property
    def undone(self) -> tuple[UndoStep, ...]:
        """The undone steps, the next redo first; those that were dropped unsaved are not in the log."""
        return tuple(self._steps[self._index :])

    @property
    def can_undo(self) -> bool:
        return self._index > 0

    @property
    def can_redo(self) -> bool:
        return self._index < len(self._steps)

    def next_undo(self, key: ImageKey | None = None) -> UndoStep | None:
        """Returns the step to undo next; None if there is none.

        Args:
            key: The image on screen: its steps come before newer ones of other images; None: the newest.
        """
        return self._steps[self._index - 1 - self._over(Kind.UNDO, key)] if self.can_undo else None

    def next_redo(self, key: ImageKey | None = None) -> UndoStep | None:
        """Returns the step to redo next; None if there is none. ``key`` as for ``next_undo``."""
        return self._steps[self._index + self._over(Kind.REDO, key)] if self.can_redo else None

    def restore(self, done: Sequence[LogEntry], undone: Sequence[LogEntry]) -> None:
        """Shows the log of another dataset: steps done, oldest first, and undone, the next redo first."""
        self._steps.clear()
        self._show_log(done, undone)
        self._changes.clear()
        self._refused.clear()
        self._again.clear()
        self._stuck = False
        self._attempt += 1  # refusals still under way are about the previous dataset
        self._report()

    def commit(
        self,
        do: Transaction,
        undo: Transaction | None = None,
        applied: AppliedEdit | None = None,
        plan: Plan | None = None,
    ) -> int:
        """Appends a step and saves it; steps that were undone can no longer be redone.

        Args:
            do: The change, already on screen.
            undo: Its inverse; None: only the store has it, as for images that are not open.
            applied: The edit as it was applied on screen, so that the store need not apply it again.
            plan: Makes the change when it is saved; ``do`` is what is shown of it until then.

        Returns:
            The number of the change.
        """
        step = UndoStep(do, undo or _partial_inverse(do), plan=plan)
        self._append(step)
        seq = self._add(Kind.COMMIT, step, applied)
        self._report()
        return seq

    def undo(self, key: ImageKey | None = None) -> Transaction | None:
        """Undoes ``next_undo``. Returns what to show until it is saved; None if there is no step."""
        if not self.can_undo:
            return None
        over = self._over(Kind.UNDO, key)
        step = self._move(Kind.UNDO, over)
        dropped = None if over else self._drop_newest(step, Kind.COMMIT, Kind.REDO)
        if dropped is None:
            self._add(Kind.UNDO, step, over=over or None)
        elif dropped.kind is Kind.COMMIT:
            step.in_log = False
        self._report()
        return step.undo

    def redo(self, key: ImageKey | None = None) -> Transaction | None:
        """Redoes ``next_redo``. Returns what to show until it is saved; None if there is no step."""
        if not self.can_redo:
            return None
        over = self._over(Kind.REDO, key)
        step = self._move(Kind.REDO, over)
        if not step.in_log:
            step.in_log = True
            self._add(Kind.COMMIT, step)
        elif over or self._drop_newest(step, Kind.UNDO) is None:
            self._add(Kind.REDO, step, over=over or None)
        self._report()
        return step.do

    def insert(self, entry: LogEntry) -> None:
        """Adds a step that the store has appended to its log by itself, below the pending changes."""
        for change in reversed(self._changes.values()):
            self._take_off(change)
        self._append(UndoStep.of(entry))
        for seq, change in self._changes.items():
            self._changes[seq] = self._reapply(change)
        self.changed.emit()

    def newest_of(self, run_id: RunId) -> int:
        """Returns how many of the newest steps are of a run: a carry has one for each image."""
        steps = takewhile(lambda step: step.do.run_id == run_id, reversed(self._steps[: self._index]))
        return sum(1 for _ in steps)

    def take_off_run(self, run_id: RunId) -> None:
        """Removes the step of a run that goes on; its store has it again when the run ends."""
        for change in reversed(self._changes.values()):
            self._take_off(change)
        place = next((n for n, s in enumerate(self._steps[: self._index]) if s.do.run_id == run_id), None)
        if place is not None:
            del self._steps[place]
            self._index -= 1
        for seq, change in self._changes.items():
            self._changes[seq] = self._reapply(change)
        self.changed.emit()

    # -- saving

    @property
    def refused_changes(self) -> tuple[RefusedChange, ...]:
        """The refused changes that can be tried again, oldest first."""
        return tuple(self._refused)

    @property
    def pending(self) -> int:
        """How many changes are not durable yet."""
        return len(self._changes)

    @property
    def stuck(self) -> bool:
        """Whether a change failed to save and nothing was sent since."""
        return self._stuck

    def retry(self) -> None:
        """Sends all pending changes again, in order, if one has failed."""
        if not self._stuck:
            return
        self._stuck = False
        for seq, change in self._changes.items():
            self._changes[seq] = replace(change, attempt=self._attempt, refusals=self._refusals)
            self._send(self._changes[seq])

    def try_again(self, *, conflict_only: bool = False) -> None:
        """Makes the refused changes anew, on the present state.

        Args:
            conflict_only: Only those that had to wait for conflicts to be resolved.
        """
        chosen = [refused for refused in self._refused if refused.conflict or not conflict_only]
        for refused in chosen:
            self._refused.remove(refused)
            step = UndoStep(refused.step.do, refused.step.undo, plan=refused.step.plan)
            self._append(step)
            self._again.add(self._add(Kind.COMMIT, step))
        if chosen:
            self._report()

    def note_saved(self, answer: Saved) -> None:
        """Handles the answer that a change is durable."""
        seq, entry = answer.seq, answer.entry
        change = self._changes.pop(seq, None)
        if change is not None and answer.number:
            change.step.number = answer.number
        if change is not None and entry is not None:
            change.step.do, change.step.undo = entry.do, entry.undo
        if change is not None and (entry is not None or seq in self._again):
            self._again.discard(seq)
            self.stored.emit(change.step.do.keys)
        if answer.real:
            self.saved.emit(seq)
        else:
            self.save_failed.emit(Failure("The store has no such step to undo or redo.", token=seq))
        self.pending_changed.emit(self.pending)

    def note_refused(self, answer: Refused) -> None:
        """Handles the answer that a change was refused: it is dropped, and the list read from the log."""
        self._refusals += 1
        change = self._changes.pop(answer.seq, None)
        if change is None:
            return  # of the previous dataset
        self._again.discard(answer.seq)
        self._show_log(answer.done, answer.undone)
        for seq, other in self._changes.items():
            self._changes[seq] = self._reapply(other)
        if answer.failure is not None:
            refused = RefusedChange(change.kind, change.step, answer.failure, answer.conflict)
            if change.kind is Kind.COMMIT:
                self._refused.append(refused)
            self.refused.emit(refused)
        self.stored.emit(change.step.do.keys)
        self._report()

    def note_failed(self, seq: int, attempt: int, why: Failure) -> None:
        """Handles the answer that a change was not saved because of the disk."""
        if attempt < self._attempt:
            return  # it was sent after one that failed, which has been reported
        self._attempt += 1
        self._stuck = True
        self.save_failed.emit(why.about(token=seq))

    # -- private

    def _show_log(self, done: Sequence[LogEntry], undone: Sequence[LogEntry]) -> None:
        steps = (*self._steps, *(change.step for change in self._changes.values()))
        known = {step.number: step for step in steps if step.number}
        self._steps = [known.get(entry.seq) or UndoStep.of(entry) for entry in (*done, *undone)]
        self._index = len(done)

    def _append(self, step: UndoStep) -> None:
        self._steps[self._index :] = [step]
        self._index += 1

    def _over(self, kind: Kind, key: ImageKey | None) -> int:
        """Returns how many steps the next undo or redo overtakes with an image on screen."""
        if key is None:
            return 0
        if kind is Kind.UNDO:
            steps = (self._steps[i] for i in range(self._index - 1, -1, -1))
        else:
            # A step that the store has never had is saved as a new one: it keeps its turn.
            undone = (self._steps[i] for i in range(self._index, len(self._steps)))
            steps = (step for step in takewhile(lambda step: step.in_log, undone))
        return overtaken(key, (step.do for step in steps)) or 0

    def _move(self, kind: Kind, over: int) -> UndoStep:
        """Undoes or redoes a step in the list, where it overtakes some others, and returns it."""
        if kind is Kind.UNDO:
            step = self._steps.pop(self._index - 1 - over)
            self._index -= 1
            self._steps.insert(self._index, step)
        else:
            step = self._steps.pop(self._index + over)
            self._steps.insert(self._index, step)
            self._index += 1
        return step

    def _take_off(self, change: PendingChange) -> None:
        """Takes the newest pending change off the list; what can be redone is not restored."""
        if not change.shown:
            return
        if change.kind is Kind.UNDO:
            self._append(change.step)
            self._steps.insert(self._index - 1 - (change.over or 0), self._steps.pop())
        else:
            self._index -= 1

    def _reapply(self, change: PendingChange) -> PendingChange:
        """Reapplies a pending change to the list, as the store will run it."""
        if change.kind is Kind.COMMIT:
            self._append(change.step)
            return replace(change, shown=True)
        undo = change.kind is Kind.UNDO
        key = None if change.over is None else change.step.do.keys[0]
        step = self.next_undo(key) if undo else self.next_redo(key)
        if step is None or (key is not None and step is not change.step):
            return replace(change, shown=False)
        over = self._over(change.kind, key)
        self._move(change.kind, over)
        over_now = None if key is None else over
        return replace(change, step=step if undo else change.step, over=over_now, shown=True)

    def _add(
        self, kind: Kind, step: UndoStep, applied: AppliedEdit | None = None, over: int | None = None
    ) -> int:
        change = PendingChange(
            next(self._numbers), self._attempt, kind, step, applied, refusals=self._refusals, over=over
        )
        self._changes[change.seq] = change
        if self._stuck:
            self.retry()
        else:
            self._send(change)
        return change.seq

    def _drop_newest(self, step: UndoStep, *kinds: Kind) -> PendingChange | None:
        """Drops the newest change if it could not be saved, and is of this step and one of these kinds."""
        if not self._stuck or not self._changes:
            return None
        seq, change = next(reversed(self._changes.items()))
        if change.kind not in kinds or change.step is not step or change.over is not None:
            return None
        del self._changes[seq]
        self._stuck = bool(self._changes)
        self.retry()
        return change

    def _report(self) -> None:
        self.pending_changed.emit(self.pending)
        self.changed.emit()


def _partial_inverse(do: Transaction) -> Transaction:
    """Returns the inverse of a step as far as the main thread knows it: the images' keys, and the labels."""
    named = tuple((key, Edit()) for key in do.keys)
    return Transaction(do.text, named, do.labels_before, do.labels, splits=inverse(do.splits))
