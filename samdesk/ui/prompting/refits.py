"""Refits: predicts the masks of objects whose shape is known, one job after the other."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field

from PySide6.QtCore import QObject

from samdesk.base.jobs import CancelToken
from samdesk.domain.geometry.types import Region
from samdesk.workers.failure import Failure
from samdesk.workers.inference.client import InferenceClient, PredictedMask
from samdesk.workers.inference.requests.refit import RefitDone, RefitProgress, RefitRequest


@dataclass(eq=False)
class RefitJob:
    """A job on the image on screen.

    Attributes:
        regions: The shapes that are known, image pixels; none is empty.
        with_masks: Whether each is the mask prompt, too, beside the box around it.
        progress: Called with the job after each mask.
        done: Called with the job at its end, on the image it was begun on.
        masks: Those predicted so far, in the order of ``regions``.
        overlaps: The IoU of each with its region, 0..1.
        failure: Why the rest are missing, if a model failed.
        stopped: Whether the rest are missing because it was stopped.
    """

    regions: tuple[Region, ...]
    with_masks: bool
    progress: Callable[[RefitJob], None]
    done: Callable[[RefitJob], None]
    masks: list[PredictedMask] = field(default_factory=list)
    overlaps: list[float] = field(default_factory=list)
    failure: Failure | None = None
    stopped: bool = False
    request: RefitRequest | None = None

    @property
    def total(self) -> int:
        """How many masks it predicts."""
        return len(self.regions)


class Refits(QObject):
    """Runs jobs on the inference thread. A job waits until a model is loaded and the image is encoded."""

    def __init__(self, inference: InferenceClient, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._inference = inference
        self._jobs: deque[RefitJob] = deque()
        self._has_model = False
        self._no_model: Failure | None = None
        inference.on(RefitProgress, self._add_masks)
        inference.on(RefitDone, self._end)
        inference.model_loading.connect(lambda _name: self._end_started())
        inference.model_loaded.connect(lambda _info: self._note_model(None))
        inference.model_failed.connect(self._note_model)

    @property
    def busy(self) -> bool:
        """Whether a job is running or waiting."""
        return bool(self._jobs)

    def start(
        self,
        regions: Sequence[Region],
        *,
        with_masks: bool,
        progress: Callable[[RefitJob], None],
        done: Callable[[RefitJob], None],
    ) -> None:
        """Begins a job, after those begun before. Without a model, it has failed when this returns."""
        job = RefitJob(tuple(regions), with_masks, progress, done)
        if self._no_model is not None and not self._has_model:
            job.failure = self._no_model
            job.done(job)
            return
        self._jobs.append(job)
        if len(self._jobs) == 1:
            self._request()

    def stop(self) -> None:
        """Ends every job now, with what it has predicted so far; before another image is shown, too."""
        while self._jobs:
            job = self._jobs.popleft()
            if job.request is not None:
                job.request.cancel.cancel()
            job.stopped = True
            job.done(job)

    @property
    def waits_for_model(self) -> bool:
        """Whether the first model is still being loaded."""
        return not self._has_model

    def _note_model(self, failure: Failure | None) -> None:
        """Notes that a model was loaded, or why it was not; jobs that wait for the first one end then."""
        self._has_model, self._no_model = self._has_model or failure is None, failure
        while self._jobs and not self._has_model:
            job = self._jobs.popleft()
            job.failure = failure
            job.done(job)

    def _end_started(self) -> None:
        """Ends the jobs that have begun: another model would do the rest of them."""
        if self._jobs and self._jobs[0].masks:
            self.stop()

    def _request(self) -> None:
        job, key = self._jobs[0], self._inference.key
        if key is None:
            self.stop()
            return
        job.request = RefitRequest(self._inference.epoch, key, job.regions, job.with_masks, CancelToken())
        self._inference.submit(job.request)

    def _add_masks(self, event: RefitProgress) -> None:
        if self._jobs and self._jobs[0].request is event.request:
            job = self._jobs[0]
            job.masks += event.masks
            job.overlaps += event.overlaps
            job.progress(job)

    def _end(self, event: RefitDone) -> None:
        if self._jobs and self._jobs[0].request is event.request:
            job = self._jobs.popleft()
            job.failure, job.stopped = event.failure, len(job.masks) < job.total and event.failure is None
            if self._jobs:
                self._request()
            job.done(job)
