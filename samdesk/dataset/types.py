"""Values that a dataset returns: image summaries, notices, log entries."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from samdesk.dataset.store.errors import InConflictError, OutOfOrderError, RefusedError, StoreError
from samdesk.domain.document import ImageKey
from samdesk.domain.edits import Transaction
from samdesk.domain.labels import LabelId
from samdesk.domain.review import AnnotationReview, ImageReview
from samdesk.domain.split import Split
from samdesk.images.errors import ImageError

__all__ = [
    "NAMES",
    "CommittedStep",
    "ImageError",
    "ImageSummary",
    "InConflictError",
    "LogEntry",
    "Notice",
    "OutOfOrderError",
    "RefusedError",
    "StoreError",
]

TRAINING = "training"
"""The kind of a notice about what the trainer would do."""

NAMES = ImageKey("data.yaml")
"""The key of a conflict or notice about the file with the class names."""


@dataclass(frozen=True)
class ImageSummary:
    """One row of the image list.

    Attributes:
        key: Which image.
        width: Of the EXIF-rotated image, pixels; None: not read yet.
        height: As ``width``.
        count: Number of annotations; of an image not in the store, lines of its label file, once counted.
        pending: Number of annotations that the user has not accepted.
        review: How far the user has got with it.
        problem: Why it cannot be shown, for the user; None: no problem known.
        flagged: Number of annotations to be looked at again.
        split: What it is used for; None: it is in no split.
    """

    key: ImageKey
    width: int | None = None
    height: int | None = None
    count: int = 0
    pending: int = 0
    review: ImageReview = ImageReview.UNREVIEWED
    problem: str | None = None
    flagged: int = 0
    split: Split | None = None


@dataclass(frozen=True, eq=False)
class FoundOutline:
    """An annotation as it is in the store.

    Attributes:
        label_id: Its label.
        review: What the user has decided about it.
        size: Width and height of its image, pixels.
        bounds: x0, y0, x1, y1 of its region, rounded outwards to whole image pixels.
        rings: Its rings, (N, 2) x and y in image pixels, simplified.
    """

    label_id: LabelId
    review: AnnotationReview
    size: tuple[int, int]
    bounds: tuple[int, int, int, int]
    rings: tuple[NDArray[np.float64], ...]


@dataclass(frozen=True)
class Notice:
    """A message for the user that needs no response.

    Attributes:
        kind: "bad-lines", "changed-outside", "damaged", "damaged-alone" (questions), "damaged-store",
            "read-only", "locked", "image", "labels", "save", "link" or "training".
        message: What happened, which file, what to do.
        path: The file it is about.
        line: The line of that file, counted from 1.
        key: The image it is about (``NAMES``: the file with the class names).
    """

    kind: str
    message: str
    path: str = ""
    line: int | None = None
    key: ImageKey | None = None


@dataclass(frozen=True)
class LogEntry:
    """One step of the undo history.

    The edits of a step on several images (a run, a relabelling) are empty and only name the images; the
    store has them whole. So it is with the splits of many images: the first 2,000 are given.

    Attributes:
        seq: Its number in the log.
        do: The transaction that redoes it.
        undo: The transaction that undoes it.
    """

    seq: int
    do: Transaction
    undo: Transaction


@dataclass(frozen=True)
class CommittedStep:
    """A step that is durable.

    Attributes:
        back: The transaction that undoes it.
        seq: Its number in the log; 0: it is not logged.
        entry: How the log has it, if that was asked for.
    """

    back: Transaction
    seq: int = 0
    entry: LogEntry | None = None
