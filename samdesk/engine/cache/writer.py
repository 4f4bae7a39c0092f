"""Writes that nobody waits for."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from threading import Condition, Thread

log = logging.getLogger(__name__)


class BackgroundWriter:
    """Does jobs one after another on a thread that lives only while there are some. Thread-safe.

    A few may wait; more are refused, as it is for what can be made again. The thread is a daemon: a
    program that ends without ``close`` does not wait for a slow disk.

    Args:
        name: Of the thread.
        most: How many jobs may wait.
    """

    def __init__(self, name: str, most: int = 4) -> None:
        self._name = name
        self._most = most
        self._changed = Condition()
        self._jobs: deque[Callable[[], None]] = deque()
        self._works = False
        self._closed = False

    def offer(self, job: Callable[[], None]) -> bool:
        """Does a job soon; False if too many wait, or after ``close``."""
        with self._changed:
            if self._closed or len(self._jobs) >= self._most:
                return False
            self._jobs.append(job)
            if not self._works:
                self._works = self._started()
            return self._works

    def flush(self, timeout_s: float | None = None) -> bool:
        """Waits until all jobs are done; False if that takes longer than the timeout."""
        end = None if timeout_s is None else time.monotonic() + timeout_s
        with self._changed:
            while self._works:
                left = None if end is None else end - time.monotonic()
                if left is not None and left <= 0:
                    return False
                self._changed.wait(left)
            return True

    def close(self, timeout_s: float = 1.0) -> bool:
        """Takes no more jobs and waits a moment for those there are; the rest is dropped."""
        with self._changed:
            self._closed = True
        done = self.flush(timeout_s)
        with self._changed:
            self._jobs.clear()
        return done

    def _started(self) -> bool:
        try:
            Thread(target=self._work, name=self._name, daemon=True).start()
        except RuntimeError as error:  # the program is ending, or has too many threads
            log.info("no thread to write with: %s", error)
            self._jobs.clear()
            return False
        return True

    def _work(self) -> None:
        while True:
            with self._changed:
                if not self._jobs:
                    self._works = False
                    self._changed.notify_all()
                    return
                job = self._jobs.popleft()
            try:
                job()
            except Exception:
                log.exception("a write in the background failed")
