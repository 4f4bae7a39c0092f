"""The results of an auto-annotate run: dry run, progress and summary. Pure values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import TypeAlias

from samdesk.base.text import counted
from samdesk.domain.annotation import RunId
from samdesk.domain.document import ImageKey
from samdesk.engine.protocols import ModelInfo


@dataclass(frozen=True)
class SkippedImage:
    """An image that a run skips, and why, for the user."""

    key: ImageKey
    reason: str


@dataclass(frozen=True)
class ImageFailure:
    """An image that failed, and why, for the user."""

    key: ImageKey
    message: str


@dataclass(frozen=True)
class ImageNote:
    """A remark about an image that was annotated."""

    key: ImageKey
    message: str


@dataclass(frozen=True)
class DryRun:
    """What a run would do, found without running a model.

    Attributes:
        annotate: The images it would annotate.
        skipped: Those it would skip.
        failed: Those that cannot be read.
    """

    annotate: tuple[ImageKey, ...] = ()
    skipped: tuple[SkippedImage, ...] = ()
    failed: tuple[ImageFailure, ...] = ()

    @property
    def total(self) -> int:
        """The number of images checked."""
        return len(self.annotate) + len(self.skipped) + len(self.failed)

    @property
    def reasons(self) -> dict[str, int]:
        """Reason -> number of images skipped for it, the most frequent first."""
        return dict(Counter(s.reason for s in self.skipped).most_common())

    @property
    def text(self) -> str:
        """One line for the user: "52 of 64 images will be annotated; 12 skipped: already has annotations"."""
        annotate = f"{len(self.annotate):,} of {counted(self.total, 'image')} will be annotated"
        if len(self.annotate) == self.total:
            annotate = f"{counted(self.total, 'image')} will be annotated"
        parts = [annotate]
        parts += [f"{count:,} skipped: {reason}" for reason, count in self.reasons.items()]
        if self.failed:
            parts.append(f"{len(self.failed):,} cannot be read")
        return "; ".join(parts)


@dataclass(frozen=True)
class BatchProgress:
    """The progress of a run, reported after every image.

    Attributes:
        done: Images finished, failed ones included.
        total: Images to annotate (skipped ones do not count).
        failed: How many of ``done`` failed.
        annotations: Annotations made so far.
        rate: Images per second, smoothed; 0.0 before the first.
        seconds_left: Estimate; None before the first image is finished.
        key: The image just finished, None before the first.
        added: Annotations made on it.
    """

    done: int
    total: int
    failed: int = 0
    annotations: int = 0
    rate: float = 0.0
    seconds_left: float | None = None
    key: ImageKey | None = None
    added: int = 0


ProgressReport: TypeAlias = Callable[[BatchProgress], None]


@dataclass(frozen=True)
class BatchSummary:
    """The result of a run.

    Attributes:
        annotated: Images that were annotated, whether or not an object was found on them.
        empty: How many of them have no detections (background images).
        annotations: Annotations made.
        skipped: Images skipped, and why.
        failed: Images that failed, and why.
        notes: Remarks about single images (a mask that was empty, ...).
        notices: Messages about the run (another model than requested, out of memory, ...).
        cancelled: The user stopped it; finished images are kept.
        stopped: Why it had to stop early, for the user; "" if it did not.
        seconds: Duration without loading the models.
        detector: The model that found the boxes; None: no model was loaded.
        predictor: The model that drew the masks; None: no model was loaded.
        output: Where the labels are.
        run_id: The run in the dataset's store, None without a store.
    """

    annotated: int = 0
    empty: int = 0
    annotations: int = 0
    skipped: tuple[SkippedImage, ...] = ()
    failed: tuple[ImageFailure, ...] = ()
    notes: tuple[ImageNote, ...] = ()
    notices: tuple[str, ...] = ()
    cancelled: bool = False
    stopped: str = ""
    seconds: float = 0.0
    detector: ModelInfo | None = None
    predictor: ModelInfo | None = None
    output: str = ""
    run_id: RunId | None = None

    @property
    def reasons(self) -> dict[str, int]:
        """Reason -> number of images skipped for it, the most frequent first."""
        return dict(Counter(s.reason for s in self.skipped).most_common())

    @property
    def ok(self) -> bool:
        """Whether every image was annotated or skipped."""
        return not (self.failed or self.cancelled or self.stopped)

    @property
    def text(self) -> str:
        """One line for the user."""
        how = "Stopped: " if self.cancelled or self.stopped else ""
        parts = [f"{how}{counted(self.annotations, 'annotation')} on {counted(self.annotated, 'image')}"]
        if self.empty:
            parts.append(f"{self.empty} with nothing found")
        if self.skipped:
            parts.append(f"{len(self.skipped)} skipped")
        if self.failed:
            parts.append(f"{len(self.failed)} failed")
        return ", ".join(parts)


class NoticeLog:
    """Collects the messages of a run for its summary and passes each on at once.

    Args:
        forward: Called with each message; None: only collected.
    """

    def __init__(self, forward: Callable[[str], None] | None = None) -> None:
        self._forward = forward
        self._texts: list[str] = []

    def __call__(self, text: str) -> None:
        """Adds a message."""
        self._texts.append(text)
        if self._forward is not None:
            self._forward(text)

    def added_to(self, summary: BatchSummary) -> BatchSummary:
        """Returns the summary with the messages collected so far."""
        return replace(summary, notices=(*summary.notices, *self._texts))
