"""What a dataset says: summaries, notices, steps of the history."""

from __future__ import annotations

from dataclasses import dataclass

from samdesk.dataset.store.database import StoreError
from samdesk.domain.document import ImageKey
from samdesk.domain.edits import Transaction
from samdesk.domain.review import ImageReview
from samdesk.images.reader import ImageError

__all__ = ["NAMES", "ImageError", "ImageSummary", "LogEntry", "Notice", "StoreError"]

NAMES = ImageKey("data.yaml")
"""Stands for the file with the class names where a conflict is told by key."""


@dataclass(frozen=True)
class ImageSummary:
    """One row of the list of images.

    Attributes:
        key: Which image.
        width: Of the EXIF-rotated image, pixels; None: not looked at yet.
        height: As ``width``.
        count: Its annotations; for an image only its label file knows, that file's lines once counted.
        pending: Those a person has not agreed with.
        review: How far the user has got with it.
        problem: Why it cannot be shown, in words; None: nothing known.
    """

    key: ImageKey
    width: int | None = None
    height: int | None = None
    count: int = 0
    pending: int = 0
    review: ImageReview = ImageReview.UNREVIEWED
    problem: str | None = None


@dataclass(frozen=True)
class Notice:
    """Something the user should know, without a question being asked.

    Attributes:
        kind: "bad-lines", "changed-outside", "read-only", "locked", "image", "labels" or "save".
        message: In words: what, which file, what to do.
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
    """One step of the history, and the one that takes it back.

    A step on one image carries its edit. A step on several (a run, a relabelling) carries an empty edit
    for each, which names the image: only the store knows such a step whole.
    """

    seq: int
    do: Transaction
    undo: Transaction
