"""StorageClient: the main thread's interface to the dataset, which the storage thread reads and writes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from concurrent.futures import Future
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any, Literal, TypeVar

from PySide6.QtCore import QObject, QThread, Signal

from samdesk.base.jobs import CancelToken
from samdesk.dataset.change import RunEdit
from samdesk.dataset.dataset import Dataset
from samdesk.dataset.open import keep_damaged_apart
from samdesk.dataset.queries import Query
from samdesk.dataset.runs.annotated import AnnotatedImage, annotated_images
from samdesk.dataset.runs.record import RunImage, RunInfo, RunRecord, RunState
from samdesk.dataset.store.errors import StoreError
from samdesk.dataset.types import NAMES, LogEntry
from samdesk.domain.annotation import RunId
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.labels import LabelSet
from samdesk.domain.split import Split
from samdesk.workers.failure import Failure
from samdesk.workers.storage.history import UndoHistory
from samdesk.workers.storage.loop import (
    Adopt,
    BlockingCall,
    Close,
    DatasetInfo,
    Open,
    Question,
    StorageLoop,
    describe_dataset,
    job_queue,
)
from samdesk.workers.thread import STOP_TIMEOUT_MS, LoopThread, Post

__all__ = ["DatasetChange", "DatasetInfo", "StorageClient"]

T = TypeVar("T")


@dataclass(frozen=True)
class DatasetChange:
    """A change that the main thread did not make, or knew in part: a run, an imported label file, a plan.

    Attributes:
        keys: Images whose documents have changed; a view that shows one must reload it.
        labels: The label set of the store, or None if it did not change. It may lack changes that are
            not durable yet; it is emitted again when all are.
    """

    keys: tuple[ImageKey, ...] = ()
    labels: LabelSet | None = None


class StorageClient(QObject):
    """Owns the storage thread, which runs changes and queries in the order they were sent.

    Attributes:
        history: The steps of the dataset; changes are made and saved through it.
        given_up: The program ends without waiting for the thread any longer.

    Signals:
        closing: Another dataset has been opened and comes next; what is saved now goes to the previous one.
        opened: ``DatasetInfo`` of the dataset that is open from now on.
        changed: ``DatasetChange``: a change that the main thread did not make, or knew in part only.
        notice: A ``Notice`` of the store.
        failed: ``Failure`` of a query whose caller does not handle it.
        progressed: ``BulkProgress`` of work on many images; None: it is over.
    """

    closing = Signal()
    opened = Signal(object)
    changed = Signal(object)
    notice = Signal(object)
    failed = Signal(object)
    progressed = Signal(object)

    def __init__(
        self,
        open_dataset: Callable[[Path, Path | None], Dataset] | None = None,
        parent: QObject | None = None,
    ) -> None:
        """``open_dataset``: opens a folder, given the path of the store or None for the default one."""
        super().__init__(parent)
        self._open_dataset = open_dataset or _open_dataset
        self._stopped = self.given_up = False
        self._dataset: Dataset | None = None
        """The open dataset; only the storage thread may use it."""
        self._labels: LabelSet | None = None
        self._opened = 0
        """Counts the datasets opened and closed: an answer about an earlier one is dropped."""
        self._jobs = job_queue()
        self.history = UndoHistory(self._jobs.put, self)
        self.history.pending_changed.connect(self._show_all_labels)
        self.history.stored.connect(lambda keys: self.changed.emit(DatasetChange(keys)))
        self._post = Post(self._run_on_main, self)
        self._loop = StorageLoop(
            self._jobs,
            self._post,
            self.history.note_saved,
            self.history.note_failed,
            self.history.note_refused,
            self.notice.emit,
            self._note_labels,
            self.progressed.emit,
        )
        self._thread = LoopThread("storage", self._loop.run)
        self._thread.start()

    # -- datasets

    def open(
        self,
        folder: Path,
        store_path: Path | None = None,
        refused: Callable[[Failure], None] | None = None,
        *,
        from_label_files: bool = False,
    ) -> None:
        """Opens a dataset in place of the current one, which stays open until ``opened`` is emitted.

        Args:
            folder: The folder of images.
            store_path: Of the store; None for the default one.
            refused: Called with the ``Failure`` if it cannot be opened; the current one stays open then.
            from_label_files: Whether a damaged store is kept under another name first, so that a new one is
                made of the label files.
        """
        self.history.retry()
        opener = partial(self._open_dataset, folder, store_path)
        if from_label_files:
            opener = partial(_open_without_damaged, opener, folder, store_path)
        self._jobs.put(Open(opener, folder, self._note_opened, refused or self.failed.emit))

    def close(self) -> None:
        """Closes the dataset after the changes queued so far; queries not answered yet are dropped."""
        self.history.retry()
        self._opened += 1
        self._jobs.put(Close())

    def stop(self, timeout_ms: int = STOP_TIMEOUT_MS) -> bool:
        """Closes the dataset and ends the thread; returns False if it still runs after the timeout."""
        if not self._stopped:
            self.close()
            self._stopped = True
            self._jobs.put(None)
        ended = self._thread.join(timeout_ms)
        if ended:
            self._refuse_late_calls()
        return ended

    def save_store_to(self, path: Path, then: Callable[[DatasetInfo], None]) -> None:
        """Moves a store that is in memory to a file, then retries what could not be saved."""

        def work(dataset: Dataset) -> DatasetInfo:
            dataset.save_store_to(path)
            return describe_dataset(dataset)

        def answer(info: DatasetInfo) -> None:
            then(info)
            self.history.retry()

        self.ask(work, answer, doing="saving the store")

    def set_setting(self, key: str, value: str, *, durable: bool = False) -> None:
        """Stores a value with the dataset ("last_image"), see ``Dataset.settings_set``."""
        self.ask(
            lambda dataset: dataset.settings_set(key, value, durable=durable),
            _ignore,
            doing="saving a setting",
        )

    # -- work on many images

    def cancel_change(self) -> None:
        """Cancels the change that is being saved: nothing of it is saved, and it can be tried again."""
        self._loop.cancel.set()

    def stop_writing(self) -> None:
        """Stops writing label files after a change of many; the rest waits until ``resume_writing``."""
        self.ask(lambda dataset: dataset.core.sweep.stop(), _ignore, doing="stopping")

    def resume_writing(self) -> None:
        """Goes on with writing label files."""
        self.ask(lambda dataset: dataset.core.sweep.resume(), _ignore, doing="writing label files")

    # -- queries

    def ask(
        self,
        query: Query[T],
        then: Callable[[T], None],
        refused: Callable[[Failure], None] | None = None,
        *,
        doing: str = "reading the dataset",
        key: ImageKey | None = None,
        early: Query[ImageDocument | None] | None = None,
    ) -> None:
        """Runs a query on the storage thread after all changes made so far.

        The answer is delivered to ``then`` only, on the main thread, and only while the same dataset is open.

        Args:
            query: A function of the dataset, see ``samdesk.dataset.queries``.
            then: Called with what it returned.
            refused: Called with the ``Failure`` if it raised; None: ``failed`` is emitted.
            doing: The activity, for error messages.
            key: The image it is about, for error messages.
            early: Of a query for a document, which overtakes queries that are not: reads it while a long
                change is being saved. ``then`` is called with that, and again in its turn.
        """
        opened = self._opened

        def if_current(handle: Callable[[Any], None]) -> Callable[[Any], None]:
            return lambda value: handle(value) if opened == self._opened else None

        question = Question(
            query, doing, if_current(then), if_current(refused or self.failed.emit), key, early
        )
        self._jobs.put(question)

    def resolve(self, key: ImageKey, choice: str) -> None:
        """Ends a conflict with another program.

        Args:
            key: The image, or ``NAMES`` for the file with the class names.
            choice: "mine" keeps samdesk's annotations, "file" uses those of the file.
        """

        def answer(step: LogEntry | None) -> None:
            if step is not None:
                self.history.insert(step)
            self.changed.emit(DatasetChange(() if key == NAMES else (key,)))
            self.history.try_again(conflict_only=True)  # label changes that the conflict had blocked

        self.ask(
            lambda dataset: dataset.resolve(key, choice), answer, doing="resolving the conflict", key=key
        )

    # -- for other threads, which wait for the answer; the main thread must not

    def ask_now(self, query: Query[T]) -> T:
        """Returns the answer to a query, for which the calling thread waits. Raises what the query raises."""
        if QThread.currentThread() is self.thread():
            raise RuntimeError("the main thread must not wait for the store")
        result: Future[T] = Future()
        self._jobs.put(BlockingCall(query, result))
        if self._stopped and self._thread.isFinished():
            self._refuse_late_calls()
        return result.result()

    def load_now(self, key: ImageKey) -> ImageDocument:
        """Returns the document of an image. Raises ``StoreError`` and ``ImageError``."""
        return self.ask_now(lambda dataset: dataset.load(key))

    def begin_run(
        self,
        text: str,
        record: RunRecord | None = None,
        keys: Sequence[ImageKey] = (),
        names: Iterable[str] = (),
    ) -> RunId:
        """Begins an auto-annotate run, as ``Dataset.begin_run``. Raises ``StoreError``."""
        return self.ask_now(lambda dataset: dataset.begin_run(text, record, keys, names))

    def annotated(
        self, keys: Sequence[ImageKey], cancel: CancelToken | None = None
    ) -> dict[ImageKey, AnnotatedImage]:
        """Returns those of some images that have annotations or were edited. Raises ``Cancelled``."""
        return self.ask_now(lambda dataset: annotated_images(dataset, keys, cancel))

    def run_images(self, run_id: RunId) -> tuple[RunImage, ...]:
        """Returns what has become of each image of a run."""
        return self.ask_now(lambda dataset: dataset.runs.images(run_id))

    def note_image(
        self, run_id: RunId, key: ImageKey, state: Literal["skipped", "failed"], message: str
    ) -> None:
        """Notes that an image of a run was skipped or failed. Raises ``StoreError``."""
        self.ask_now(lambda dataset: dataset.runs.note(run_id, key, state, message))

    def resume_run(self, run_id: RunId) -> RunInfo:
        """Opens a run again: its step leaves the history until it ends. Raises ``StoreError``."""

        def work(dataset: Dataset) -> RunInfo:
            info = dataset.resume_run(run_id)
            self._post(partial(self._take_off, dataset, run_id))
            return info

        return self.ask_now(work)

    def commit_run(self, run_id: RunId, key: ImageKey, edit: RunEdit, labels: Sequence[str] = ()) -> bool:
        """Saves an edit of a run, as ``Dataset.commit_run``. Raises ``StoreError`` and ``ImageError``."""

        def work(dataset: Dataset) -> bool:
            done = dataset.commit_run(run_id, key, edit, labels)
            if done:
                self._post(partial(self._report, dataset, (key,)))
            return done

        return self.ask_now(work)

    def begin_import(
        self, text: str, record: RunRecord, keys: Sequence[ImageKey], names: Sequence[str],
        colors: Mapping[str, str],
    ) -> RunId:  # fmt: skip
        """Begins an import, as ``Runs.begin_import``. Raises ``StoreError``."""
        return self.ask_now(lambda dataset: dataset.runs.begin_import(text, record, keys, names, colors))

    def commit_images(
        self, run_id: RunId, edits: Sequence[tuple[ImageKey, RunEdit]], labels: Sequence[str] = ()
    ) -> Mapping[ImageKey, str]:
        """Saves edits of an import, as ``Runs.commit_images``. Raises ``StoreError``."""

        def work(dataset: Dataset) -> Mapping[ImageKey, str]:
            failed = dataset.runs.commit_images(run_id, edits, labels)
            done = tuple(key for key, _ in edits if key not in failed)
            self._post(partial(self._report, dataset, done))
            return failed

        return self.ask_now(work)

    def end_run(self, run_id: RunId, state: RunState | None = None) -> LogEntry | None:
        """Ends a run, which becomes one step of the history. Raises ``StoreError``."""
        return self._end_run(run_id, state, {})

    def end_import(self, run_id: RunId, splits: Mapping[ImageKey, Split]) -> LogEntry | None:
        """Ends an import and puts images into splits, as ``Runs.end``. Raises ``StoreError``."""
        return self._end_run(run_id, None, splits)

    def _end_run(
        self, run_id: RunId, state: RunState | None, splits: Mapping[ImageKey, Split]
    ) -> LogEntry | None:
        def work(dataset: Dataset) -> LogEntry | None:
            entry = dataset.runs.end(run_id, state, splits)
            if entry is not None:
                self._post(partial(self._report, dataset, entry.do.keys, entry))
            return entry

        return self.ask_now(work)

    # -- private

    def _refuse_late_calls(self) -> None:
        """Fails the calls that wait for a thread that has ended."""
        while not self._jobs.empty():
            job = self._jobs.get()
            if isinstance(job, BlockingCall) and job.result.set_running_or_notify_cancel():
                job.result.set_exception(StoreError("samdesk is closing; nothing more is saved."))

    def _report(self, dataset: Dataset, keys: tuple[ImageKey, ...], step: LogEntry | None = None) -> None:
        if dataset is not self._dataset:
            return
        if step is not None:
            self.history.insert(step)
        self.changed.emit(DatasetChange(keys))

    def _take_off(self, dataset: Dataset, run_id: RunId) -> None:
        if dataset is self._dataset:
            self.history.take_off_run(run_id)

    def _note_labels(self, labels: LabelSet) -> None:
        self._labels = labels
        self.changed.emit(DatasetChange(labels=labels))

    def _show_all_labels(self, pending: int) -> None:
        """Emits the labels of the store again now that it has all changes."""
        if self._labels is not None and not pending:
            self.changed.emit(DatasetChange(labels=self._labels))

    def _note_opened(self, dataset: Dataset, info: DatasetInfo) -> None:
        self.closing.emit()
        self._jobs.put(Adopt(dataset))
        self._dataset = dataset
        self._labels = None
        self._opened += 1
        self.history.restore(info.done, info.undone)
        self._labels = info.labels
        self.opened.emit(info)

    def _run_on_main(self, value: object) -> None:
        assert callable(value)
        value()


def _open_dataset(folder: Path, store_path: Path | None) -> Dataset:
    return Dataset.open(folder, store_path=store_path)


def _open_without_damaged(opener: Callable[[], Dataset], folder: Path, store_path: Path | None) -> Dataset:
    keep_damaged_apart(folder, store_path)
    return opener()


def _ignore(_result: object) -> None:
    """Ignores an answer."""
