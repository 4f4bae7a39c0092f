"""Runs the stages of a pipeline side by side on a stream of items, and gives the results in order.

Each stage has threads of its own. The number of items that have entered and have not been taken at the end
is bounded, and so is their memory: the consumer's speed limits that of the first stage.
"""

from __future__ import annotations

import heapq
import time
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from contextlib import closing
from dataclasses import dataclass, field
from threading import Condition, Thread
from typing import Generic, TypeAlias, TypeVar

from samdesk.base.jobs import Cancelled, CancelToken, Pause, no_pause

T = TypeVar("T")

Work: TypeAlias = Callable[[Sequence[T]], Sequence[T]]
"""Turns items into as many results, in the same order. What it raises ends the pipeline, so the failure of
one item must be part of its result."""

_CANCEL_CHECK_S = 0.05
GRACE_S = 2.0
"""After a cancel, what has been begun is finished if it takes no longer than this, seconds."""


@dataclass(frozen=True)
class Stage(Generic[T]):
    """One stage of a pipeline.

    Attributes:
        name: For its threads.
        workers: The work, once for each thread: every thread calls only its own.
        batch: The most items of one call. A batch is filled up only while the next stage has items left.
        drains: After a cancel it still works off what is on its way to it.
    """

    name: str
    workers: Sequence[Work[T]]
    batch: int = 1
    drains: bool = False


@dataclass(frozen=True)
class Cancelling:
    """How a pipeline is cancelled.

    Attributes:
        request: Set by whoever cancels it.
        abandon: Set by the pipeline when what is at work must end as well.
    """

    request: CancelToken = field(default_factory=CancelToken)
    abandon: CancelToken = field(default_factory=CancelToken)


@dataclass(frozen=True)
class Limits(Generic[T]):
    """How much may be in a pipeline at once.

    Attributes:
        items: The most items.
        nbytes: An item enters only while those in the pipeline take less than this, bytes.
        size: The size of an item after the first stage, bytes.
        at_least: Items that may enter whatever the size of the others.
    """

    items: int
    nbytes: int = 1 << 62
    size: Callable[[T], int] = field(default=lambda _: 0)
    at_least: int = 2


def overlapped(
    items: Iterable[T],
    stages: Sequence[Stage[T]],
    limits: Limits[T],
    cancel: Cancelling | None = None,
    pause: Pause = no_pause,
) -> Generator[T, None, None]:
    """Yields each item as the last stage returns it, in the order of the items.

    Once it is cancelled, only stages that drain begin another batch, and what they finish in time is yielded
    if nothing before it is missing. All threads have ended when the iterator is exhausted or closed: close it
    (``contextlib.closing``) where it may not be exhausted.

    Args:
        items: The items; taken one at a time, by one thread at a time.
        stages: At least one.
        limits: How much may be in the pipeline.
        cancel: Cancels it; its own ``abandon`` is set here.
        pause: Called in each thread before each batch. It may wait, or raise ``Cancelled``.

    Raises:
        Exception: What a stage or ``items`` raised; ``Cancelled`` only ends the pipeline.
    """
    line = _Line(items, stages, limits, cancel or Cancelling(), pause)
    with closing(line):
        line.start()
        yield from line.results()


class _Line(Generic[T]):
    """The queues and threads of a pipeline, guarded by one condition: it has some tens of items a second."""

    def __init__(
        self,
        items: Iterable[T],
        stages: Sequence[Stage[T]],
        limits: Limits[T],
        cancel: Cancelling,
        pause: Pause,
    ) -> None:
        self._items = iter(items)
        self._stages = stages
        self._limits = limits
        self._cancel = cancel
        self._pause = pause
        self._changed = Condition()
        self._queues: list[list[tuple[int, T]]] = [[] for _ in stages]  # heaps: the oldest item first
        self._passed = [0] * len(stages)
        self._finished: dict[int, T] = {}
        self._sizes: dict[int, int] = {}
        self._at_work: set[int] = set()
        self._entered = self._left = 0
        self._exhausted = self._closed = False
        self._error: BaseException | None = None
        self._cancelled_at: float | None = None
        self._threads: list[Thread] = []

    def start(self) -> None:
        for i, stage in enumerate(self._stages):
            for work in stage.workers:
                thread = Thread(target=self._run, args=(i, work), name=f"auto-annotate: {stage.name}")
                self._threads.append(thread)
                thread.start()

    def results(self) -> Iterator[T]:
        while (item := self._next()) is not None:
            yield item[0]
            del item  # it is the consumer's now
            with self._changed:
                self._sizes.pop(self._left, None)
                self._left += 1
                self._changed.notify_all()

    def close(self) -> None:
        self._cancel.abandon.cancel()
        with self._changed:
            self._closed = True
            self._changed.notify_all()
        for thread in self._threads:
            thread.join()

    def _next(self) -> tuple[T] | None:
        """The next result, once it is there; None: there is no other, or the run was cancelled."""
        with self._changed:
            while self._left not in self._finished:
                if self._error is not None:
                    raise self._error
                if self._closed or (self._cancel.request.cancelled and not self._may_still_come()):
                    return None
                if self._exhausted and self._left == self._entered:
                    return None
                self._changed.wait(_CANCEL_CHECK_S)
            return (self._finished.pop(self._left),)

    def _may_still_come(self) -> bool:
        """Whether to wait for the next result although the pipeline was cancelled."""
        now = time.monotonic()
        if self._cancelled_at is None:
            self._cancelled_at = now
        draining = (queue for stage, queue in zip(self._stages, self._queues, strict=True) if stage.drains)
        begun = self._left in self._at_work or any(i == self._left for queue in draining for i, _ in queue)
        return begun and now - self._cancelled_at < GRACE_S

    # -- in the threads of the stages

    def _run(self, number: int, work: Work[T]) -> None:
        try:
            while True:
                self._pause()
                with self._changed:
                    batch = self._take(number)
                    self._at_work.update(i for i, _ in batch)
                if not batch:
                    return
                results = work([item for _, item in batch])
                self._pass_on(number, [i for i, _ in batch], results)
                del batch, results
        except Cancelled:
            self._fail(None)
        except BaseException as error:  # noqa: BLE001 - a thread's edge: it is raised in the consumer
            self._fail(error)

    def _take(self, number: int) -> list[tuple[int, T]]:
        """The next batch of a stage; empty: there is no other. Called with the lock held."""
        drains = self._stages[number].drains
        while not self._closed and (drains or not self._cancel.request.cancelled):
            if number == 0:
                if self._exhausted:
                    return []
                if self._has_room():
                    return self._enter()
            elif self._is_batch(number):
                queue = self._queues[number]
                count = min(self._stages[number].batch, len(queue))
                return [heapq.heappop(queue) for _ in range(count)]
            elif self._exhausted and self._passed[number - 1] == self._entered:
                return []
            self._changed.wait()
        return []

    def _has_room(self) -> bool:
        inside = self._entered - self._left
        if inside >= self._limits.items:
            return False
        return inside < self._limits.at_least or sum(self._sizes.values()) < self._limits.nbytes

    def _enter(self) -> list[tuple[int, T]]:
        for item in self._items:
            self._entered += 1
            return [(self._entered - 1, item)]
        self._exhausted = True
        self._changed.notify_all()
        return []

    def _is_batch(self, number: int) -> bool:
        """Whether a stage should begin: with a full batch, or when waiting would leave the next one idle."""
        waiting = len(self._queues[number])
        if not waiting or waiting >= self._stages[number].batch:
            return bool(waiting)
        last = number + 1 == len(self._stages)
        return last or not self._queues[number + 1] or self._passed[number - 1] == self._entered

    def _pass_on(self, number: int, indices: Sequence[int], results: Sequence[T]) -> None:
        with self._changed:
            for index, item in zip(indices, results, strict=True):
                if number == 0:
                    self._sizes[index] = self._limits.size(item)
                if number + 1 < len(self._stages):
                    heapq.heappush(self._queues[number + 1], (index, item))
                else:
                    self._finished[index] = item
            self._passed[number] += len(indices)
            self._at_work.difference_update(indices)
            self._changed.notify_all()

    def _fail(self, error: BaseException | None) -> None:
        """Ends the pipeline."""
        with self._changed:
            self._error = self._error or error
            self._closed = True
            self._changed.notify_all()
