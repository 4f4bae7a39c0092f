"""Auto-annotates many images, for the window and the command line alike.

It uses no files: it works on a ``Target``, a folder of label files or a dataset with a store. The stages of
an image (``batch.stages``) run side by side in threads of their own (``batch.overlap``); what they find is
stored here, in the run's own thread, in the order of the images.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import closing, suppress
from dataclasses import dataclass, field, replace
from functools import partial
from typing import TypeAlias

from samdesk.base.errors import UserError, typed_line
from samdesk.base.jobs import Cancelled, CancelToken, Foreground
from samdesk.base.rate import Rate
from samdesk.base.text import counted
from samdesk.batch.find import FoundObject
from samdesk.batch.models import NO_FALLBACK, Annotator, Fallback, Loaders, NoticeCallback
from samdesk.batch.overlap import Cancelling, overlapped
from samdesk.batch.plan import AutoAnnotatePlan
from samdesk.batch.report import (
    BatchProgress,
    BatchSummary,
    DryRun,
    ImageFailure,
    ImageNote,
    ProgressReport,
    SkippedImage,
)
from samdesk.batch.sources.registry import source_row
from samdesk.batch.stages import ImageWork, limits, stages
from samdesk.batch.targets.base import RunStopped, RunWriter, Stored, Target
from samdesk.domain.document import ImageKey
from samdesk.engine.protocols import ModelInfo

log = logging.getLogger(__name__)

_DOCUMENTS = 256
"""Documents that are loaded at once for a run on boxes that are there."""


def ignore(_: object) -> None:
    """The default callback, which does nothing."""


@dataclass(frozen=True)
class AutoAnnotateJob:
    """One auto-annotate run as it was requested.

    Attributes:
        plan: What it does.
        loaders: Load its models; called only when there is something to do.
        fallback: Which unavailable models the best installed one may replace.
        notice: Called at once with messages for the user.
        progress: Called after every image, and once before the first.
        failed: Called at once for every image that failed.
        counted: Called with what the run will do, before its models are loaded.
        loaded: Called with its models once they are loaded, before the first image.
        cancel: Stops the run: images at work are finished, or left as they were if that takes long.
        foreground: The run waits while the user is served.
    """

    plan: AutoAnnotatePlan
    loaders: Loaders
    fallback: Fallback = NO_FALLBACK
    notice: NoticeCallback = ignore
    progress: ProgressReport = ignore
    failed: Callable[[ImageFailure], None] = ignore
    counted: Callable[[DryRun], None] = ignore
    loaded: Callable[[Sequence[ModelInfo]], None] = ignore
    cancel: CancelToken = field(default_factory=CancelToken)
    foreground: Foreground = field(default_factory=Foreground)


Run: TypeAlias = Callable[[Target, AutoAnnotateJob], BatchSummary]
"""Stores annotations in a target: ``annotate_images``, or what takes its place."""


def annotate_images(target: Target, job: AutoAnnotateJob) -> BatchSummary:
    """Runs auto-annotate over the images of a target. Images that fail are listed; the run continues.

    Raises:
        EngineError: A model is unavailable.
        ValueError: The plan names classes the detector does not have.
        StoreError: The run cannot be begun or ended in the dataset's store.
    """
    try:
        summary = _annotate(target, job)
    except Cancelled:
        summary = BatchSummary(cancelled=True)
    except RunStopped as error:
        summary = BatchSummary(stopped=str(error))
    return replace(summary, output=target.output)


def _annotate(target: Target, job: AutoAnnotateJob) -> BatchSummary:
    todo = target.dry_run(job.cancel)
    for failure in todo.failed:
        job.failed(failure)
    job.counted(todo)
    if not todo.annotate:
        run_id = target.finish(todo)
        return BatchSummary(skipped=todo.skipped, failed=todo.failed, run_id=run_id)
    annotator = job.loaders.annotator(
        job.plan, job.notice, fallback=job.fallback, exemplar=target.example, pause=job.cancel.check
    )
    job.loaded(annotator.infos)
    job.cancel.check()
    with target.begin(job.plan, annotator.source.names, todo.annotate, annotator.infos) as writer:
        return run(target, writer, annotator, todo, job)


def run(
    target: Target,
    writer: RunWriter,
    annotator: Annotator,
    todo: DryRun,
    job: AutoAnnotateJob,
    *,
    clock: Callable[[], float] = time.perf_counter,
) -> BatchSummary:
    """Annotates the images of a dry run in a run that has begun.

    Args:
        target: Where images are read from.
        writer: Where results go: ``target.begin``.
        annotator: The models.
        todo: ``target.dry_run()``.
        job: Its callbacks and ``cancel`` are used.
        clock: Seconds, for the rate.
    """
    tally = Tally(todo, job, Rate(clock))
    started = clock()
    stopped = ""
    tally.report(None, 0)
    try:
        for images in _parts(target, todo.annotate, job.plan):
            cancel = Cancelling(job.cancel)  # one for each part: a pipeline that ends abandons its own
            pause = partial(_pause, job.foreground, cancel)
            line = stages(annotator, target.read, pause)
            with closing(overlapped(images, line, limits(annotator), cancel, pause)) as results:
                for work in results:
                    tally.report(work.key, store_result(work, writer, tally))
            if job.cancel.cancelled:
                break
    except RunStopped as error:
        stopped = str(error)
    detector, predictor = annotator.models.detector, annotator.models.predictor
    cancelled = job.cancel.cancelled and tally.done < len(todo.annotate) and not stopped
    return replace(
        tally.summary(),
        cancelled=cancelled,
        stopped=stopped,
        seconds=clock() - started,
        detector=None if detector is None else detector.info,
        predictor=None if predictor is None else predictor.info,
        run_id=writer.run_id,
    )


def _parts(target: Target, keys: Sequence[ImageKey], plan: AutoAnnotatePlan) -> Iterator[Iterable[ImageWork]]:
    """The images of a run; where documents are needed, in parts, as they are loaded in the run's thread."""
    if source_row(plan.objects_from).detects:
        yield map(ImageWork, keys)
        return
    for start in range(0, len(keys), _DOCUMENTS):
        yield [_with_document(target, key) for key in keys[start : start + _DOCUMENTS]]


def _with_document(target: Target, key: ImageKey) -> ImageWork:
    try:
        return ImageWork(key, target.document(key))
    except RunStopped:
        raise
    except UserError as error:
        return ImageWork(key, problem=str(error))


def _pause(foreground: Foreground, cancel: Cancelling) -> None:
    """Waits while the user is served, but for a run that ends. Raises ``Cancelled``."""
    with suppress(Cancelled):
        foreground.wait(cancel.request)
    cancel.abandon.check()


def store_result(work: ImageWork, writer: RunWriter, tally: Tally) -> int:
    """Stores what was found on an image, counts it and returns its annotations' number."""
    problem = work.problem
    if not problem:
        try:
            stored = writer.store(work.key, work.hw, work.found)
        except RunStopped:
            raise
        except UserError as error:
            problem = str(error)
        except Exception as error:  # one image must not end the run for the others
            log.exception("auto-annotate failed on %s", work.key)
            problem = typed_line(error)
        else:
            tally.count(work.key, work.found, stored)
            return stored.added
    tally.fail(work.key, problem)
    writer.fail(work.key, problem)
    return 0


class Tally:
    """Counts the images of a run and reports its progress."""

    def __init__(self, todo: DryRun, job: AutoAnnotateJob, rate: Rate) -> None:
        self.done = 0
        self._todo = todo
        self._job = job
        self._rate = rate
        self._rate.step(0)
        self._annotated = self._empty = self._annotations = 0
        self._skipped: list[SkippedImage] = []
        self._failed: list[ImageFailure] = []
        self._notes: list[ImageNote] = []

    def count(self, key: ImageKey, found: Sequence[FoundObject], stored: Stored) -> None:
        """Counts an image that was processed."""
        self._step()
        if stored.skipped:
            self._skipped.append(SkippedImage(key, stored.skipped))
            return
        self._annotated += 1
        self._empty += not found
        self._annotations += stored.added
        no_mask = sum(f.empty_mask for f in found)
        if no_mask:
            objects = counted(no_mask, "object has", "objects have")
            self._notes.append(ImageNote(key, f"{objects} the box as mask: the predictor's mask was empty"))
        if stored.note:
            self._notes.append(ImageNote(key, stored.note))

    def fail(self, key: ImageKey, message: str) -> None:
        """Counts an image that failed."""
        self._step()
        failure = ImageFailure(key, message)
        self._failed.append(failure)
        self._job.failed(failure)

    def report(self, key: ImageKey | None, added: int) -> None:
        """Reports the progress after an image; None: before the first."""
        total = len(self._todo.annotate)
        self._job.progress(
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

    def summary(self) -> BatchSummary:
        """The counts so far."""
        return BatchSummary(
            annotated=self._annotated,
            empty=self._empty,
            annotations=self._annotations,
            skipped=(*self._todo.skipped, *self._skipped),
            failed=(*self._todo.failed, *self._failed),
            notes=tuple(self._notes),
        )

    def _step(self) -> None:
        self.done += 1
        self._rate.step(self.done)
