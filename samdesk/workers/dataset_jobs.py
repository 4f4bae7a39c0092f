"""DatasetJobs: runs import, export, checks and the like on the open dataset, in a thread of their own."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from queue import SimpleQueue
from typing import Any, TypeAlias, TypeVar

from PySide6.QtCore import QObject, Signal

from samdesk.base.jobs import Cancelled, CancelToken
from samdesk.exchange.access import DatasetAccess
from samdesk.workers.failure import Failure, describe
from samdesk.workers.thread import STOP_TIMEOUT_MS, LoopThread, Post

T = TypeVar("T")


@dataclass(frozen=True)
class JobContext:
    """What a job works with, in its thread.

    Attributes:
        access: The dataset; every call waits for the storage thread.
        cancel: Set when the user cancels the job.
        progress: Call it with what is done and what there is to do (0: unknown); it raises ``Cancelled``.
    """

    access: DatasetAccess
    cancel: CancelToken
    progress: Callable[[int, int], None]


@dataclass(frozen=True)
class JobProgress:
    """How far a job has got.

    Attributes:
        title: Of the job ("Exporting").
        unit: What is counted ("image").
        done: Of ``total``.
        total: 0: unknown.
    """

    title: str
    unit: str
    done: int = 0
    total: int = 0


Work: TypeAlias = Callable[[JobContext], T]


@dataclass(frozen=True)
class _JobEnded:
    """A job has ended; ``handle`` does the rest on the main thread."""

    handle: Callable[[], None]


class DatasetJobs(QObject):
    """Runs one job at a time on the open dataset. Lives on the main thread.

    Signals:
        began: (JobProgress) a job has begun.
        progressed: (JobProgress) it has got further; at most as often as the job reports.
        ended: It has ended in whatever way; emitted before its result is handled.
        failed: (Failure) a job failed that has no handler for it.
    """

    began = Signal(object)
    progressed = Signal(object)
    ended = Signal()
    failed = Signal(object)

    def __init__(self, access: DatasetAccess, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._access = access
        self._cancel = CancelToken()
        self._running: JobProgress | None = None
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._post = Post(self._handle, self)
        self._thread: LoopThread | None = None

    @property
    def running(self) -> JobProgress | None:
        """The job that runs."""
        return self._running

    def start(
        self,
        title: str,
        work: Work[T],
        then: Callable[[T], None],
        refused: Callable[[Failure], None] | None = None,
        cancelled: Callable[[], None] | None = None,
        *,
        unit: str = "image",
    ) -> bool:
        """Starts a job; one of the handlers is called at its end, on the main thread.

        Args:
            title: For the progress bar and messages ("Exporting").
            work: The job; it calls ``JobContext.progress`` often.
            then: Called with what it returned.
            refused: Called with why it failed; None: ``failed`` is emitted.
            cancelled: Called when it was cancelled.
            unit: What its progress counts ("image").

        Returns:
            Whether it was started; False: another one runs, which ``failed`` says.
        """
        if self._running is not None:
            busy = f"{self._running.title} is still going on."
            self.failed.emit(Failure(busy, next="Wait until it has finished, or cancel it."))
            return False
        self._cancel, self._running = CancelToken(), JobProgress(title, unit)
        if self._thread is None:
            self._thread = LoopThread("dataset jobs", self._loop)
            self._thread.start()
        self.began.emit(self._running)
        self._jobs.put(partial(self._run, self._running, self._cancel, work, then, refused, cancelled))
        return True

    def cancel(self) -> None:
        """Cancels the job that runs; what it has written so far goes, or stays, as the job promises."""
        self._cancel.cancel()

    def stop(self, timeout_ms: int = STOP_TIMEOUT_MS) -> bool:
        """Ends the thread (call it before the storage client's); False if it is still busy then."""
        self._cancel.cancel()
        if self._thread is None:
            return True
        self._jobs.put(None)
        ended = self._thread.join(timeout_ms)
        if ended:
            self._thread = None
        return ended

    def _loop(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()

    def _run(
        self,
        what: JobProgress,
        cancel: CancelToken,
        work: Work[Any],
        then: Callable[[Any], None],
        refused: Callable[[Failure], None] | None,
        cancelled: Callable[[], None] | None,
    ) -> None:
        def progress(done: int, total: int) -> None:
            cancel.check()
            self._post(JobProgress(what.title, what.unit, done, total))

        try:
            result = work(JobContext(self._access, cancel, progress))
        except Cancelled:
            end = cancelled or _nothing
        except Exception as error:  # noqa: BLE001 - described for the user, and logged if it is a bug
            failure = describe(error, what.title[:1].lower() + what.title[1:])
            end = partial(refused or self.failed.emit, failure)
        else:
            end = partial(then, result)
        self._post(_JobEnded(end))

    def _handle(self, value: object) -> None:
        if isinstance(value, JobProgress):
            if self._running is not None:
                self._running = value
                self.progressed.emit(value)
        elif isinstance(value, _JobEnded):
            self._running = None
            self.ended.emit()
            value.handle()


def _nothing() -> None:
    """Does nothing."""
