"""Steps of the history, and the changes that carry them to the store."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from samdesk.dataset.change import AppliedEdit
from samdesk.dataset.dataset import Dataset
from samdesk.dataset.plans import Plan
from samdesk.dataset.types import LogEntry
from samdesk.domain.document import ImageDocument
from samdesk.domain.edits import Transaction
from samdesk.workers.failure import Failure


class Kind(Enum):
    """How a change affects the log; the value completes "... failed" in an error message."""

    COMMIT = "saving the change"
    UNDO = "saving the undo"
    REDO = "saving the redo"


@dataclass(eq=False)
class UndoStep:
    """One step of the history, as the main thread shows it at once.

    Where a step changes several images, its edits are empty and only name them: the store has them whole.

    Attributes:
        do: The change.
        undo: Its inverse.
        in_log: Whether the log of the store has it, or will have it when the pending changes are saved.
        number: Its number in the log; 0 until the answer that it is saved.
        plan: Makes the change when it is saved; None: it is ``do``.
    """

    do: Transaction
    undo: Transaction
    in_log: bool = True
    number: int = 0
    plan: Plan | None = None

    @classmethod
    def of(cls, entry: LogEntry) -> UndoStep:
        """Returns the step of a log entry."""
        return cls(entry.do, entry.undo, number=entry.seq)


@dataclass(frozen=True)
class PendingChange:
    """A change that is not durable yet.

    Attributes:
        seq: Its number.
        attempt: See ``samdesk.workers.storage.loop``.
        kind: What it does.
        step: The step that it appends, undoes or redoes.
        applied: Of a commit of one edit: the edit as it was applied on screen.
        refusals: The refusals that the main thread knew of when it sent the change.
        over: Of an undo or redo of this very step: how many steps it overtakes in the list; None: it is of
            the step whose turn it is when it is saved.
        shown: Whether the list shows it; False: nothing to undo or redo is left for it since a step came
            in between, and the store will answer so.
    """

    seq: int
    attempt: int
    kind: Kind
    step: UndoStep
    applied: AppliedEdit | None = None
    refusals: int = 0
    over: int | None = None
    shown: bool = True

    def preview(self, document: ImageDocument) -> ImageDocument:
        """Returns a document as the change will leave it, as far as the main thread knows."""
        step = self.step.undo if self.kind is Kind.UNDO else self.step.do
        for key, edit in step.edits:
            if key == document.key:
                document, _ = edit.apply(document)
        return document

    def save(self, dataset: Dataset, number: int) -> Saved:
        """Saves the change; ``number``: of its step in the log, 0 if it is not there."""
        if self.kind is not Kind.COMMIT:
            replay = dataset.undo if self.kind is Kind.UNDO else dataset.redo
            return Saved(self.seq, real=replay(None if self.over is None else number) is not None)
        if self.step.plan is not None:
            entry = dataset.commit_planned(self.step.plan)
            return Saved(self.seq, entry.seq, entry=entry)
        saved = dataset.commit_step(self.step.do, self.applied)
        return Saved(self.seq, saved.seq, entry=saved.entry)


@dataclass(frozen=True)
class Saved:
    """The answer that a change is durable.

    Attributes:
        seq: The number of the change.
        number: Of the step in the log; 0: the change is not a commit.
        real: False: there was no step to undo or redo.
        entry: The step of a change that was planned when it was saved, or that brought back a label.
    """

    seq: int
    number: int = 0
    real: bool = True
    entry: LogEntry | None = None


@dataclass(frozen=True)
class Refused:
    """The answer that a change was refused: it does not fit the dataset; the next ones are saved without it.

    Attributes:
        seq: The number of the change.
        failure: Why; None: an undo or redo of a step that may not be the next any more: its own change was
            refused just before, or a step came in between.
        done: The log, oldest first.
        undone: The steps that can be redone, the next one first.
        conflict: It may be saved once conflicts about label files are resolved.
    """

    seq: int
    failure: Failure | None
    done: tuple[LogEntry, ...]
    undone: tuple[LogEntry, ...]
    conflict: bool = False


@dataclass(frozen=True, eq=False)
class RefusedChange:
    """A change that the store has refused, for the user.

    Attributes:
        kind: What it did.
        step: The step.
        failure: Why it was refused.
        conflict: As in ``Refused``.
    """

    kind: Kind
    step: UndoStep
    failure: Failure
    conflict: bool = False

    @property
    def text(self) -> str:
        """What was not saved, why, and what to do next, as sentences."""
        name = self.step.do.text or "The change"
        what = {
            Kind.COMMIT: f"“{name}” was not saved",
            Kind.UNDO: f"“{name}” could not be undone",
            Kind.REDO: f"“{name}” could not be redone",
        }[self.kind]
        return f"{what}: {self.failure.text}"
