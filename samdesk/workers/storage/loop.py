"""The storage thread's event loop: it owns the dataset and runs jobs in the order they were queued.

Reading the document of an image comes before all but changes. While a long change is being saved it is
answered early, as it was before that change, and again in its turn.

A change can fail in two ways.

- The disk fails: it is full, unplugged, read-only. The change is answered "not saved", and so is every
  change queued before the main thread learned of it, until the main thread sends them all again with the
  next ``attempt``. The store is a prefix of what was done on screen, and nothing is lost.
- The change is refused: it does not fit the dataset as it is now, or saving it hits a bug, so that it would
  fail every time. It alone is dropped; the next ones are saved. An undo or redo that was sent before the
  main thread learned of that is saved only if the step it was meant for is the one that it would change.
  So is an undo or redo of a step before its turn, if it may not overtake what came in between.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from queue import Empty
from threading import Event
from time import monotonic
from typing import Any, TypeAlias

from samdesk.base.bulk import BulkProgress
from samdesk.base.jobs import Cancelled
from samdesk.base.rate import Rate
from samdesk.dataset.dataset import Dataset
from samdesk.dataset.lock import RENEWED_EVERY_S
from samdesk.dataset.queries import Query
from samdesk.dataset.store.errors import StoreError
from samdesk.dataset.types import InConflictError, LogEntry, Notice, OutOfOrderError, RefusedError
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.labels import LabelId, LabelSet
from samdesk.workers.failure import Failure, describe
from samdesk.workers.storage.changes import Kind, PendingChange, Refused, Saved, UndoStep
from samdesk.workers.storage.queue import StorageQueue

log = logging.getLogger(__name__)

_ADVANCE_SECONDS = 0.02
"""A job that arrives waits this long at most."""
_BREATH_SECONDS = 0.02
"""A long change looks this often for images to be read."""
_SHOWN_SECONDS = 0.5
"""A change that takes longer shows its progress."""
_REPORT_SECONDS = 0.1
"""Between two reports of progress."""

Send: TypeAlias = Callable[[Callable[[], None]], None]
"""Runs a function on the main thread; functions run in the order sent."""


@dataclass(frozen=True)
class DatasetInfo:
    """The state of a dataset when it was opened.

    Attributes:
        folder: Absolute path.
        keys: The images, in natural order.
        labels: The label set.
        in_memory: The folder is not writable: the store has no file yet.
        read_only: Another samdesk has the dataset open: nothing can be changed.
        reason: Why it is read-only or in memory, as shown to the user, or "".
        done: The edit log, oldest first.
        undone: The steps that can be redone, the next one first.
        last_image: The image that was on screen last, or None.
        last_label: The label that was used last, or None.
    """

    folder: Path
    keys: tuple[ImageKey, ...]
    labels: LabelSet
    in_memory: bool
    read_only: bool
    reason: str
    done: list[LogEntry]
    undone: list[LogEntry]
    last_image: ImageKey | None
    last_label: LabelId | None = None


@dataclass(frozen=True, eq=False)
class Question:
    """A query whose answer is handled on the main thread.

    Attributes:
        query: Runs on the storage thread.
        doing: The activity, for error messages ("loading the annotations").
        then: Called with the result.
        refused: Called with the ``Failure``.
        key: The image it is about, for error messages.
        early: Reads a document in the middle of a change, or returns None; the question comes before others.
    """

    query: Query[Any]
    doing: str
    then: Callable[[Any], None]
    refused: Callable[[Failure], None]
    key: ImageKey | None = None
    early: Query[ImageDocument | None] | None = None


@dataclass(frozen=True, eq=False)
class BlockingCall:
    """A query by another thread, which waits for its result."""

    query: Query[Any]
    result: Future[Any]


@dataclass(frozen=True, eq=False)
class Open:
    """Opens a dataset; jobs queued before its ``Adopt`` are still about the previous one."""

    open: Callable[[], Dataset]
    folder: Path
    then: Callable[[Dataset, DatasetInfo], None]
    refused: Callable[[Failure], None]


@dataclass(frozen=True, eq=False)
class Adopt:
    """Makes an opened dataset the current one and closes the previous one."""

    dataset: Dataset


@dataclass(frozen=True)
class Close:
    """Closes the dataset."""


StorageJob: TypeAlias = PendingChange | Question | BlockingCall | Open | Adopt | Close


def job_queue() -> StorageQueue[StorageJob | None]:
    """Returns the queue of a ``StorageLoop``."""
    return StorageQueue(
        is_urgent=lambda job: isinstance(job, Question) and job.early is not None,
        may_wait=lambda job: isinstance(job, Question | BlockingCall),
    )


class StorageLoop:
    """Runs the jobs of a queue.

    Args:
        jobs: The queue; None ends the loop.
        send: Runs the callbacks below on the main thread.
        saved: Called for a change that is durable.
        failed: Called for a change that was not saved because of the disk (seq, attempt, why).
        refused: Called for a change that was dropped.
        noticed: Called with each ``Notice`` of the store.
        labels_grew: Called with the label set when the store itself has added labels.
        progressed: Called with the ``BulkProgress`` of work on many images, and with None when it is over.

    Attributes:
        cancel: Set it to cancel the change that is being saved, if that takes long.
    """

    def __init__(
        self,
        jobs: StorageQueue[StorageJob | None],
        send: Send,
        saved: Callable[[Saved], None],
        failed: Callable[[int, int, Failure], None],
        refused: Callable[[Refused], None],
        noticed: Callable[[Notice], None],
        labels_grew: Callable[[LabelSet], None],
        progressed: Callable[[BulkProgress | None], None],
    ) -> None:
        self._jobs = jobs
        self._send = send
        self._labels = LabelSet()
        self._saved, self._failed, self._refused, self._noticed = saved, failed, refused, noticed
        self._labels_grew, self._progressed = labels_grew, progressed
        self.cancel = Event()
        self._job: StorageJob | None = None
        self._began = self._breathed = self._reported = 0.0
        self._rate = Rate(min_interval=0.2)
        self._shown: BulkProgress | None = None
        self._early: set[Question] = set()
        """The questions that were answered early and are still in the queue."""
        self._dataset: Dataset | None = None
        self._next: Dataset | None = None
        """Opened, but not adopted yet."""
        self._failed_attempt = 0
        self._why: Failure | None = None
        self._refusals = 0
        self._numbers: dict[UndoStep, int] = {}
        """The steps that were committed, and their numbers in the log."""

    def run(self) -> None:
        """Runs jobs until it takes None from the queue, then closes the dataset."""
        while (job := self._next_job()) is not None:
            self._serve(job)
            self._job = None
            self._report_notices()
            self._report_progress()
        self._close()
        self._close_next()

    def _next_job(self) -> StorageJob | None:
        """Waits for a job; meanwhile the dataset goes on with work that it has put off, a bit at a time."""
        while self._dataset is not None and self._dataset.unfinished:
            try:
                return self._jobs.get_nowait()
            except Empty:
                self._advance(self._dataset)
                self._renew_locks()
        while True:
            try:
                return self._jobs.get(RENEWED_EVERY_S if self._is_open else None)
            except Empty:
                self._renew_locks()

    @property
    def _is_open(self) -> bool:
        return self._dataset is not None or self._next is not None

    def _renew_locks(self) -> None:
        """Shows other machines that this process is alive, which a user who only looks at images does not."""
        for dataset in (self._dataset, self._next):
            if dataset is not None:
                dataset.renew_lock()

    def _advance(self, dataset: Dataset) -> None:
        try:
            dataset.advance(_ADVANCE_SECONDS)
        except Exception as error:  # noqa: BLE001 - shown to the user as a Failure
            notice = describe(error, "writing the class names", self._where())
            self._send(partial(self._noticed, Notice("save", notice.text, self._where())))
        self._report_labels()
        self._report_notices()
        self._report_progress()

    def _serve(self, job: StorageJob) -> None:
        self._job = job
        self._began = self._breathed = monotonic()
        self._rate = Rate(min_interval=0.2)
        self.cancel.clear()
        if isinstance(job, PendingChange):
            self._change(job)
        elif isinstance(job, Question):
            self._answer(job)
        elif isinstance(job, BlockingCall):
            self._call(job)
        elif isinstance(job, Open):
            self._open(job)
        elif isinstance(job, Adopt):
            self._adopt(job.dataset)
        else:
            self._close()

    def _breathe(self, what: str, done: int, total: int) -> None:
        """Called between two images of a long job: reads the images that are asked for meanwhile."""
        now = monotonic()
        if now - self._breathed < _BREATH_SECONDS:
            return
        cancels = isinstance(self._job, PendingChange)
        if cancels and self.cancel.is_set():
            raise Cancelled
        self._rate.step(done)
        if now - self._began > _SHOWN_SECONDS and cancels:
            left = self._rate.seconds(total - done)
            self._show_progress(BulkProgress(what, done, total, self._rate.per_second, left, cancels=cancels))
        for question in self._jobs.urgent():
            if isinstance(question, Question) and question not in self._early:
                self._answer_early(question)
        self._breathed = monotonic()

    def _answer_early(self, question: Question) -> None:
        """Answers with the document as it will be once the changes in front of the question are saved."""
        document = question.early(self._current()) if question.early is not None else None
        if document is None:
            return
        for job in (self._job, *self._jobs.before(question)):  # what is being saved cannot be read yet
            if isinstance(job, PendingChange):
                document = job.preview(document)
            elif not isinstance(job, Question | BlockingCall | None):
                return
        self._early.add(question)
        self._send(partial(question.then, document))

    def _report_progress(self) -> None:
        self._show_progress(None if self._dataset is None else self._dataset.core.sweep.progress)

    def _show_progress(self, progress: BulkProgress | None) -> None:
        now, shown = monotonic(), self._shown
        if progress is None and shown is None:
            return
        same = progress is not None and shown is not None and progress.stopped == shown.stopped
        if same and now - self._reported < _REPORT_SECONDS:
            return
        self._shown, self._reported = progress, now
        self._send(partial(self._progressed, progress))

    def _change(self, change: PendingChange) -> None:
        if change.attempt <= self._failed_attempt and self._why is not None:
            self._send(partial(self._failed, change.seq, change.attempt, self._why))
            return
        try:
            dataset = self._current()
            if self._is_obsolete(change, dataset):
                self._refuse(change, None)
                return
            answer = change.save(dataset, self._number(change.step))
            if answer.number:
                self._numbers[change.step] = answer.number
        except Cancelled:
            self._fail(change, RefusedError("You cancelled it; nothing of it was changed."))
        except Exception as error:  # noqa: BLE001 - shown to the user as a Failure
            self._fail(change, error)
        else:
            self._report_labels()  # the store may have added labels of its own
            self._send(partial(self._saved, answer))

    def _fail(self, change: PendingChange, error: Exception) -> None:
        why = describe(error, change.kind.value, self._where())
        if _is_of_the_disk(error):
            self._failed_attempt, self._why = change.attempt, why
            self._send(partial(self._failed, change.seq, change.attempt, why))
            return
        try:
            obsolete = isinstance(error, OutOfOrderError)
            self._refuse(change, None if obsolete else why, conflict=isinstance(error, InConflictError))
        except Exception as unreadable:  # noqa: BLE001 - the log cannot be read: nothing else can be saved either
            self._failed_attempt = change.attempt
            self._why = describe(unreadable, change.kind.value, self._where())
            self._send(partial(self._failed, change.seq, change.attempt, self._why))

    def _refuse(self, change: PendingChange, why: Failure | None, *, conflict: bool = False) -> None:
        done, undone = self._current().history()
        self._refusals += 1
        self._report_labels()
        self._send(
            partial(self._refused, Refused(change.seq, why, tuple(done), tuple(undone), conflict=conflict))
        )

    def _is_obsolete(self, change: PendingChange, dataset: Dataset) -> bool:
        """Whether an undo or redo was sent before a refusal was known, and is meant for another step."""
        if change.kind is Kind.COMMIT or change.over is not None or change.refusals == self._refusals:
            return False
        number = self._number(change.step)
        return number != (dataset.newest_step if change.kind is Kind.UNDO else dataset.next_redo)

    def _number(self, step: UndoStep) -> int:
        """Returns the number of a step in the log; 0: it is not there."""
        return step.number or self._numbers.get(step, 0)

    def _answer(self, question: Question) -> None:
        self._early.discard(question)
        try:
            result = question.query(self._current())
        except Cancelled:
            pass  # nothing waits for the answer any more
        except Exception as error:  # noqa: BLE001 - shown to the user as a Failure
            key = question.key
            failure = describe(error, question.doing, self._where() if key is None else str(key))
            self._send(partial(question.refused, failure.about(key=key)))
        else:
            self._report_labels()
            self._send(partial(question.then, result))

    def _call(self, call: BlockingCall) -> None:
        if not call.result.set_running_or_notify_cancel():
            return
        try:
            result = call.query(self._current())
            self._report_labels()
            call.result.set_result(result)
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            call.result.set_exception(error)

    def _open(self, job: Open) -> None:
        self._close_next()
        try:
            again = self._dataset is not None and self._dataset.folder == job.folder.resolve()
            if again:
                self._close()  # its own lock would make the dataset read-only
            dataset = job.open()
            try:
                info = describe_dataset(dataset)
            except BaseException:
                dataset.close()
                raise
        except Exception as error:  # noqa: BLE001 - shown to the user as a Failure
            self._send(partial(job.refused, describe(error, "opening the folder", str(job.folder))))
            return
        dataset.core.breathe = self._breathe
        if again:
            self._dataset, self._labels = dataset, info.labels
        else:
            self._next = dataset
        self._send(partial(job.then, dataset, info))

    def _adopt(self, dataset: Dataset) -> None:
        if dataset is not self._next:
            return  # a newer one was opened, or this one is current already
        self._close()
        self._dataset, self._next = dataset, None
        self._labels = dataset.labels

    def _close_next(self) -> None:
        dataset, self._next = self._next, None
        if dataset is not None:
            dataset.close()

    def _close(self) -> None:
        self._numbers.clear()
        dataset, self._dataset = self._dataset, None
        if dataset is None:
            return
        try:
            dataset.close()
        except Exception:
            log.exception("closing %s", dataset.folder)

    def _current(self) -> Dataset:
        if self._dataset is None:
            raise StoreError("No folder is open.")
        return self._dataset

    def _where(self) -> str:
        return "" if self._dataset is None else str(self._dataset.folder)

    def _report_labels(self) -> None:
        """Reading a label file may have added labels for class ids without a name."""
        labels = self._current().labels
        if labels != self._labels and self._next is None:
            self._labels = labels
            self._send(partial(self._labels_grew, labels))

    def _report_notices(self) -> None:
        if self._dataset is not None:
            for notice in self._dataset.notices():
                self._send(partial(self._noticed, notice))


def _is_of_the_disk(error: Exception) -> bool:
    """Whether the same change may be saved later, and no other before."""
    return isinstance(error, (StoreError, OSError)) and not isinstance(error, RefusedError)


def describe_dataset(dataset: Dataset) -> DatasetInfo:
    """Returns what the window shows of a dataset that was just opened."""
    done, undone = dataset.history()
    last, label = dataset.settings_get("last_image"), dataset.settings_get("last_label")
    return DatasetInfo(
        folder=dataset.folder,
        keys=tuple(dataset.keys),
        labels=dataset.labels,
        in_memory=dataset.in_memory,
        read_only=dataset.read_only,
        reason=dataset.reason,
        done=list(done),
        undone=list(undone),
        last_image=ImageKey(last) if last else None,
        last_label=LabelId(label) if label else None,
    )
