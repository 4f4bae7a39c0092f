"""Steps of the history, and the changes that carry them to the store."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from samdesk.dataset.change import AppliedEdit
from samdesk.dataset.dataset import Dataset
from samdesk.domain.edits import Transaction


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
    """

    do: Transaction
    undo: Transaction
    in_log: bool = True


@dataclass(frozen=True)
class PendingChange:
    """A change that is not durable yet.

    Attributes:
        seq: Its number.
        attempt: See ``samdesk.workers.storage.loop``.
        kind: What it does.
        step: The step that it appends, undoes or redoes.
        applied: Of a commit of one edit: the edit as it was applied on screen.
    """

    seq: int
    attempt: int
    kind: Kind
    step: UndoStep
    applied: AppliedEdit | None = None

    def save(self, dataset: Dataset) -> bool:
        """Saves the change. Returns False if there was nothing to undo or redo."""
        if self.kind is Kind.UNDO:
            return dataset.undo() is not None
        if self.kind is Kind.REDO:
            return dataset.redo() is not None
        dataset.commit(self.step.do, self.applied)
        return True
