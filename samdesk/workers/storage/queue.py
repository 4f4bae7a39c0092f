"""The storage thread's queue: jobs in the order sent, but reading an image's document comes first."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterator
from queue import Empty
from threading import Condition
from typing import Generic, TypeVar

T = TypeVar("T")


class StorageQueue(Generic[T]):
    """A thread-safe queue whose urgent jobs overtake those that change nothing.

    An urgent job never overtakes a change: it has to see it. Meanwhile it may be answered early, see
    ``urgent``.

    Args:
        is_urgent: Whether a job comes before the others.
        may_wait: Whether a job may be overtaken by an urgent one.
    """

    def __init__(self, is_urgent: Callable[[T], bool], may_wait: Callable[[T], bool]) -> None:
        self._is_urgent, self._may_wait = is_urgent, may_wait
        self._jobs: deque[T] = deque()
        self._changed = Condition()

    def put(self, job: T) -> None:
        """Adds a job at the end."""
        with self._changed:
            self._jobs.append(job)
            self._changed.notify()

    def get(self, seconds: float | None = None) -> T:
        """Waits for a job and takes it. Raises ``queue.Empty`` if there is none after some seconds."""
        with self._changed:
            if not self._changed.wait_for(lambda: bool(self._jobs), seconds):
                raise Empty
            return self._take()

    def get_nowait(self) -> T:
        """Takes a job. Raises ``queue.Empty`` if there is none."""
        with self._changed:
            if not self._jobs:
                raise Empty
            return self._take()

    def empty(self) -> bool:
        """Whether there is no job."""
        with self._changed:
            return not self._jobs

    def urgent(self) -> list[T]:
        """Returns the urgent jobs, the newest last; they stay in the queue."""
        with self._changed:
            return list(filter(self._is_urgent, self._jobs))

    def before(self, job: T) -> Iterator[T]:
        """Yields the jobs in front of one."""
        with self._changed:
            jobs = list(self._jobs)
        for other in jobs:
            if other is job:
                return
            yield other

    def _take(self) -> T:
        for place, job in enumerate(self._jobs):
            if self._is_urgent(job):
                del self._jobs[place]
                return job
            if not self._may_wait(job):
                break
        return self._jobs.popleft()
