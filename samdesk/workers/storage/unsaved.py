"""The changes that are not durable yet, on the main thread, in the order they were made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import count

from samdesk.domain.edits import Transaction
from samdesk.workers.storage.loop import Kind, PendingChange


class UnsavedChanges:
    """Sends changes to the storage thread and keeps each until it is durable.

    After a failure everything not saved is sent again, in order, before the next change: nothing that
    was done on screen is skipped, and nothing overtakes. A change that failed and is then undone is
    dropped: the store, which may never take it, has nothing to do for either.
    """

    def __init__(self, send: Callable[[PendingChange], None]) -> None:
        self._send = send
        self._numbers = count(1)
        self._attempt = 1
        self._stuck = False
        self._changes: dict[int, PendingChange] = {}
        self._undone: list[Transaction | None] = []
        """What a redo does again, newest last: a change that the store never had, or None: its own step."""

    def __len__(self) -> int:
        return len(self._changes)

    @property
    def stuck(self) -> bool:
        """Whether a change failed to save and nothing was sent since."""
        return self._stuck

    def add(self, kind: Kind, transaction: Transaction | None = None) -> int:
        """Sends a new change; returns its number."""
        seq = next(self._numbers)
        if kind is Kind.COMMIT:
            self._undone.clear()
        elif kind is Kind.UNDO:
            dropped = self._drop_newest(Kind.COMMIT, Kind.REDO)
            self._undone.append(dropped.transaction if dropped else None)
            if dropped:
                return seq
        else:
            again = self._undone.pop() if self._undone else None
            if again is not None:
                kind, transaction = Kind.COMMIT, again
            elif self._drop_newest(Kind.UNDO):
                return seq
        change = PendingChange(seq, self._attempt, kind, transaction)
        self._changes[change.seq] = change
        if self._stuck:
            self.send_again()
        else:
            self._send(change)
        return change.seq

    def send_again(self) -> None:
        """Sends all that is not durable again, if a change has failed."""
        if not self._stuck:
            return
        self._stuck = False
        for seq, change in self._changes.items():
            self._changes[seq] = replace(change, attempt=self._attempt)
            self._send(self._changes[seq])

    def note_saved(self, seq: int) -> None:
        """A change is durable."""
        self._changes.pop(seq, None)

    def note_refused(self, attempt: int) -> bool:
        """A change was not saved. False: it was sent behind one that failed, which was noted already."""
        if attempt < self._attempt:
            return False
        self._attempt += 1
        self._stuck = True
        return True

    def clear(self) -> None:
        """Another dataset is open."""
        self._changes.clear()
        self._undone.clear()
        self._stuck = False
        self._attempt += 1  # what is still refused is of the dataset before

    def _drop_newest(self, *kinds: Kind) -> PendingChange | None:
        """Takes the newest change back if the store has refused it and it is of such a kind."""
        if not self._stuck or not self._changes:
            return None
        seq, change = next(reversed(self._changes.items()))
        if change.kind not in kinds:
            return None
        del self._changes[seq]
        self._stuck = bool(self._changes)
        self.send_again()
        return change
