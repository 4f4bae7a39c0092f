"""Splits: which part of a dataset an image is used for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Literal, NamedTuple, TypeAlias

from samdesk.domain.document import ImageKey

Split: TypeAlias = Literal["train", "val", "test"]
"""Training, validation (while training), or test (after it), as in Ultralytics' data.yaml."""

SPLITS: tuple[Split, ...] = ("train", "val", "test")

SPLIT_NAMES: dict[Split, str] = {"train": "training", "val": "validation", "test": "testing"}
"""What the images of each are used for, for the user."""


class SplitChange(NamedTuple):
    """An image that is put into a split, or out of it.

    Attributes:
        key: The image.
        before: Its split until then; None: it had none.
        after: Its split from then on; None: it has none.
    """

    key: ImageKey
    before: Split | None
    after: Split | None


def inverse(changes: Iterable[SplitChange]) -> tuple[SplitChange, ...]:
    """Returns the changes that undo some."""
    return tuple(SplitChange(c.key, c.after, c.before) for c in changes)
