"""The jobs of the auto-annotate thread: count, ask for class names, run."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass
from queue import SimpleQueue
from typing import Protocol

from samdesk.base.jobs import Cancelled, CancelToken, Foreground
from samdesk.batch.models import Loaders
from samdesk.batch.pipeline import AutoAnnotateJob, annotate_images
from samdesk.batch.plan import AutoAnnotatePlan
from samdesk.batch.report import DryRun, NoticeLog
from samdesk.batch.targets.base import Target
from samdesk.dataset.change import RunEdit
from samdesk.domain.annotation import RunId
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.labels import LabelSet
from samdesk.engine.checkpoints.trusted import UntrustedFileError
from samdesk.engine.models.load import class_names
from samdesk.engine.protocols import EngineError, ModelInfo
from samdesk.workers.failure import Failure, describe
from samdesk.workers.thread import Post


class RunStorage(Protocol):
    """The part of the storage client that a run uses; each call waits for the storage thread."""

    def begin_run(self, text: str) -> RunId:
        """Opens a run."""

    def load_now(self, key: ImageKey) -> ImageDocument:
        """Returns the current document of an image."""

    def commit_run(self, run_id: RunId, key: ImageKey, edit: RunEdit) -> bool:
        """Saves an edit of the run; False if the user has edited the image meanwhile."""

    def end_run(self, run_id: RunId) -> object:
        """Closes the run: from here on it is one step that can be undone."""


@dataclass(frozen=True)
class LabelsRequest:
    """The run asks the main thread for a label set with all labels that it needs."""

    plan: AutoAnnotatePlan
    names: tuple[str, ...]
    answer: Future[LabelSet]


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

    Args:
        loaders: Load the models; None: the engine's own.
        post: Carries results to the main thread.
        foreground: A run waits while it is busy.
    """

    def __init__(self, loaders: Loaders | None, post: Post, foreground: Foreground | None = None) -> None:
        self._foreground = foreground or Foreground()
        self.jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self._loaders = loaders
        self._post = post

    def loop(self) -> None:
        """Runs one job after another until None is taken from the queue."""
        while (job := self.jobs.get()) is not None:
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

    Args:
        storage: The storage client.
        post: Carries a ``LabelsRequest`` to the main thread, which owns the label set.
        cancel: Ends the wait for its answer.
    """

    def __init__(self, storage: RunStorage, post: Post, cancel: CancelToken) -> None:
        self._storage, self._post, self._cancel = storage, post, cancel

    def load(self, key: ImageKey) -> ImageDocument:
        """Returns the current document of an image."""
        return self._storage.load_now(key)

    def ensure_labels(self, plan: AutoAnnotatePlan, class_names: Sequence[str]) -> LabelSet:
        """Asks the main thread for the labels. Raises ``Cancelled``."""
        answer: Future[LabelSet] = Future()
        self._post(LabelsRequest(plan, tuple(class_names), answer))
        while True:
            # The main thread may be waiting in stop() for this thread: check for cancellation now and then.
            try:
                return answer.result(timeout=0.1)
            except FutureTimeoutError:
                self._cancel.check()

    def begin_run(self, text: str) -> RunId:
        """Opens a run."""
        return self._storage.begin_run(text)

    def commit_run(self, run_id: RunId, key: ImageKey, edit: RunEdit) -> bool:
        """Saves an edit of the run; False if the user has edited the image meanwhile."""
        return self._storage.commit_run(run_id, key, edit)

    def end_run(self, run_id: RunId) -> object:
        """Closes the run."""
        return self._storage.end_run(run_id)
