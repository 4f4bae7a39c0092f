"""AutoAnnotateClient: annotates a whole dataset in a thread of its own, with models of its own.

The canvas keeps its own predictor, so it stays responsive. The annotations are saved through the storage
thread, which also reports every saved edit to the window; this client only reports counts and messages.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from samdesk.base.jobs import CancelToken, Foreground
from samdesk.batch.models import Loaders
from samdesk.batch.plan import AutoAnnotatePlan
from samdesk.batch.report import BatchProgress, BatchSummary, ImageFailure
from samdesk.batch.targets.documents import DatasetTarget, Locked
from samdesk.batch.targets.reading import ImageReads
from samdesk.domain.annotation import RunId
from samdesk.domain.document import ImageKey
from samdesk.domain.geometry.types import RgbImage
from samdesk.engine.checkpoints.trusted import UntrustedFileError
from samdesk.images.reader import read_image
from samdesk.workers.batch.loop import (
    BatchFailed,
    BatchLoop,
    CountedImages,
    DetectorNames,
    RunModels,
    RunStorage,
    StorageThreadStore,
)
from samdesk.workers.failure import Failure
from samdesk.workers.thread import STOP_TIMEOUT_MS, LoopThread, Post


class AutoAnnotateClient(QObject):
    """Counts and runs auto-annotate jobs, one at a time. Lives on the main thread.

    Args:
        storage: Loads and saves documents.
        loaders: Load the models; None: the engine's own.
        read: Reads an image.
        foreground: A run waits while it is busy.
        parent: Qt parent.

    Attributes:
        locked: Returns the annotations that a run must not change; called on the storage thread, too.

    Signals:
        counted: (DryRun) emitted in reply to the newest ``count``.
        loaded: (tuple of ModelInfo) emitted when the models of a run are loaded, before its first image.
        detector_names: (model name, tuple of class names) emitted in reply to ``ask_detector_names``.
        progress: (BatchProgress) emitted after every image.
        image_failed: (image key, reason) emitted at once for an image that failed.
        notice: (text) a message for the user.
        finished: (BatchSummary) emitted at the end of a run, also after ``cancel``.
        failed: (Failure) a run could not start, or a request failed.
    """

    counted = Signal(object)
    loaded = Signal(object)
    detector_names = Signal(str, object)
    progress = Signal(object)
    image_failed = Signal(str, str)
    notice = Signal(str)
    finished = Signal(object)
    failed = Signal(object)

    def __init__(
        self,
        storage: RunStorage,
        *,
        loaders: Loaders | None = None,
        read: Callable[[Path], RgbImage] = read_image,
        foreground: Foreground | None = None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._read = read
        self.locked: Locked = frozenset
        self._folder = Path()
        self._keys: tuple[ImageKey, ...] = ()
        self._running = False
        self._cancel = CancelToken()
        self._counting = CancelToken()
        self._counts = 0
        self._post = Post(self._handle, self)
        self._storage = storage
        self._worker = BatchLoop(loaders, self._post, foreground)
        self._thread: LoopThread | None = None

    @property
    def running(self) -> bool:
        """Whether a run is in progress."""
        return self._running

    def set_dataset(self, folder: Path, keys: Sequence[ImageKey]) -> None:
        """Sets the dataset of the next counts and runs; cancels a run over the previous one."""
        self.cancel()
        self._folder = folder
        self._keys = tuple(keys)

    def set_images(self, keys: Sequence[ImageKey]) -> None:
        """Sets the images of the next counts and runs of the same dataset; a run goes on with its own."""
        self._keys = tuple(keys)

    def count(self, plan: AutoAnnotatePlan) -> None:
        """Requests a dry run, which needs no model; ``counted`` is emitted. A newer request replaces it."""
        self._counting.cancel()
        self._counting = CancelToken()
        self._counts += 1
        target = self._target(plan, self._counting)
        self._submit(partial(self._worker.count, self._counts, target, self._counting))

    def ask_detector_names(self, name: str, device: str = "", precision: str = "auto") -> None:
        """Requests a detector's class names, for which it may have to be loaded; see ``detector_names``."""
        self._submit(partial(self._worker.names, name, device, precision))

    def permit(self, file: UntrustedFileError) -> None:
        """Lets a model file run its code in what is requested after this."""
        self._submit(partial(self._worker.permit, file))

    def start(self, plan: AutoAnnotatePlan, resumes: RunId | None = None) -> None:
        """Starts a run; ``finished`` or ``failed`` ends it.

        Args:
            plan: What it does.
            resumes: The run that goes on with the images that are left of it; None: a new one begins.
        """
        if self._running:
            self.failed.emit(
                Failure("Auto-annotate is already running.", next="Wait until it finishes, or stop it.")
            )
            return
        self._running = True
        self._counting.cancel()
        self._cancel = CancelToken()
        target = self._target(plan, self._cancel, resumes)
        self._submit(partial(self._worker.run, plan, target, self._cancel))

    def cancel(self) -> None:
        """Stops the run after the current image; finished images are kept."""
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

    def _target(
        self, plan: AutoAnnotatePlan, cancel: CancelToken, resumes: RunId | None = None
    ) -> DatasetTarget:
        known = set(self._keys)
        keys = self._keys if plan.keys is None else tuple(k for k in plan.keys if k in known)
        store = StorageThreadStore(self._storage, cancel)
        return DatasetTarget(
            keys,
            store,
            ImageReads(self._folder, self._read),
            plan.existing,
            resumes=resumes,
            boxes=plan.objects_from == "boxes",
            replaces=plan.replaces,
            locked=lambda: self.locked(),
            edited=plan.edited,
        )

    def _submit(self, job: Callable[[], None]) -> None:
        if self._thread is None:
            self._thread = LoopThread("auto-annotate", self._worker.loop)
            self._thread.start()
        self._worker.jobs.put(job)

    def _handle(self, value: object) -> None:
        if isinstance(value, BatchSummary):
            self._running = False
            self.finished.emit(value)
        elif isinstance(value, BatchFailed):
            self._running = self._running and not value.run
            self.failed.emit(value.failure)
        else:
            self._report(value)

    def _report(self, value: object) -> None:
        if isinstance(value, DetectorNames):
            self.detector_names.emit(value.model, value.names)
        elif isinstance(value, CountedImages):
            if value.number == self._counts:
                self.counted.emit(value.dry_run)
        elif isinstance(value, RunModels):
            self.loaded.emit(value.models)
        elif isinstance(value, BatchProgress):
            self.progress.emit(value)
        elif isinstance(value, ImageFailure):
            self.image_failed.emit(value.key, value.message)
        elif isinstance(value, str):
            self.notice.emit(value)
