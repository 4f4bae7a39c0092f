"""The one QUndoCommand: a transaction and the one that takes it back."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtGui import QUndoCommand

from samdesk.domain.edits import Transaction

Replay = Callable[[Transaction, bool], None]
"""Called with the transaction to show and whether it is an undo (else a redo)."""


class EditCommand(QUndoCommand):
    """A step of the undo history. It is applied before it is pushed, so the first redo does nothing."""

    def __init__(self, do: Transaction, undo: Transaction, replay: Replay) -> None:
        super().__init__(do.text)
        self.do_transaction = do
        self.undo_transaction = undo
        self._replay = replay
        self._shown = True

    def redo(self) -> None:
        """Does the step again."""
        if self._shown:
            self._shown = False
            return
        self._replay(self.do_transaction, False)

    def undo(self) -> None:
        """Takes the step back."""
        self._shown = False
        self._replay(self.undo_transaction, True)
