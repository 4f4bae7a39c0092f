"""Notices that a store has lost changes: it was cut, its log is gone, or an older copy took its place.

Every page of such a store is as it was written once, so nothing in it is wrong. Each transaction therefore
raises a number in the store and, once it is durable, in a file beside it. The file is not synced: after a
loss of power it may be older than the store, which is no loss.
"""

from __future__ import annotations

import contextlib
import os
import secrets
from dataclasses import dataclass, replace
from pathlib import Path

from samdesk.base.regular import read_bytes

SETTING = "samdesk.saves"
_FLAGS = os.O_WRONLY | os.O_CREAT | sum(getattr(os, n, 0) for n in ("O_NOFOLLOW", "O_CLOEXEC", "O_BINARY"))
_MOST_BYTES = 100
_DIGITS = 20


@dataclass(frozen=True)
class Saves:
    """How often a store was saved.

    Attributes:
        store: An id of the store.
        count: Number of transactions.
    """

    store: str
    count: int = 0

    @classmethod
    def parse(cls, text: object) -> Saves | None:
        """Reads what ``text`` returned; None if it is something else."""
        words = text.split() if isinstance(text, str) else ()
        if len(words) != 2 or not (len(words[1]) == _DIGITS and words[1].isascii() and words[1].isdigit()):
            return None
        return cls(words[0], int(words[1]))

    @classmethod
    def new(cls) -> Saves:
        """Returns those of a new store."""
        return cls(secrets.token_hex(8))

    @property
    def text(self) -> str:
        """As it is kept in the store and beside it; always of the same length."""
        return f"{self.store} {self.count:0{_DIGITS}d}"

    def next(self) -> Saves:
        """Returns those after one more transaction."""
        return replace(self, count=self.count + 1)


def lost(path: Path, saves: Saves | None) -> int:
    """Returns how many transactions of the store at ``path`` are gone; 0 if none, or not known."""
    try:
        noted = Saves.parse(read_bytes(_file(path), _MOST_BYTES).decode("ascii", "replace"))
    except OSError:
        return 0
    if noted is None or (saves is not None and noted.store != saves.store):
        return 0
    return max(0, noted.count - (0 if saves is None else saves.count))


def note(path: Path, saves: Saves) -> None:
    """Notes that a transaction is durable; without the file nothing is noticed later."""
    with contextlib.suppress(OSError):
        handle = os.open(_file(path), _FLAGS, 0o666)
        try:
            os.write(handle, saves.text.encode() + b"\n")
        finally:
            os.close(handle)


def forget(path: Path) -> None:
    """Removes the number of a store that was at ``path`` before; call this before a new one is put there."""
    with contextlib.suppress(OSError):
        _file(path).unlink(missing_ok=True)


def _file(path: Path) -> Path:
    return path.with_suffix(".saves")
