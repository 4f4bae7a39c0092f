"""What happens in the auto-annotate thread: count, load models, run, and say how it went."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import CancelledError, Future
from concurrent.futures import TimeoutError as FutureTimeoutError
from dataclasses import dataclass, replace
from pathlib import Path
from queue import SimpleQueue
from typing import Protocol

from samdesk.base.errors import UserError
from samdesk.base.jobs import Cancelled, CancelToken
from samdesk.batch.models import Loaders
from samdesk.batch.pipeline import Annotator, ImageProblem, RunStopped, dry_run, run, with_notices
from samdesk.batch.plan import AutoAnnotatePlan
from samdesk.batch.report import BatchSummary, DryRun
from samdesk.batch.targets.documents import DocumentTarget
from samdesk.domain.annotation import RunId
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.edits import Edit
from samdesk.domain.geometry.types import RgbImage
from samdesk.domain.labels import LabelSet
from samdesk.engine.models.load import class_names
from samdesk.images.reader import ImageError
from samdesk.workers.failure import Failure, describe
from samdesk.workers.thread import Post


class RunStorage(Protocol):
    """What a run needs of the storage client; each call waits for the storage thread."""

    def begin_run(self, text: str) -> RunId:
        """Opens a run."""

    def load_now(self, key: ImageKey) -> ImageDocument:
        """The document as it is now."""

    def commit_run(self, run_id: RunId, key: ImageKey, edit: Edit) -> bool:
        """Saves an edit of the run; False if a person touched the image meanwhile."""

    def end_run(self, run_id: RunId) -> object:
        """Closes the run: from here on it is one step that can be undone."""


@dataclass(frozen=True)
class LabelsWanted:
    """The run asks the main thread for a label set that has all it needs."""

    plan: AutoAnnotatePlan
    names: tuple[str, ...]
    answer: Future[LabelSet]


@dataclass(frozen=True)
class Names:
    """A detector's class names."""

    model: str
    names: tuple[str, ...]


@dataclass(frozen=True)
class ImageFailed:
    """An image could not be done."""

    key: ImageKey
    message: str


@dataclass(frozen=True)
class Ended:
    """A job ended without an answer."""

    failure: Failure
    run: bool


class BatchLoop:
    """What happens in the thread."""

    def __init__(self, storage: RunStorage, loaders: Loaders | None, post: Post) -> None:
        self.jobs: SimpleQueue[Callable[[], None] | None] = SimpleQueue()
        self.documents = StoredDocuments(storage)
        self._storage = storage
        self._loaders = loaders
        self._post = post

    def loop(self) -> None:
        """Does one job after another until None comes."""
        while (job := self.jobs.get()) is not None:
            job()

    def count(self, target: DocumentTarget, cancel: CancelToken) -> None:
        """Posts the dry run, or nothing if a newer question came."""
        try:
            self._post(dry_run(target, cancel))
        except Cancelled:
            pass
        except Exception as error:  # noqa: BLE001 - a thread's edge: it becomes a value
            self._post(Ended(describe(error, "counting the images"), run=False))

    def names(self, model: str, device: str, precision: str) -> None:
        """Posts a detector's class names."""
        try:
            names = class_names(model)
            if names is None:
                # Only asking for names must not start a download of some hundred megabytes.
                loaders = self._loaders or Loaders.real(self._post, CancelToken(), fetch=False)
                names = tuple(loaders.detector(model, device, precision).names)
            self._post(Names(model, names))
        except Exception as error:  # noqa: BLE001 - a thread's edge: it becomes a value
            self._post(Ended(describe(error, "loading the detector", model), run=False))

    def run(self, plan: AutoAnnotatePlan, target: DocumentTarget, cancel: CancelToken) -> None:
        """Posts progress and at the end a summary or a failure."""
        notices: list[str] = []

        def say(text: str) -> None:
            notices.append(text)
            self._post(text)

        try:
            todo = dry_run(target, cancel)
            for failure in todo.failed:
                self._post(ImageFailed(failure.key, failure.message))
            if not todo.annotate:
                self._post(BatchSummary(skipped=todo.skipped, failed=todo.failed))
                return
            annotator = self._models(say, cancel).annotator(plan, say)
            cancel.check()
            names = tuple(annotator.models.detector.names)
            labels = self._labels(plan, names, cancel)
            label_ids = plan.label_ids(names, labels)
            summary = self._annotate(replace(target, label_ids=label_ids), annotator, todo, cancel)
            self._post(with_notices(summary, notices))
        except Cancelled:
            self._post(BatchSummary(cancelled=True, notices=tuple(notices)))
        except (RunStopped, ValueError) as error:
            self._post(Ended(Failure(str(error)), run=True))
        except Exception as error:  # noqa: BLE001 - a thread's edge: it becomes a value
            self._post(Ended(describe(error, "starting auto-annotate", plan.det_model), run=True))

    def _annotate(
        self, target: DocumentTarget, annotator: Annotator, todo: DryRun, cancel: CancelToken
    ) -> BatchSummary:
        run_id = self._storage.begin_run("Auto-annotate")
        try:
            summary = run(
                replace(target, run_id=run_id),
                annotator,
                todo,
                progress=self._post,
                failed=lambda failure: self._post(ImageFailed(failure.key, failure.message)),
                cancel=cancel,
            )
        finally:
            self._storage.end_run(run_id)
        return replace(summary, run_id=run_id)

    def _labels(self, plan: AutoAnnotatePlan, names: tuple[str, ...], cancel: CancelToken) -> LabelSet:
        answer: Future[LabelSet] = Future()
        self._post(LabelsWanted(plan, names, answer))
        while True:
            # The main thread may be waiting in stop() for this very thread: look up now and then.
            try:
                return answer.result(timeout=0.1)
            except FutureTimeoutError:
                cancel.check()

    def _models(self, say: Callable[[str], None], cancel: CancelToken) -> Loaders:
        return self._loaders or Loaders.real(say, cancel)


class StoredDocuments:
    """The storage client as the documents of a run; its errors become the run's."""

    def __init__(self, storage: RunStorage) -> None:
        self._storage = storage

    def load(self, key: ImageKey) -> ImageDocument:
        """The document as it is now."""
        try:
            return self._storage.load_now(key)
        except ImageError as error:
            raise ImageProblem(str(error)) from error
        except (CancelledError, Exception) as error:
            raise _stopped(error) from error

    def commit_run(self, run_id: RunId, key: ImageKey, edit: Edit) -> bool:
        """Saves an edit of the run."""
        try:
            return self._storage.commit_run(run_id, key, edit)
        except (CancelledError, Exception) as error:
            raise _stopped(error) from error


def _stopped(error: BaseException) -> RunStopped:
    """A store that does not answer for one image will not for the next."""
    if isinstance(error, UserError):
        return RunStopped(str(error))
    return RunStopped(str(describe(error, "saving what was found")))


def read_for_run(read: Callable[[Path], RgbImage], folder: Path, key: ImageKey) -> RgbImage:
    """Reads an image of the dataset; ``ImageProblem`` in words."""
    try:
        return read(folder / key)
    except ImageError as error:
        raise ImageProblem(str(error)) from error
    except OSError as error:
        raise ImageProblem(str(describe(error, "reading the image", key))) from error
