"""AutoAnnotateClient: a whole dataset annotated in a thread of its own, with models of its own.

The canvas keeps its own predictor, so it stays usable. What the run finds is saved through the storage
thread, which also tells the window of every saved edit; here only counts and words come back.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from samdesk.base.jobs import CancelToken
from samdesk.base.text import counted
from samdesk.batch.models import Loaders
from samdesk.batch.plan import AutoAnnotatePlan
from samdesk.batch.report import BatchProgress, BatchSummary, DryRun
from samdesk.batch.targets.documents import DocumentTarget
from samdesk.domain.document import ImageKey
from samdesk.domain.geometry.types import RgbImage
from samdesk.domain.labels import LabelSet
from samdesk.images.reader import read_image
from samdesk.workers.batch.loop import (
    BatchLoop,
    Ended,
    ImageFailed,
    LabelsWanted,
    Names,
    RunStorage,
    read_for_run,
)
from samdesk.workers.failure import Failure
from samdesk.workers.thread import STOP_TIMEOUT_MS, LoopThread, Post


class AutoAnnotateClient(QObject):
    """Counts and runs auto-annotate jobs, one at a time. Lives on the main thread.

    Args:
        storage: Where documents are loaded and saved.
        labels: The label set as it is now; called on the main thread.
        change_labels: Makes a new label set durable and shows it (text for the undo menu, the set);
            called on the main thread before a run, when the detector knows names that are no labels.
        loaders: How models are had; None: the engine's own.
        read: Reads an image.
        parent: Qt parent.

    Signals:
        counted: DryRun, the answer to ``count``.
        detector_names: The model's name and a tuple of its class names.
        progress: BatchProgress, after every image.
        image_failed: Image key and why, in words.
        notice: Something to know, in words.
        finished: BatchSummary; also after ``cancel``.
        failed: Failure; nothing was changed (but maybe labels added), or the count failed.
    """

    counted = Signal(object)
    detector_names = Signal(str, object)
    progress = Signal(object)
    image_failed = Signal(str, str)
    notice = Signal(str)
    finished = Signal(object)
    failed = Signal(object)

    def __init__(
        self,
        storage: RunStorage,
        labels: Callable[[], LabelSet],
        change_labels: Callable[[str, LabelSet], None],
        *,
        loaders: Loaders | None = None,
        read: Callable[[Path], RgbImage] = read_image,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._labels = labels
        self._change_labels = change_labels
        self._read = read
        self._folder = Path()
        self._keys: tuple[ImageKey, ...] = ()
        self._running = False
        self._cancel = CancelToken()
        self._counting = CancelToken()
        self._post = Post(self._handle, self)
        self._worker = BatchLoop(storage, loaders, self._post)
        self._thread: LoopThread | None = None

    @property
    def running(self) -> bool:
        """Whether a run is going on."""
        return self._running

    def set_dataset(self, folder: Path, keys: Sequence[ImageKey]) -> None:
        """The dataset that the next counts and runs are about; ends a run of the one before."""
        self.cancel()
        self._folder = folder
        self._keys = tuple(keys)

    def count(self, plan: AutoAnnotatePlan) -> None:
        """Asks what a run would do, without a model; ``counted`` answers. A newer question wins."""
        self._counting.cancel()
        self._counting = CancelToken()
        self._submit(partial(self._worker.count, self._target(plan), self._counting))

    def ask_detector_names(self, name: str, device: str = "", precision: str = "auto") -> None:
        """Asks for a detector's class names; it has to be loaded for that. ``detector_names`` answers."""
        self._submit(partial(self._worker.names, name, device, precision))

    def start(self, plan: AutoAnnotatePlan) -> None:
        """Starts a run; ``finished`` or ``failed`` ends it."""
        if self._running:
            self.failed.emit(Failure("Auto-annotate is at work already.", next="Wait for it, or cancel it."))
            return
        self._running = True
        self._counting.cancel()
        self._cancel = CancelToken()
        self._submit(partial(self._worker.run, plan, self._target(plan), self._cancel))

    def cancel(self) -> None:
        """Stops the run after the image it is at; what is done is kept."""
        self._cancel.cancel()

    def stop(self, timeout_ms: int = STOP_TIMEOUT_MS) -> bool:
        """Ends the thread (call it before the storage client's); False if it is still busy then."""
        self._cancel.cancel()
        self._counting.cancel()
        if self._thread is None:
            return True
        self._worker.jobs.put(None)
        ended = self._thread.join(timeout_ms)
        if ended:
            self._thread = None
        return ended

    def _target(self, plan: AutoAnnotatePlan) -> DocumentTarget:
        known = set(self._keys)
        keys = self._keys if plan.keys is None else tuple(k for k in plan.keys if k in known)
        read = partial(read_for_run, self._read, self._folder)
        return DocumentTarget(keys, self._worker.documents, read, plan.existing)

    def _submit(self, job: Callable[[], None]) -> None:
        if self._thread is None:
            self._thread = LoopThread("auto-annotate", self._worker.loop)
            self._thread.start()
        self._worker.jobs.put(job)

    def _handle(self, value: object) -> None:
        if isinstance(value, LabelsWanted):
            self._answer_labels(value)
        elif isinstance(value, Names):
            self.detector_names.emit(value.model, value.names)
        elif isinstance(value, DryRun):
            self.counted.emit(value)
        elif isinstance(value, BatchProgress):
            self.progress.emit(value)
        elif isinstance(value, ImageFailed):
            self.image_failed.emit(value.key, value.message)
        elif isinstance(value, str):
            self.notice.emit(value)
        elif isinstance(value, BatchSummary):
            self._running = False
            self.finished.emit(value)
        elif isinstance(value, Ended):
            self._running = self._running and not value.run
            self.failed.emit(value.failure)

    def _answer_labels(self, wanted: LabelsWanted) -> None:
        """The store answers in order, so what is committed here is there before the run's first edit."""
        try:
            current = self._labels()  # it may have changed while the models were loaded
            labels = wanted.plan.labels_for(wanted.names, current)
            if labels != current:
                count = len(labels) - len(current)
                self._change_labels(f"Add {counted(count, 'label')}", labels)
            wanted.answer.set_result(labels)
        except Exception as error:  # noqa: BLE001 - the run's thread waits for it and tells
            wanted.answer.set_exception(error)
