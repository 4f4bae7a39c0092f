"""Auto-annotate many images, one after another, wherever they are and wherever the results go.

The loop knows no files and no threads but one that reads the next image ahead. What it works on is
a ``Target``: a folder of label files or a dataset with a store.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass, replace
from typing import Protocol

from samdesk.base.jobs import CancelToken
from samdesk.base.rate import Rate
from samdesk.batch.plan import AutoAnnotatePlan, FoundObject, find_objects
from samdesk.batch.report import (
    BatchProgress,
    BatchSummary,
    DryRun,
    ImageFailure,
    ImageNote,
    ProgressReport,
    SkippedImage,
)
from samdesk.domain.document import ImageKey
from samdesk.domain.geometry.types import RgbImage
from samdesk.engine.protocols import Detector, EngineError, OutOfMemory, Predictor

log = logging.getLogger(__name__)


class ImageProblem(Exception):  # noqa: N818 - the run goes on
    """One image cannot be done; says why in words. The run goes on with the next."""


class RunStopped(Exception):  # noqa: N818 - a stop, in words
    """The run cannot go on (the disk is full, the store is gone); says why in words."""


@dataclass(frozen=True)
class Stored:
    """What became of an image's objects.

    Attributes:
        added: How many are new.
        skipped: Why the image was left alone after all, "" if it was not.
        note: What is worth knowing, "" for nothing.
    """

    added: int = 0
    skipped: str = ""
    note: str = ""


class Target(Protocol):
    """What a run works on. All but ``read`` is called from the run's own thread."""

    def images(self) -> Sequence[ImageKey]:
        """All images, in the order they are done."""

    def skip_reason(self, key: ImageKey) -> str | None:
        """Why this image is left alone, None if it is not. Raises ``ImageProblem``, ``RunStopped``."""

    def read(self, key: ImageKey) -> RgbImage:
        """The image; called from another thread. Raises ``ImageProblem``."""

    def put(self, key: ImageKey, hw: tuple[int, int], found: Sequence[FoundObject]) -> Stored:
        """Keeps what was found (maybe nothing). Raises ``ImageProblem``, ``RunStopped``."""


@dataclass(frozen=True)
class Models:
    """The two networks of a run."""

    detector: Detector
    predictor: Predictor


class Annotator:
    """Finds objects with a pair of models; out of GPU memory, an image is done on the CPU.

    Args:
        models: The pair.
        plan: Thresholds and sizes.
        on_cpu: Makes the same pair on the CPU; called once, when the GPU first runs out of memory.
        notice: Told, in words, when that happens.
    """

    def __init__(
        self,
        models: Models,
        plan: AutoAnnotatePlan,
        on_cpu: Callable[[], Models],
        notice: Callable[[str], None],
    ) -> None:
        self.models = models
        self.class_ids = plan.used_classes(models.detector.names)
        self._plan = plan
        self._on_cpu = on_cpu
        self._notice = notice
        self._spare: Models | None = None

    def find(self, image: RgbImage) -> list[FoundObject]:
        """The objects of one image. Raises ``EngineError`` or what a network raises."""
        try:
            return self._find(self.models, image)
        except Exception as error:
            if self._all_on_cpu() or not is_out_of_memory(error):
                raise
            first = self._spare is None
        # Outside the handler: the traceback would keep the failed attempt's tensors alive.
        if first:
            self._notice("The GPU ran out of memory: images that do not fit are done on the CPU (slower).")
            self._spare = self._on_cpu()
        assert self._spare is not None
        return self._find(self._spare, image)

    def _find(self, models: Models, image: RgbImage) -> list[FoundObject]:
        return find_objects(image, models.detector, models.predictor, self._plan, self.class_ids)

    def _all_on_cpu(self) -> bool:
        devices = (self.models.detector.info.device, self.models.predictor.info.device)
        return all(device.startswith("cpu") for device in devices)


def is_out_of_memory(error: BaseException | None) -> bool:
    """Whether an error, or what it was raised from, is that a device is full."""
    while error is not None:
        if isinstance(error, OutOfMemory) or type(error).__name__ == "OutOfMemoryError":
            return True  # the second is torch's, which is not imported here
        error = error.__cause__ or error.__context__
    return False


def dry_run(target: Target, cancel: CancelToken | None = None) -> DryRun:
    """What a run would do, without a model. Raises ``Cancelled``, ``RunStopped``."""
    annotate: list[ImageKey] = []
    skipped: list[SkippedImage] = []
    failed: list[ImageFailure] = []
    for key in target.images():
        if cancel is not None:
            cancel.check()
        try:
            reason = target.skip_reason(key)
        except ImageProblem as error:
            failed.append(ImageFailure(key, str(error)))
            continue
        if reason is None:
            annotate.append(key)
        else:
            skipped.append(SkippedImage(key, reason))
    return DryRun(tuple(annotate), tuple(skipped), tuple(failed))


def run(
    target: Target,
    annotator: Annotator,
    todo: DryRun,
    *,
    progress: ProgressReport | None = None,
    failed: Callable[[ImageFailure], None] | None = None,
    cancel: CancelToken | None = None,
    clock: Callable[[], float] = time.perf_counter,
) -> BatchSummary:
    """Annotates the images of a dry run. Images that fail are listed and the run goes on.

    Args:
        target: Where images come from and results go.
        annotator: The models.
        todo: ``dry_run(target)``.
        progress: Told after every image, and once before the first.
        failed: Told of every image that failed, at once.
        cancel: Looked at between images; what is done stays done.
        clock: Seconds, for the rate.
    """
    tally = _Tally(target, annotator, todo, progress or _nobody, failed or _nobody, clock)
    cancel = cancel or CancelToken()
    started = clock()
    stopped = ""
    tally.report(None, 0)
    try:
        for key, image in _read_ahead(target, todo.annotate, cancel):
            tally.do(key, image)
    except RunStopped as error:
        stopped = str(error)
    cancelled = cancel.cancelled and tally.done < len(todo.annotate) and not stopped
    return tally.summary(seconds=clock() - started, cancelled=cancelled, stopped=stopped)


def _read_ahead(
    target: Target, keys: Sequence[ImageKey], cancel: CancelToken
) -> Iterator[tuple[ImageKey, Future[RgbImage]]]:
    """Every key with its image, of which the next one is read while the models work."""
    with ThreadPoolExecutor(1, thread_name_prefix="read-ahead") as pool:
        following: Future[RgbImage] | None = None
        for i, key in enumerate(keys):
            if cancel.cancelled:
                return
            current = following or pool.submit(target.read, key)
            following = pool.submit(target.read, keys[i + 1]) if i + 1 < len(keys) else None
            yield key, current


class _Tally:
    """Does one image after another and counts."""

    def __init__(
        self,
        target: Target,
        annotator: Annotator,
        todo: DryRun,
        progress: ProgressReport,
        failed: Callable[[ImageFailure], None],
        clock: Callable[[], float],
    ) -> None:
        self.done = 0
        self._target = target
        self._annotator = annotator
        self._todo = todo
        self._progress = progress
        self._tell_failed = failed
        self._clock = clock
        self._rate = Rate(clock)
        self._rate.step(0)
        self._empty = 0
        self._annotated = 0
        self._annotations = 0
        self._skipped: list[SkippedImage] = []
        self._failed: list[ImageFailure] = []
        self._notes: list[ImageNote] = []

    def do(self, key: ImageKey, image: Future[RgbImage]) -> None:
        """One image: found, stored, counted. Raises ``RunStopped``."""
        added = 0
        try:
            added = self._annotate(key, image.result())
        except RunStopped:
            raise
        except (ImageProblem, EngineError) as error:
            self._fail(key, str(error))
        except Exception as error:  # one image must not end the run for the others
            log.exception("auto-annotate failed on %s", key)
            self._fail(key, _words(error))
        self.done += 1
        self._rate.step(self.done)
        self.report(key, added)

    def _annotate(self, key: ImageKey, image: RgbImage) -> int:
        found = self._annotator.find(image)
        stored = self._target.put(key, (image.shape[0], image.shape[1]), found)
        if stored.skipped:
            self._skipped.append(SkippedImage(key, stored.skipped))
            return 0
        self._annotated += 1
        self._empty += not found
        self._annotations += stored.added
        no_mask = sum(f.empty_mask for f in found)
        if no_mask:
            what = "an object has" if no_mask == 1 else f"{no_mask} objects have"
            self._notes.append(ImageNote(key, f"{what} the box as mask: the predictor's mask was empty"))
        if stored.note:
            self._notes.append(ImageNote(key, stored.note))
        return stored.added

    def _fail(self, key: ImageKey, message: str) -> None:
        failure = ImageFailure(key, message)
        self._failed.append(failure)
        self._tell_failed(failure)

    def report(self, key: ImageKey | None, added: int) -> None:
        """Tells where the run stands."""
        total = len(self._todo.annotate)
        self._progress(
            BatchProgress(
                done=self.done,
                total=total,
                failed=len(self._failed),
                annotations=self._annotations,
                rate=self._rate.per_second,
                seconds_left=self._rate.seconds(total - self.done),
                key=key,
                added=added,
            )
        )

    def summary(self, *, seconds: float, cancelled: bool, stopped: str) -> BatchSummary:
        """What was done."""
        return BatchSummary(
            annotated=self._annotated,
            empty=self._empty,
            annotations=self._annotations,
            skipped=(*self._todo.skipped, *self._skipped),
            failed=(*self._todo.failed, *self._failed),
            notes=tuple(self._notes),
            cancelled=cancelled,
            stopped=stopped,
            seconds=seconds,
            detector=self._annotator.models.detector.info,
            predictor=self._annotator.models.predictor.info,
        )


def _nobody(_: object) -> None:
    """Nobody wants to know."""


def _words(error: Exception) -> str:
    """An error that nobody put in words, in one line."""
    first = str(error).strip().split("\n")[0]
    return f"{type(error).__name__}: {first}" if first else type(error).__name__


def with_notices(summary: BatchSummary, notices: Sequence[str]) -> BatchSummary:
    """The summary with what was said on the way."""
    return replace(summary, notices=(*summary.notices, *notices))
