"""One samdesk at a time may write to a dataset."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from pathlib import Path

from filelock import FileLock, Timeout

from samdesk.base import places


def dataset_id(folder: Path) -> str:
    """A name for a dataset folder that all its paths (links, letter case) share."""
    real = os.path.normcase(os.path.realpath(folder))
    return hashlib.sha256(os.fsencode(real)).hexdigest()[:32]


class DatasetLock:
    """The right to write to one dataset, or to do something else that one samdesk at a time does.

    The lock is a file of this user's state folder, so it works for read-only datasets and before there is
    a store. The system frees it when the process ends, however it ends.
    """

    def __init__(self, folder: Path, what: str = "", doing: str = "open") -> None:
        """The lock of a dataset, not taken yet.

        Args:
            folder: The dataset.
            what: Something else than writing to it.
            doing: What the dataset is in the other samdesk, for who is told.
        """
        base = places.state() / "locks" / f"{dataset_id(folder)}{what and f'-{what}'}"
        self._folder, self._doing = folder, doing
        self._note = base.with_suffix(".json")
        self._lock = FileLock(str(base.with_suffix(".lock")))

    def acquire(self) -> str:
        """Takes the lock; empty if it is ours now, else who has it, in words."""
        try:
            self._note.parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=0)
        except Timeout:
            return f"{self._folder} is {self._doing} in another samdesk{self._holder()}"
        except OSError:
            return ""  # a home that cannot be written must not stop the work
        with contextlib.suppress(OSError):
            self._note.write_text(json.dumps({"pid": os.getpid(), "folder": str(self._folder)}), "utf-8")
        return ""

    def wait(self) -> None:
        """Takes the lock, once whoever has it gives it back."""
        with contextlib.suppress(OSError):
            self._note.parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()

    def release(self) -> None:
        """Gives the lock back; nothing happens when it is not ours."""
        if self._lock.is_locked:
            with contextlib.suppress(OSError):
                self._note.unlink()
            self._lock.release()

    def _holder(self) -> str:
        try:
            return f" (process {json.loads(self._note.read_text('utf-8'))['pid']})"
        except (OSError, ValueError, KeyError):
            return ""
