"""The lock that keeps two samdesk processes from writing to one dataset."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
from pathlib import Path

from filelock import FileLock, Timeout

from samdesk.base import places
from samdesk.base.regular import read_text


def dataset_id(folder: Path) -> str:
    """Returns an identifier of a dataset folder, the same for all its paths (links, letter case)."""
    real = os.path.normcase(os.path.realpath(folder))
    return hashlib.sha256(os.fsencode(real)).hexdigest()[:32]


class DatasetLock:
    """An exclusive lock between processes on a dataset, or on another activity on it.

    It is a file in the user's state folder, so it works for read-only datasets and before there is a
    store. The system releases it when the process ends, however it ends.
    """

    def __init__(self, folder: Path, purpose: str = "", state: str = "open") -> None:
        """Creates the lock without acquiring it.

        Args:
            folder: The dataset.
            purpose: What is locked; "" is writing to the dataset.
            state: What the dataset is in the process that holds the lock, for the message ("open").
        """
        base = places.state() / "locks" / f"{dataset_id(folder)}{purpose and f'-{purpose}'}"
        self._folder, self._state = folder, state
        self._holder_file = base.with_suffix(".json")
        self._lock = FileLock(str(base.with_suffix(".lock")))

    def acquire(self) -> str:
        """Acquires the lock without waiting. Returns "" on success, else the holder, for the user."""
        try:
            self._holder_file.parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire(timeout=0)
        except Timeout:
            return f"{self._folder} is {self._state} in another samdesk{self._holder()}"
        except OSError:
            return ""  # an unwritable home must not stop the user
        with contextlib.suppress(OSError):
            self._holder_file.write_text(
                json.dumps({"pid": os.getpid(), "folder": str(self._folder)}), "utf-8"
            )
        return ""

    def wait(self) -> None:
        """Acquires the lock, waiting until it is released."""
        with contextlib.suppress(OSError):
            self._holder_file.parent.mkdir(parents=True, exist_ok=True)
            self._lock.acquire()

    def release(self) -> None:
        """Releases the lock; does nothing if it is not held."""
        if self._lock.is_locked:
            with contextlib.suppress(OSError):
                self._holder_file.unlink()
            self._lock.release()

    def _holder(self) -> str:
        try:
            return f" (process {json.loads(read_text(self._holder_file))['pid']})"
        except (OSError, ValueError, KeyError):
            return ""
