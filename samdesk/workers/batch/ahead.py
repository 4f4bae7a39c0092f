"""AheadClient: annotates the images that the user is about to open, a few at a time, in a thread of its own.

All that is annotated until ``end`` is one run in the store, and so one step of the history. A run of the
whole dataset has another thread (``AutoAnnotateClient``) and comes first: whoever starts it ends this one.
"""

from __future__ import annotations

import logging
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass, field, replace
from functools import partial
from pathlib import Path
from queue import SimpleQueue
from threading import Lock
from typing import Any

from PySide6.QtCore import QObject, QTimer, Signal

from samdesk.base.errors import UserError
from samdesk.base.jobs import Cancelled, CancelToken, Foreground
from samdesk.batch.models import Loaders
from samdesk.batch.pipeline import AutoAnnotateJob, annotate_images
from samdesk.batch.plan import AutoAnnotatePlan
from samdesk.batch.report import DryRun
from samdesk.batch.targets.documents import DatasetTarget
from samdesk.batch.targets.reading import ImageReads
from samdesk.dataset.dataset import Dataset
from samdesk.dataset.types import LogEntry
from samdesk.domain.annotation import RunId
from samdesk.domain.document import ImageKey
from samdesk.domain.geometry.types import RgbImage
from samdesk.images.reader import read_image
from samdesk.workers.batch.kept import KeptModels
from samdesk.workers.batch.loop import StorageThreadStore
from samdesk.workers.failure import Failure, describe
from samdesk.workers.storage.client import DatasetChange, StorageClient
from samdesk.workers.thread import STOP_TIMEOUT_MS, LoopThread, Post

log = logging.getLogger(__name__)

TEXT = "Annotate ahead"
"""The text of the run in the undo menu."""
_AGAIN_MS = 200
"""While the user draws on an image that is ready, whether it can be stored is looked at this often."""


class Stretch:
    """What is annotated ahead until it is ended: one run in the store. Used by both threads."""

    def __init__(self) -> None:
        self.ended = False
        self._run_id: RunId | None = None
        self._lock = Lock()

    def begin(self, begin: Callable[[], RunId]) -> RunId:
        """The run, which is begun if it is not open. Called by the thread only."""
        with self._lock:
            if self._run_id is not None:
                return self._run_id
        run_id = begin()  # without the lock: the main thread never waits for the store
        with self._lock:
            self._run_id = run_id
        return run_id

    def take(self) -> RunId | None:
        """The run, for the one who ends it; None: it has not begun, or another thread ends it."""
        with self._lock:
            taken, self._run_id = self._run_id, None
            return taken


@dataclass(frozen=True)
class Round:
    """A few images of a stretch, and what cancels them."""

    stretch: Stretch
    cancel: CancelToken


@dataclass(frozen=True)
class AheadResult:
    """What has become of the images.

    Attributes:
        stored: Those annotated.
        settled: Those that need not be tried again: stored, failed, or with annotations.
    """

    stored: frozenset[ImageKey] = frozenset()
    settled: frozenset[ImageKey] = frozenset()


@dataclass(frozen=True)
class _Permission:
    """The thread asks whether it may store the annotations of an image now."""

    key: ImageKey
    answer: Future[None]


class AheadStore(StorageThreadStore):
    """The dataset as the store of a stretch: all of its runs are one; an image in work has to wait."""

    def __init__(self, storage: StorageClient, post: Post, now: Round) -> None:
        super().__init__(storage, now.cancel)
        self._ask, self._round = post, now
        self.stored: list[ImageKey] = []

    def begin_run(self, text: str, *more: Any, **named: Any) -> RunId:
        """Opens the run, or goes on with it."""
        return self._round.stretch.begin(partial(super().begin_run, TEXT, *more, **named))

    def commit_run(self, run_id: RunId, key: ImageKey, *edit: Any, **named: Any) -> bool:
        """Saves an edit once the user does not draw on the image; False if it was cancelled before."""
        permission = _Permission(key, Future())
        self._ask(permission)
        while not self._round.cancel.cancelled:
            try:
                permission.answer.result(timeout=0.1)
            except FutureTimeoutError:
                continue
            done = super().commit_run(run_id, key, *edit, **named)
            if done:
                self.stored.append(key)
            return done
        return False

    def end_run(self, run_id: RunId, *more: Any, **named: Any) -> object:
        """Leaves the run open for the next images; ``AheadClient.end`` ends it."""
        return None


@dataclass(frozen=True)
class AheadTarget(DatasetTarget):
    """The first few images of those ahead that a run would annotate.

    Attributes:
        most: How many.
        settled: Receives those up to the last of them, or all if a run would annotate none.
    """

    most: int = 1
    settled: list[ImageKey] = field(default_factory=list)

    def dry_run(self, cancel: CancelToken | None = None) -> DryRun:
        """As of all images, with the first ones only."""
        found = super().dry_run(cancel)
        chosen = found.annotate[: self.most]
        end = self.keys.index(chosen[-1]) + 1 if chosen else len(self.keys)
        self.settled.extend(self.keys[:end])
        return replace(found, annotate=chosen, skipped=())


class AheadClient(QObject):
    """Annotates a few images at a time. Lives on the main thread.

    Args:
        storage: Loads and saves documents.
        loaders: Load the models; None: the engine's own, without downloads.
        read: Reads an image.
        foreground: The work waits while it is busy.
        parent: Qt parent.

    Attributes:
        may_store: Whether annotations may appear on an image now; called on the main thread.

    Signals:
        finished: (AheadResult) the images are done.
        failed: (Failure) models are unavailable, or nothing can be saved.
        ended: (int) the run has ended, and is one step that can be undone, of so many images.
        waiting_changed: An image is ready and waits for the user to finish drawing on it, or no longer.
    """

    finished = Signal(object)
    failed = Signal(object)
    ended = Signal(int)
    waiting_changed = Signal()

    def __init__(
        self,
        storage: StorageClient,
        *,
        loaders: Loaders | None = None,
        read: Callable[[Path], RgbImage] = read_image,
        foreground: Foreground | None = None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._storage = storage
        self._read = read
        self._loaders = loaders
        self._foreground = foreground or Foreground()
        self.may_store: Callable[[ImageKey], bool] = lambda _key: True
        self._jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._kept = KeptModels()
        """The models; used by the thread only."""
        self._post = Post(self._handle, self)
        self._thread: LoopThread | None = None
        self._stretch = Stretch()
        self._cancel = CancelToken()
        self._busy = False
        self._waiting: _Permission | None = None
        self._again = QTimer(self, interval=_AGAIN_MS)
        self._again.timeout.connect(self._answer_waiting)

    @property
    def busy(self) -> bool:
        """Whether images are being annotated."""
        return self._busy

    @property
    def waits_for(self) -> ImageKey | None:
        """The image that is ready and waits for the user to finish drawing on it."""
        return None if self._waiting is None else self._waiting.key

    def annotate(self, plan: AutoAnnotatePlan, folder: Path, keys: Sequence[ImageKey], most: int) -> None:
        """Annotates the first few of these images that have no annotations; nothing while it is busy."""
        if self._busy or not keys:
            return
        self._busy = True
        if self._thread is None:
            self._thread = LoopThread("annotate-ahead", self._loop)
            self._thread.start()
        self._cancel = CancelToken()
        now = Round(self._stretch, self._cancel)
        store = AheadStore(self._storage, self._post, now)
        target = AheadTarget(tuple(keys), store, ImageReads(folder, self._read), plan.existing, most=most)
        self._jobs.put(partial(self._run, plan, target, store, now))

    def cancel(self) -> None:
        """Leaves the images at work as they are; those stored stay, and the run goes on with others."""
        self._cancel.cancel()
        self._drop_waiting()

    def end(self) -> None:
        """Stops, and ends the run: from here on it is one step that can be undone.

        Called while another dataset is about to take the place of this one, it ends the run in this one.
        """
        self.cancel()
        ended, self._stretch = self._stretch, Stretch()
        ended.ended = True  # the thread ends a run that it is just beginning
        run_id = ended.take()
        if run_id is not None:
            self._storage.ask(
                partial(_end_run, run_id=run_id), self._insert, lambda _failure: None, doing="ending a run"
            )

    def free_models(self) -> None:
        """Gives the memory of the models back."""
        if self._thread is not None:
            self._jobs.put(self._forget_models)

    def stop(self, timeout_ms: int = STOP_TIMEOUT_MS) -> bool:
        """Ends the run and the thread (call it before the storage client's); False if it is still busy."""
        self.cancel()
        if self._thread is not None:
            self._jobs.put(None)
            if not self._thread.join(timeout_ms):
                return False
            self._thread = None
        self.end()
        return True

    # -- on the main thread

    def _insert(self, entry: LogEntry | None) -> None:
        if entry is not None:
            self._storage.history.insert(entry)
            self._storage.changed.emit(DatasetChange(entry.do.keys))
            self.ended.emit(len(entry.do.keys))

    def _handle(self, value: object) -> None:
        if isinstance(value, _Permission):
            self._waiting = value
            self._answer_waiting()
            if self._waiting is not None:
                self._again.start()
                self.waiting_changed.emit()
        elif isinstance(value, AheadResult):
            self._busy = False
            self.finished.emit(value)
        elif isinstance(value, Failure):
            self._busy = False
            self.failed.emit(value)

    def _answer_waiting(self) -> None:
        if self._waiting is not None and self.may_store(self._waiting.key):
            answer = self._waiting.answer
            self._drop_waiting()
            answer.set_result(None)

    def _drop_waiting(self) -> None:
        was_waiting, self._waiting = self._waiting, None
        self._again.stop()
        if was_waiting is not None:
            self.waiting_changed.emit()

    # -- in the thread

    def _loop(self) -> None:
        while (job := self._jobs.get()) is not None:
            job()

    def _forget_models(self) -> None:
        self._kept.clear()

    def _run(self, plan: AutoAnnotatePlan, target: AheadTarget, store: AheadStore, now: Round) -> None:
        self._post(self._result(plan, target, store, now.cancel))
        run_id = now.stretch.take() if now.stretch.ended else None
        if run_id is not None:
            try:
                self._storage.end_run(run_id)
            except UserError:
                log.info("the run ended with its dataset")

    def _result(
        self, plan: AutoAnnotatePlan, target: AheadTarget, store: AheadStore, cancel: CancelToken
    ) -> AheadResult | Failure:
        loaders = self._loaders or Loaders.real(lambda _text: None, CancelToken(), fetch=False)
        job = AutoAnnotateJob(plan, self._kept.over(loaders), cancel=cancel, foreground=self._foreground)
        try:
            cancel.check()
            summary = annotate_images(target, job)
        except Cancelled:
            return AheadResult()
        except ValueError as error:
            return Failure(str(error))
        except Exception as error:  # noqa: BLE001 - a thread's edge: it becomes a value
            return describe(error, "annotating the images ahead", plan.det_model)
        if summary.stopped and not cancel.cancelled:
            return Failure(summary.stopped)
        stored = frozenset(store.stored)
        return AheadResult(stored, stored if cancel.cancelled else frozenset(target.settled))


def _end_run(dataset: Dataset, run_id: RunId) -> LogEntry | None:
    return dataset.end_run(run_id)
