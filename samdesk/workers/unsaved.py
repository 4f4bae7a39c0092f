"""The changes that are not durable yet, on the main thread, in the order they were made."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from itertools import count

from samdesk.domain.edits import Transaction
from samdesk.workers.storage_loop import Change, Kind


class UnsavedChanges:
    """Sends changes to the storage thread and keeps each until it is durable.

    After a failure everything not saved is sent again, in order, before the next change: nothing that
    was done on screen is skipped, and nothing overtakes.
    """

    def __init__(self, send: Callable[[Change], None]) -> None:
        self._send = send
        self._numbers = count(1)
        self._attempt = 1
        self._stuck = False
        self._changes: dict[int, Change] = {}

    def __len__(self) -> int:
        return len(self._changes)

    @property
    def stuck(self) -> bool:
        """Whether a change failed to save and nothing was sent since."""
        return self._stuck

    def add(self, kind: Kind, transaction: Transaction | None = None) -> int:
        """Sends a new change; returns its number."""
        change = Change(next(self._numbers), self._attempt, kind, transaction)
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
        self._stuck = False
