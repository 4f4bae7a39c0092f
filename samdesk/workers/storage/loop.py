"""What the storage thread does: it alone owns the dataset. First come, first served.

The store is always a prefix of what was done on screen: a change that fails to save is refused together
with every change sent before the main thread knew of it, until it sends them again with the next
``attempt``. Were a later one saved alone, or an undo let through, the store would hold what was never
on screen.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass
from enum import Enum
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeAlias

from samdesk.dataset.dataset import Dataset
from samdesk.dataset.store.database import StoreError
from samdesk.dataset.types import LogEntry, Notice
from samdesk.domain.document import ImageKey
from samdesk.domain.edits import Transaction
from samdesk.domain.labels import LabelSet
from samdesk.workers.failure import Failure, describe

log = logging.getLogger(__name__)

Work: TypeAlias = Callable[[Dataset], Any]
Send: TypeAlias = Callable[[Callable[[], None]], None]
"""Has something done on the main thread, in the order sent."""


class Kind(Enum):
    """What a change does; the value says it in words."""

    COMMIT = "saving the change"
    UNDO = "saving the undo"
    REDO = "saving the redo"


@dataclass(frozen=True)
class DatasetInfo:
    """A dataset as it was opened.

    Attributes:
        folder: Its folder.
        keys: Its images, in the order shown.
        labels: Its label set.
        in_memory: The folder cannot be written to: the store has no file yet.
        read_only: Another samdesk has it open: nothing can be changed.
        reason: Why it is read-only or in memory, in words, or "".
        done: The edit log, oldest first.
        undone: What can be done again, the next one first.
        last_image: Where the user left off, or None.
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


@dataclass(frozen=True)
class Change:
    """A change to be made durable.

    Attributes:
        seq: Its number, as ``StorageClient.commit`` returned it.
        attempt: See the module.
        kind: What it does.
        transaction: For a commit.
    """

    seq: int
    attempt: int
    kind: Kind
    transaction: Transaction | None = None

    def make(self, dataset: Dataset) -> bool:
        """Makes it durable. False: there was nothing to undo or redo."""
        if self.kind is Kind.UNDO:
            return dataset.undo() is not None
        if self.kind is Kind.REDO:
            return dataset.redo() is not None
        assert self.transaction is not None
        dataset.commit(self.transaction)
        return True


@dataclass(frozen=True, eq=False)
class Ask:
    """A question; the answer is handled on the main thread.

    Attributes:
        work: Done on the storage thread.
        doing: What it is, in words.
        answer: Given the result.
        refused: Given the ``Failure``.
        key: The image it is about.
    """

    work: Work
    doing: str
    answer: Callable[[Any], None]
    refused: Callable[[Failure], None]
    key: ImageKey | None = None


@dataclass(frozen=True, eq=False)
class Call:
    """A call by another thread, which waits for its result."""

    work: Work
    result: Future[Any]


@dataclass(frozen=True, eq=False)
class Open:
    """Opens a dataset; what comes before its ``Adopt`` is still about the one before."""

    open: Callable[[], Dataset]
    folder: Path
    answer: Callable[[Dataset, DatasetInfo], None]
    refused: Callable[[Failure], None]


@dataclass(frozen=True, eq=False)
class Adopt:
    """From here on all is about this dataset; the one before is closed."""

    dataset: Dataset


@dataclass(frozen=True)
class Close:
    """Closes the dataset."""


Job: TypeAlias = Change | Ask | Call | Open | Adopt | Close


class StorageLoop:
    """Works off the jobs.

    Args:
        jobs: The queue; None ends the loop.
        send: Has something done on the main thread.
        saved: Told of a change that is durable (seq, whether there was anything to do).
        refused: Told of a change that was not saved (seq, attempt, why).
        noticed: Told of what the store has to say.
        labelled: Told of a label set that the store itself has added to.
    """

    def __init__(
        self,
        jobs: SimpleQueue[Job | None],
        send: Send,
        saved: Callable[[int, bool], None],
        refused: Callable[[int, int, Failure], None],
        noticed: Callable[[Notice], None],
        labelled: Callable[[LabelSet], None],
    ) -> None:
        self._jobs = jobs
        self._send = send
        self._labels = LabelSet()
        self._saved, self._refused, self._noticed = saved, refused, noticed
        self._labelled = labelled
        self._dataset: Dataset | None = None
        self._next: Dataset | None = None
        """Opened, and not adopted yet."""
        self._failed_attempt = 0
        self._why: Failure | None = None

    def run(self) -> None:
        """Works until None comes out of the queue, then closes the dataset."""
        while (job := self._jobs.get()) is not None:
            self._serve(job)
            self._tell_notices()
        self._close()
        self._close_next()

    def _serve(self, job: Job) -> None:
        if isinstance(job, Change):
            self._change(job)
        elif isinstance(job, Ask):
            self._ask(job)
        elif isinstance(job, Call):
            self._call(job)
        elif isinstance(job, Open):
            self._open(job)
        elif isinstance(job, Adopt):
            self._adopt(job.dataset)
        else:
            self._close()

    def _change(self, change: Change) -> None:
        if change.attempt <= self._failed_attempt and self._why is not None:
            self._send(partial(self._refused, change.seq, change.attempt, self._why))
            return
        try:
            real = change.make(self._open_dataset())
        except Exception as error:  # noqa: BLE001 - told to the user as a value
            self._failed_attempt = change.attempt
            self._why = describe(error, change.kind.value, self._place())
            self._send(partial(self._refused, change.seq, change.attempt, self._why))
        else:
            self._tell_labels()  # the store may have made more of them than was asked
            self._send(partial(self._saved, change.seq, real))

    def _ask(self, ask: Ask) -> None:
        try:
            result = ask.work(self._open_dataset())
        except Exception as error:  # noqa: BLE001 - told to the user as a value
            where = str(ask.key) if ask.key is not None else self._place()
            self._send(partial(ask.refused, describe(error, ask.doing, where).about(key=ask.key)))
        else:
            self._tell_labels()
            self._send(partial(ask.answer, result))

    def _call(self, call: Call) -> None:
        if not call.result.set_running_or_notify_cancel():
            return
        try:
            result = call.work(self._open_dataset())
            self._tell_labels()
            call.result.set_result(result)
        except BaseException as error:  # noqa: BLE001 - raised again in the thread that waits
            call.result.set_exception(error)

    def _open(self, job: Open) -> None:
        self._close_next()
        try:
            again = self._dataset is not None and self._dataset.folder == job.folder.resolve()
            if again:
                self._close()  # it would be locked out by itself
            dataset = job.open()
            try:
                info = describe_dataset(dataset)
            except BaseException:
                dataset.close()
                raise
        except Exception as error:  # noqa: BLE001 - told to the user as a value
            self._send(partial(job.refused, describe(error, "opening the folder", str(job.folder))))
            return
        if again:
            self._dataset, self._labels = dataset, info.labels
        else:
            self._next = dataset
        self._send(partial(job.answer, dataset, info))

    def _adopt(self, dataset: Dataset) -> None:
        if dataset is not self._next:
            return  # a newer one is on its way, or it is there already
        self._close()
        self._dataset, self._next = dataset, None
        self._labels = dataset.labels

    def _close_next(self) -> None:
        dataset, self._next = self._next, None
        if dataset is not None:
            dataset.close()

    def _close(self) -> None:
        dataset, self._dataset = self._dataset, None
        if dataset is None:
            return
        try:
            dataset.close()
        except Exception:
            log.exception("closing %s", dataset.folder)

    def _open_dataset(self) -> Dataset:
        if self._dataset is None:
            raise StoreError("No folder is open.")
        return self._dataset

    def _place(self) -> str:
        return "" if self._dataset is None else str(self._dataset.folder)

    def _tell_labels(self) -> None:
        """Reading a label file may have found class ids that have no name: labels were added for them."""
        labels = self._open_dataset().labels
        if labels != self._labels and self._next is None:
            self._labels = labels
            self._send(partial(self._labelled, labels))

    def _tell_notices(self) -> None:
        if self._dataset is not None:
            for notice in self._dataset.notices():
                self._send(partial(self._noticed, notice))


def describe_dataset(dataset: Dataset) -> DatasetInfo:
    """What the window needs to know of a dataset."""
    done, undone = dataset.history()
    last = dataset.settings_get("last_image")
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
    )
