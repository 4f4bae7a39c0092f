"""Does work on many images in several processes, or in this one where none can be started."""

from __future__ import annotations

import logging
import os
import pickle
import subprocess
from collections import deque
from collections.abc import Iterable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from queue import SimpleQueue
from typing import Generic, Protocol, TypeVar

from samdesk.base import child_process
from samdesk.base.jobs import CancelToken
from samdesk.exchange.processes.worker import receive, send

_log = logging.getLogger(__name__)

MOST_PROCESSES = 16
FEW_IMAGES = 64
"""Up to so many images are left to this process: starting another takes as long."""
_AHEAD = 3
"""Lists of images that are on their way, for each process."""
_CHECK_S = 0.1
_END_S = 2.0

Q = TypeVar("Q")
A = TypeVar("A")
Q_contra = TypeVar("Q_contra", contravariant=True)
A_co = TypeVar("A_co", covariant=True)


class ProcessWork(Protocol[Q_contra, A_co]):
    """What is the same for all images; it and its questions and answers can be pickled."""

    def answer(self, questions: Sequence[Q_contra]) -> Sequence[A_co]:
        """Returns an answer to each question. Never raises for an image."""


def default_processes(images: int) -> int:
    """Returns how many processes work on so many images; 0: this one does."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1
    return 0 if images <= FEW_IMAGES else min(cores, MOST_PROCESSES)


class WorkPool(Generic[Q, A]):
    """Answers lists of questions, in order. Use it as a context manager: its processes end with it.

    A process that ends by itself, as for lack of memory, is not missed: this one takes over what it had.

    Attributes:
        lost: Number of processes that have ended by themselves or could not be started.
    """

    def __init__(self, work: ProcessWork[Q, A], processes: int) -> None:
        self.lost = 0
        self._work = work
        self._idle: SimpleQueue[subprocess.Popen[bytes] | None] = SimpleQueue()
        self._all: list[subprocess.Popen[bytes]] = []
        self._processes = processes if processes > 0 and _can_be_sent(work) else 0

    def __enter__(self) -> WorkPool[Q, A]:
        for _ in range(self._processes):
            self._idle.put(self._start())
        return self

    def __exit__(self, *_: object) -> None:
        for process in self._all:
            process.kill()
        for process in self._all:
            for pipe in (process.stdin, process.stdout):
                if pipe is not None:
                    with suppress(OSError):
                        pipe.close()
            with suppress(subprocess.TimeoutExpired):
                process.wait(_END_S)

    def answers(self, lists: Iterable[Sequence[Q]], cancel: CancelToken) -> Iterator[Sequence[A]]:
        """Yields the answers to each list, in order; ``lists`` is read a few ahead.

        Raises ``Cancelled``.
        """
        if not self._processes:
            for questions in lists:
                found: list[A] = []
                for question in questions:
                    cancel.check()
                    found += self._work.answer([question])
                yield found
            return
        with ThreadPoolExecutor(self._processes, "processes") as threads:
            waiting: deque[Future[Sequence[A]]] = deque()
            try:
                for questions in lists:
                    waiting.append(threads.submit(self._ask, questions))
                    if len(waiting) >= _AHEAD * self._processes:
                        yield self._next(waiting, cancel)
                while waiting:
                    yield self._next(waiting, cancel)
            except BaseException:
                self._processes = 0
                for future in waiting:
                    future.cancel()
                for process in self._all:
                    process.kill()
                raise

    def _next(self, waiting: deque[Future[Sequence[A]]], cancel: CancelToken) -> Sequence[A]:
        while True:
            cancel.check()
            try:
                answer = waiting[0].result(_CHECK_S)
            except TimeoutError:
                continue
            waiting.popleft()
            return answer

    def _ask(self, questions: Sequence[Q]) -> Sequence[A]:
        """Has a process answer a list; runs in a thread of its own."""
        process = self._idle.get()
        if process is not None and process.stdin is not None and process.stdout is not None:
            try:
                send(process.stdin, questions)
                answer: Sequence[A] = receive(process.stdout)
            except (OSError, EOFError, ValueError, pickle.PickleError):
                if not self._processes:  # cancelled
                    return []
                _log.warning("a process has ended (%s)", process.poll())
                self.lost += 1
                process = None
            else:
                self._idle.put(process)
                return answer
        self._idle.put(process)
        return self._work.answer(questions)

    def _start(self) -> subprocess.Popen[bytes] | None:
        try:
            process = subprocess.Popen(
                [child_process.program(), *child_process.arguments("exchange-worker")],
                stdin=subprocess.PIPE,
                stdout=subprocess.PIPE,
                env=child_process.environment(),
                cwd=child_process.folder(),
            )
            self._all.append(process)
            assert process.stdin is not None
            send(process.stdin, self._work)
        except OSError:
            _log.warning("a process cannot be started", exc_info=True)
            self.lost += 1
            return None
        return process


def _can_be_sent(work: object) -> bool:
    """Whether another process can have the work: the writer of a plug-in may be no function of a module."""
    try:
        pickle.dumps(work)
    except Exception:  # noqa: BLE001 - pickle raises many types
        _log.warning("one process does all the work: %s cannot be pickled", type(work).__name__)
        return False
    return True
