"""A background thread that runs queued writes."""

from __future__ import annotations

import logging
import time
from collections import deque
from collections.abc import Callable
from threading import Condition, Thread

log = logging.getLogger(__name__)


class BackgroundWriter:
    """Runs jobs one after another on a thread that exists only while there are any. Thread-safe.

    Its queue is short, and further jobs are refused: what it writes can be regenerated. The thread is a
    daemon, so a program that exits without ``close`` does not wait for a slow disk.

    Args:
        name: Of the thread.
        max_pending: Jobs that may wait in the queue.
    """

    def __init__(self, name: str, max_pending: int = 4) -> None:
        self._name = name
        self._max_pending = max_pending
        self._changed = Condition()
        self._jobs: deque[Callable[[], None]] = deque()
        self._running = False
        self._closed = False

    def submit(self, job: Callable[[], None]) -> bool:
        """Queues a job; returns False if the queue is full, or after ``close``."""
        with self._changed:
            if self._closed or len(self._jobs) >= self._max_pending:
                return False
            self._jobs.append(job)
            if not self._running:
                self._running = self._start()
            return self._running

    def flush(self, timeout_s: float | None = None) -> bool:
        """Waits until all jobs are done; returns False on timeout."""
        end = None if timeout_s is None else time.monotonic() + timeout_s
        with self._changed:
            while self._running:
                left = None if end is None else end - time.monotonic()
                if left is not None and left <= 0:
                    return False
                self._changed.wait(left)
            return True

    def close(self, timeout_s: float = 1.0) -> bool:
        """Refuses further jobs, waits for the pending ones within the timeout, and drops the rest."""
        with self._changed:
            self._closed = True
        done = self.flush(timeout_s)
        with self._changed:
            self._jobs.clear()
        return done

    def _start(self) -> bool:
        try:
            Thread(target=self._run, name=self._name, daemon=True).start()
        except RuntimeError as error:  # the interpreter is shutting down, or there are too many threads
            log.info("cannot start a writer thread: %s", error)
            self._jobs.clear()
            return False
        return True

    def _run(self) -> None:
        while True:
            with self._changed:
                if not self._jobs:
                    self._running = False
                    self._changed.notify_all()
                    return
                job = self._jobs.popleft()
            try:
                job()
            except Exception:
                log.exception("a background write failed")
