"""The jobs of the auto-annotate thread: count, ask for class names, run."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from queue import Empty, SimpleQueue
from typing import Literal, Protocol

from samdesk.base.jobs import Cancelled, CancelToken, Foreground
from samdesk.batch.models import Loaders
from samdesk.batch.pipeline import AutoAnnotateJob, annotate_images
from samdesk.batch.plan import AutoAnnotatePlan
from samdesk.batch.report import DryRun, NoticeLog
from samdesk.batch.targets.base import Target
from samdesk.dataset.change import RunEdit
from samdesk.dataset.runs.annotated import AnnotatedImage
from samdesk.dataset.runs.record import RunImage, RunRecord
from samdesk.domain.annotation import RunId
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.engine.checkpoints.trusted import UntrustedFileError
from samdesk.engine.models.load import class_names
from samdesk.engine.protocols import EngineError, ModelInfo
from samdesk.workers.batch.kept import KeptModels
from samdesk.workers.failure import Failure, describe
from samdesk.workers.thread import Post

KEEP_S = 120
"""How long the models of a run over one image are kept: the next one may follow soon."""


class RunStorage(Protocol):
    """The part of the storage client that a run uses; each call waits for the storage thread."""

    def annotated(
        self, keys: Sequence[ImageKey], cancel: CancelToken | None = None
    ) -> Mapping[ImageKey, AnnotatedImage]:
        """Returns those of some images that have annotations or were edited by hand."""

    def run_images(self, run_id: RunId) -> Sequence[RunImage]:
        """Returns what has become of each image of a run."""

    def note_image(
        self, run_id: RunId, key: ImageKey, state: Literal["skipped", "failed"], message: str
    ) -> None:
        """Notes that an image of a run was skipped or failed."""

    def load_now(self, key: ImageKey) -> ImageDocument:
        """Returns the current document of an image."""

    def begin_run(
        self, text: str, record: RunRecord, keys: Sequence[ImageKey], names: Iterable[str]
    ) -> RunId:
        """Opens a run."""

    def resume_run(self, run_id: RunId) -> object:
        """Opens a run again."""

    def commit_run(self, run_id: RunId, key: ImageKey, edit: RunEdit, labels: Sequence[str]) -> bool:
        """Saves an edit of the run; False if the user has edited the image meanwhile."""

    def end_run(self, run_id: RunId) -> object:
        """Closes the run: from here on it is one step that can be undone."""


@dataclass(frozen=True)
class DetectorNames:
    """A detector's class names."""

    model: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class CountedImages:
    """The answer to a count.

    Attributes:
        number: That of the question: a newer one replaces it.
        dry_run: The answer.
    """

    number: int
    dry_run: DryRun


@dataclass(frozen=True)
class RunModels:
    """The models of the run, which are loaded now."""

    models: tuple[ModelInfo, ...]


@dataclass(frozen=True)
class BatchFailed:
    """A job failed: a run if ``run``, else a count or a request for class names."""

    failure: Failure
    run: bool


class BatchLoop:
    """The jobs of the thread; each posts its results to the main thread.

    The models of a run over one image are kept for a while, as loading them takes longer than such a run.

    Args:
        loaders: Load the models; None: the engine's own.
        post: Carries results to the main thread.
        foreground: A run waits while it is busy.
    """

    def __init__(self, loaders: Loaders | None, post: Post, foreground: Foreground | None = None) -> None:
        self._foreground = foreground or Foreground()
        self.jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._loaders = loaders
        self._kept = KeptModels()
        self._post = post

    def loop(self) -> None:
        """Runs one job after another until None is taken from the queue."""
        while True:
            try:
                job = self.jobs.get(timeout=KEEP_S if self._kept else None)
            except Empty:
                self._kept.clear()
                continue
            if job is None:
                return
            job()

    def count(self, number: int, target: Target, cancel: CancelToken) -> None:
        """Posts the dry run, or nothing if it was cancelled by a newer request."""
        try:
            self._post(CountedImages(number, target.dry_run(cancel)))
        except Cancelled:
            pass
        except Exception as error:  # noqa: BLE001 - a thread's edge: it becomes a value
            self._post(BatchFailed(describe(error, "counting the images"), run=False))

    def permit(self, file: UntrustedFileError) -> None:
        """Lets a model file run its code from now on; posts a failure if that cannot be saved."""
        try:
            file.permit()
        except EngineError as error:
            self._post(BatchFailed(describe(error, "saving the permission", file.path), run=False))

    def names(self, model: str, device: str, precision: str) -> None:
        """Posts a detector's class names."""
        try:
            names = class_names(model)
            if names is None:
                # A request for names must not start a download of some hundred megabytes.
                loaders = self._loaders or Loaders.real(self._post, CancelToken(), fetch=False)
                names = tuple(loaders.detector(model, device, precision).names)
            self._post(DetectorNames(model, names))
        except Exception as error:  # noqa: BLE001 - a thread's edge: it becomes a value
            self._post(BatchFailed(describe(error, "loading the detector", model), run=False))

    def run(self, plan: AutoAnnotatePlan, target: Target, cancel: CancelToken) -> None:
        """Runs auto-annotate; posts progress and at the end a summary or a failure."""
        notices = NoticeLog(self._post)
        loaders = self._loaders or Loaders.real(notices, cancel)
        if plan.keys is not None and len(plan.keys) == 1:
            loaders = self._kept.over(loaders)
        else:
            self._kept.clear()
        job = AutoAnnotateJob(
            plan,
            loaders,
            notice=notices,
            progress=self._post,
            failed=self._post,
            loaded=lambda models: self._post(RunModels(tuple(models))),
            cancel=cancel,
            foreground=self._foreground,
        )
        try:
            summary = annotate_images(target, job)
        except ValueError as error:
            self._post(BatchFailed(Failure(str(error)), run=True))
        except Exception as error:  # noqa: BLE001 - a thread's edge: it becomes a value
            self._post(BatchFailed(describe(error, "starting auto-annotate", plan.det_model), run=True))
        else:
            stopped_at_once = bool(summary.stopped) and summary.detector is None
            self._post(
                BatchFailed(Failure(summary.stopped), run=True)
                if stopped_at_once
                else notices.added_to(summary)
            )


class StorageThreadStore:
    """The dataset behind the storage thread as the ``RunStore`` of a run.

    The labels of a run are added by the store, which reports them to the main thread with its next answer.

    Args:
        storage: The storage client.
        cancel: Ends the wait for a dry run.
    """

    def __init__(self, storage: RunStorage, cancel: CancelToken) -> None:
        self._storage, self._cancel = storage, cancel

    def annotated(self, keys: Sequence[ImageKey]) -> Mapping[ImageKey, AnnotatedImage]:
        """Returns those of some images that have annotations or were edited. Raises ``Cancelled``."""
        self._cancel.check()
        return self._storage.annotated(keys, self._cancel)

    def load(self, key: ImageKey) -> ImageDocument:
        """Returns the current document of an image."""
        return self._storage.load_now(key)

    def begin_run(
        self, text: str, record: RunRecord, keys: Sequence[ImageKey], names: Iterable[str]
    ) -> RunId:
        """Opens a run."""
        return self._storage.begin_run(text, record, keys, names)

    def resume_run(self, run_id: RunId) -> object:
        """Opens a run again."""
        return self._storage.resume_run(run_id)

    def run_images(self, run_id: RunId) -> Sequence[RunImage]:
        """Returns what has become of each image of a run."""
        return self._storage.run_images(run_id)

    def commit_run(self, run_id: RunId, key: ImageKey, edit: RunEdit, labels: Sequence[str]) -> bool:
        """Saves an edit of the run; False if the user has edited the image meanwhile."""
        return self._storage.commit_run(run_id, key, edit, labels)

    def note_image(
        self, run_id: RunId, key: ImageKey, state: Literal["skipped", "failed"], message: str
    ) -> None:
        """Notes that an image was skipped or failed."""
        self._storage.note_image(run_id, key, state, message)

    def end_run(self, run_id: RunId) -> object:
        """Closes the run."""
        return self._storage.end_run(run_id)
