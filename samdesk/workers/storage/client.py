"""StorageClient: the dataset, asked and changed on the main thread, read and written on its own."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from typing import Any, TypeVar

from PySide6.QtCore import QObject, QThread, Signal

from samdesk.dataset.dataset import Dataset
from samdesk.dataset.store.database import StoreError
from samdesk.dataset.types import NAMES, ImageSummary, LogEntry
from samdesk.domain.annotation import RunId
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.edits import Edit, Transaction
from samdesk.domain.labels import LabelId, LabelSet
from samdesk.workers.failure import Failure
from samdesk.workers.storage.loop import (
    Adopt,
    Ask,
    Call,
    Close,
    DatasetInfo,
    Job,
    Kind,
    Open,
    StorageLoop,
    describe_dataset,
)
from samdesk.workers.storage.unsaved import UnsavedChanges
from samdesk.workers.thread import STOP_TIMEOUT_MS, LoopThread, Post

__all__ = ["DatasetInfo", "StorageClient"]

T = TypeVar("T")

SUMMARIES_AT_ONCE = 50
"""So many images are looked at in one job, so that a save never waits for the whole list."""


class StorageClient(QObject):
    """One thread owns the dataset; what is asked of it is done in the order asked.

    A change is durable when ``saved`` comes. One that fails stays with the client, in order, and is sent
    again before the next change (or by ``retry``): nothing that was done on screen is skipped.

    Signals:
        opened: ``DatasetInfo``.
        open_failed: ``Failure``; the dataset before, if any, stays open.
        document_loaded: ``ImageDocument``.
        document_failed: ``Failure`` with its key.
        saved: The number of a change that is durable now.
        save_failed: ``Failure``; its token is the change's number.
        pending_changed: How many changes are not durable yet.
        summaries: A list of ``ImageSummary``, some hundreds at a time.
        notice: A ``Notice`` of the store.
        relabel_planned: ``Transaction``.
        label_usage: Annotations by label id.
        run_edit: Image key and the ``Edit`` that a run has saved.
        run_closed: ``LogEntry`` of a run that has ended with changes.
        reloaded: ``ImageDocument`` after a conflict was resolved.
        step_saved: ``LogEntry`` that the store itself added to the log (a label file imported again).
        labels_found: ``LabelSet`` of the store when it has changed, also by labels that the store itself
            added for class ids without a name (before the document that needs them); again when all changes
            are durable.
        store_moved: ``DatasetInfo`` after the store got a file.
        failed: ``Failure`` of any other question.
    """

    opened = Signal(object)
    open_failed = Signal(object)
    document_loaded = Signal(object)
    document_failed = Signal(object)
    saved = Signal(int)
    save_failed = Signal(object)
    pending_changed = Signal(int)
    summaries = Signal(object)
    notice = Signal(object)
    relabel_planned = Signal(object)
    label_usage = Signal(object)
    run_edit = Signal(str, object)
    run_closed = Signal(object)
    reloaded = Signal(object)
    step_saved = Signal(object)
    store_moved = Signal(object)
    labels_found = Signal(object)
    failed = Signal(object)

    def __init__(
        self,
        open_dataset: Callable[[Path, Path | None], Dataset] | None = None,
        parent: QObject | None = None,
    ) -> None:
        """``open_dataset``: opens a folder, with the store's own path or None."""
        super().__init__(parent)
        self._open_dataset = open_dataset or _open_dataset
        self._stopped = False
        self._summary_keys: list[ImageKey] = []
        self._labels: LabelSet | None = None
        self._opened = 0
        """Counts the datasets opened: what was asked of one before is not answered any more."""
        self._jobs: SimpleQueue[Job | None] = SimpleQueue()
        self._unsaved = UnsavedChanges(self._jobs.put)
        self._post = Post(self._run_on_main, self)
        loop = StorageLoop(
            self._jobs,
            self._post,
            self._note_saved,
            self._note_refused,
            self.notice.emit,
            self._note_labels,
        )
        self._thread = LoopThread("storage", loop.run)
        self._thread.start()

    # -- datasets

    def open(self, folder: Path, store_path: Path | None = None) -> None:
        """Opens a dataset in place of the one before; until ``opened``, all is about the one before."""
        self.retry()
        opener = partial(self._open_dataset, folder, store_path)
        self._jobs.put(Open(opener, folder, self._note_opened, self.open_failed.emit))

    def close(self) -> None:
        """Closes the dataset after all that was asked of it."""
        self.retry()
        self._jobs.put(Close())

    def stop(self, timeout_ms: int = STOP_TIMEOUT_MS) -> bool:
        """Does all that was asked, closes and ends the thread; False if it still runs after the timeout."""
        if not self._stopped:
            self.close()
            self._stopped = True
            self._jobs.put(None)
        ended = self._thread.join(timeout_ms)
        if ended:
            self._refuse_late_calls()
        return ended

    def save_store_to(self, path: Path) -> None:
        """Gives a store that is in memory a file; then what could not be saved is tried again."""

        def work(dataset: Dataset) -> DatasetInfo:
            dataset.save_store_to(path)
            return describe_dataset(dataset)

        def answer(info: DatasetInfo) -> None:
            self.store_moved.emit(info)
            self.retry()

        self._ask(work, "saving the store", answer)

    def set_setting(self, key: str, value: str) -> None:
        """Remembers something with the dataset ("last_image")."""
        self._ask(lambda dataset: dataset.settings_set(key, value), "saving a setting", _nothing)

    # -- changes

    @property
    def pending(self) -> int:
        """How many changes are not durable yet."""
        return len(self._unsaved)

    @property
    def stuck(self) -> bool:
        """Whether a change failed to save and nothing was sent since."""
        return self._unsaved.stuck

    def commit(self, transaction: Transaction) -> int:
        """Saves a new step of the history; returns its number."""
        return self._change(Kind.COMMIT, transaction)

    def undo(self) -> int:
        """Saves that the newest step is taken back; returns the number of this change."""
        return self._change(Kind.UNDO)

    def redo(self) -> int:
        """Saves that the last step taken back is done again; returns the number of this change."""
        return self._change(Kind.REDO)

    def retry(self) -> None:
        """Sends all that is not saved again, in order, if a change has failed."""
        self._unsaved.send_again()

    def resolve(self, key: ImageKey, choice: str) -> None:
        """Settles a conflict with another program: "mine" keeps ours, "file" takes the file's.

        ``key`` is an image's, or ``io.dataset.NAMES`` for the file with the class names.
        """

        def work(dataset: Dataset) -> tuple[LogEntry | None, ImageDocument | None]:
            entry = dataset.resolve(key, choice)
            return entry, None if key == NAMES else dataset.load(key)

        def answer(result: tuple[LogEntry | None, ImageDocument | None]) -> None:
            entry, document = result
            if entry is not None:
                self.step_saved.emit(entry)
            if document is not None:
                self.reloaded.emit(document)
            self.retry()  # labels that could not move because of the conflict

        self._ask(work, "taking over the label file", answer, key=key)

    # -- questions

    def load(self, key: ImageKey) -> None:
        """Asks for a document as it stands after all that was asked before."""
        self._ask(
            lambda dataset: dataset.load(key),
            "loading the annotations",
            self.document_loaded.emit,
            self.document_failed.emit,
            key,
        )

    def refresh_summaries(self, keys: Sequence[ImageKey] | None = None) -> None:
        """Asks for counts and states: of images in view, which are looked at, or of all as known (None)."""
        if keys is None:
            self._ask(lambda dataset: dataset.summaries(), "counting the annotations", self.summaries.emit)
            return
        idle = not self._summary_keys
        self._summary_keys += keys
        if idle:
            self._next_summaries()

    def plan_relabel(self, old: LabelId, new: LabelId) -> None:
        """Asks for the transaction that gives every annotation of a label another one."""
        self._ask(
            lambda dataset: dataset.plan_relabel(old, new), "looking for the label", self.relabel_planned.emit
        )

    def request_label_usage(self) -> None:
        """Asks how many annotations each label has."""
        self._ask(lambda dataset: dataset.label_usage(), "counting the labels", self.label_usage.emit)

    # -- for other threads: they wait for the answer, the main thread must not

    def begin_run(self, text: str) -> RunId:
        """Opens a run. Raises ``StoreError``."""
        return self._call(lambda dataset: dataset.begin_run(text))

    def load_now(self, key: ImageKey) -> ImageDocument:
        """The document as it is now. Raises ``StoreError`` and ``ImageError``."""
        return self._call(lambda dataset: dataset.load(key))

    def commit_run(self, run_id: RunId, key: ImageKey, edit: Edit) -> bool:
        """Saves an edit of a run; False if a person touched the image meanwhile. Raises ``StoreError``."""

        def work(dataset: Dataset) -> bool:
            done = dataset.commit_run(run_id, key, edit)
            if done:
                self._post(partial(self.run_edit.emit, key, edit))
            return done

        return self._call(work)

    def end_run(self, run_id: RunId) -> LogEntry | None:
        """Closes a run: it is one step of the history from here on. Raises ``StoreError``."""

        def work(dataset: Dataset) -> LogEntry | None:
            entry = dataset.end_run(run_id)
            if entry is not None:
                self._post(partial(self.run_closed.emit, entry))
            return entry

        return self._call(work)

    # -- inside

    def _ask(
        self,
        work: Callable[[Dataset], T],
        doing: str,
        answer: Callable[[T], None],
        refused: Callable[[Failure], None] | None = None,
        key: ImageKey | None = None,
    ) -> None:
        opened = self._opened

        def current(handle: Callable[[Any], None]) -> Callable[[Any], None]:
            return lambda value: handle(value) if opened == self._opened else None

        self._jobs.put(Ask(work, doing, current(answer), current(refused or self.failed.emit), key))

    def _call(self, work: Callable[[Dataset], T]) -> T:
        if QThread.currentThread() is self.thread():
            raise RuntimeError("the main thread must not wait for the store")
        result: Future[T] = Future()
        self._jobs.put(Call(work, result))
        if self._stopped and self._thread.isFinished():
            self._refuse_late_calls()
        return result.result()

    def _refuse_late_calls(self) -> None:
        """Answers who waits for a thread that has ended."""
        while not self._jobs.empty():
            job = self._jobs.get()
            if isinstance(job, Call) and job.result.set_running_or_notify_cancel():
                job.result.set_exception(StoreError("samdesk is closing: nothing more is saved."))

    def _change(self, kind: Kind, transaction: Transaction | None = None) -> int:
        seq = self._unsaved.add(kind, transaction)
        self.pending_changed.emit(len(self._unsaved))
        return seq

    def _note_saved(self, seq: int, real: bool) -> None:
        self._unsaved.note_saved(seq)
        if real:
            self.saved.emit(seq)
        else:
            self.save_failed.emit(Failure("The store has no step to undo or redo there.", token=seq))
        if self._labels is not None and not self._unsaved:
            self.labels_found.emit(self._labels)
        self.pending_changed.emit(len(self._unsaved))

    def _note_labels(self, labels: LabelSet) -> None:
        self._labels = labels
        self.labels_found.emit(labels)

    def _note_refused(self, seq: int, attempt: int, why: Failure) -> None:
        if self._unsaved.note_refused(attempt):
            self.save_failed.emit(why.about(token=seq))

    def _note_opened(self, dataset: Dataset, info: DatasetInfo) -> None:
        self._jobs.put(Adopt(dataset))
        self._labels = None
        self._opened += 1
        self._summary_keys = []
        self._unsaved.clear()
        self.pending_changed.emit(0)
        self.opened.emit(info)

    def _next_summaries(self) -> None:
        keys = self._summary_keys[:SUMMARIES_AT_ONCE]
        if not keys:
            return

        def answer(result: list[ImageSummary]) -> None:
            if self._summary_keys[: len(keys)] != keys:
                return  # another dataset, or all are asked for anew
            del self._summary_keys[: len(keys)]
            self.summaries.emit(result)
            self._next_summaries()

        def refused(failure: Failure) -> None:
            self._summary_keys = []
            self.failed.emit(failure)

        self._ask(lambda dataset: dataset.summaries(keys), "counting the annotations", answer, refused)

    def _run_on_main(self, value: object) -> None:
        assert callable(value)
        value()


def _open_dataset(folder: Path, store_path: Path | None) -> Dataset:
    return Dataset.open(folder, store_path=store_path)


def _nothing(_result: object) -> None:
    """For answers that nobody waits for."""
