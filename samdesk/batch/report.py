"""What an auto-annotate run says of itself: dry run, progress and summary. Pure values."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

from samdesk.base.text import counted
from samdesk.domain.annotation import RunId
from samdesk.domain.document import ImageKey
from samdesk.engine.protocols import ModelInfo


@dataclass(frozen=True)
class SkippedImage:
    """An image a run leaves alone, and why, in words."""

    key: ImageKey
    reason: str


@dataclass(frozen=True)
class ImageFailure:
    """An image that could not be done, and why, in words."""

    key: ImageKey
    message: str


@dataclass(frozen=True)
class ImageNote:
    """Something to know of an image that was done."""

    key: ImageKey
    message: str


@dataclass(frozen=True)
class DryRun:
    """What a run would do, found without running a model.

    Attributes:
        annotate: The images it would annotate.
        skipped: Those it would leave alone.
        failed: Those that cannot be read.
    """

    annotate: tuple[ImageKey, ...] = ()
    skipped: tuple[SkippedImage, ...] = ()
    failed: tuple[ImageFailure, ...] = ()

    @property
    def total(self) -> int:
        """How many images were looked at."""
        return len(self.annotate) + len(self.skipped) + len(self.failed)

    @property
    def reasons(self) -> dict[str, int]:
        """How many images are skipped for which reason, the most frequent first."""
        return dict(Counter(s.reason for s in self.skipped).most_common())

    @property
    def text(self) -> str:
        """One line for people: "52 of 64 images will be annotated; 12 skipped: has annotations already"."""
        parts = [f"{len(self.annotate)} of {self.total} images will be annotated"]
        parts += [f"{count} skipped: {reason}" for reason, count in self.reasons.items()]
        if self.failed:
            parts.append(f"{len(self.failed)} cannot be read")
        return "; ".join(parts)


@dataclass(frozen=True)
class BatchProgress:
    """Where a run stands, told after every image.

    Attributes:
        done: Images finished, failed ones included.
        total: Images to do (skipped ones do not count).
        failed: How many of ``done`` failed.
        annotations: Annotations made so far.
        rate: Images a second, smoothed; 0.0 before the first.
        seconds_left: Estimate; None before the first image is done.
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
    """What a run did.

    Attributes:
        annotated: Images that were done, whether or not something was found on them.
        empty: How many of them show nothing the detector knows (background images).
        annotations: Annotations made.
        skipped: Images left alone and why.
        failed: Images that could not be done and why.
        notes: What is worth knowing of single images (a mask that was empty, ...).
        notices: What is worth knowing of the run (another model than asked for, out of memory, ...).
        cancelled: The user stopped it; what was done is kept.
        stopped: Why it could not go on, in words; "" if it could.
        seconds: How long it took, models not counted.
        detector: What found the boxes.
        predictor: What drew the masks.
        output: Where the labels are.
        run_id: The run in the dataset's store, None where there is none.
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
    def ok(self) -> bool:
        """Whether everything that was asked for was done."""
        return not (self.failed or self.cancelled or self.stopped)

    @property
    def text(self) -> str:
        """One line for people."""
        how = "Cancelled: " if self.cancelled else "Stopped: " if self.stopped else ""
        parts = [f"{how}{counted(self.annotations, 'annotation')} on {counted(self.annotated, 'image')}"]
        if self.empty:
            parts.append(f"{self.empty} with nothing found")
        if self.skipped:
            parts.append(f"{len(self.skipped)} skipped")
        if self.failed:
            parts.append(f"{len(self.failed)} failed")
        return ", ".join(parts)
