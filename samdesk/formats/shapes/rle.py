"""COCO's run lengths: lists of counts, and their compressed text.

The counts go down the columns of the mask, beginning with pixels that are not set. The text has each count
as the difference to the one before the last, in groups of 5 bits, the least significant first, each in a
character from "0" on whose bit 0x20 says that more follow (pycocotools, ``common/maskApi.c``).

pycocotools writes them. It does not read them, as it believes what a text says: one that breaks off makes it
read on in memory, and a large size makes it allocate.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from samdesk.domain.geometry.types import BoolArray, Region
from samdesk.domain.geometry.windows import edges_of, masks
from samdesk.formats.shapes.convert import ShapeError
from samdesk.formats.shapes.masks import from_mask, runs

MOST_PIXELS = 1 << 28
"""Of the box around the pixels that are set."""
MOST_SIDE = 1 << 20
"""Width and height of a mask."""
MOST_TEXT = 4 << 20
"""Characters of the compressed counts of one mask, or counts of a list."""

_MOST_GROUPS = 12
"""Characters of one count: 60 bits."""

Counts = NDArray[np.int64]


def from_rle(rle: Any, width: int | None = None, height: int | None = None) -> Region:
    """The region of COCO's ``{"size": [height, width], "counts": list or text}``.

    Args:
        rle: As it is in a file.
        width: Of the image; None: whatever ``rle`` says.
        height: As ``width``.

    Raises:
        ShapeError: It is no mask of this size, too large, or empty.
    """
    mask, x, y = decoded(rle, width, height)
    return from_mask(mask, x, y)


def decoded(rle: Any, width: int | None = None, height: int | None = None) -> tuple[BoolArray, int, int]:
    """The mask of the box around the pixels that are set, and the x and y of its first pixel.

    Arguments and errors: as ``from_rle``.
    """
    size = rle.get("size") if isinstance(rle, dict) else None
    if not (isinstance(size, list | tuple) and len(size) == 2 and all(type(side) is int for side in size)):
        raise ShapeError("its run lengths have no size")
    rows, columns = size
    if not (0 < rows <= MOST_SIDE and 0 < columns <= MOST_SIDE):
        raise ShapeError("the size of its run lengths is out of range")
    if (width is not None and columns != width) or (height is not None and rows != height):
        raise ShapeError(f"its mask is {columns} x {rows} pixels, its image {width} x {height}")
    counts = _counts(rle.get("counts"))
    if int(counts.sum()) != rows * columns:
        raise ShapeError("its run lengths do not add up to its size")
    return _painted(counts, rows)


def _counts(counts: Any) -> Counts:
    if isinstance(counts, list | tuple):
        if len(counts) > MOST_TEXT or not all(type(count) is int for count in counts):
            raise ShapeError("its run lengths are not numbers")
        if not all(0 <= count <= MOST_SIDE * MOST_SIDE for count in counts):
            raise ShapeError("its run lengths are out of range")
        found = np.array(counts, dtype=np.int64)
    elif isinstance(counts, str | bytes):
        found = from_text(counts)
    else:
        raise ShapeError("it has no run lengths")
    if float(found.sum(dtype=np.float64)) > MOST_SIDE * MOST_SIDE:  # before integers overflow
        raise ShapeError("its run lengths are out of range")
    return found


def from_text(text: str | bytes) -> Counts:
    """The counts in a compressed text. Raises ``ShapeError``."""
    if len(text) > MOST_TEXT:
        raise ShapeError("its run lengths are too long")
    try:
        raw = text.encode("ascii") if isinstance(text, str) else text
    except UnicodeEncodeError as error:
        raise ShapeError("its run lengths are not COCO's") from error
    codes = np.frombuffer(raw, dtype=np.uint8).astype(np.int64) - 48
    if not len(codes):
        return np.zeros(0, dtype=np.int64)
    if codes.min() < 0 or codes.max() > 63 or codes[-1] & 0x20:
        raise ShapeError("its run lengths are not COCO's")
    ends = np.flatnonzero((codes & 0x20) == 0)
    starts = np.concatenate([[0], ends[:-1] + 1])
    lengths = ends - starts + 1
    if int(lengths.max()) > _MOST_GROUPS:
        raise ShapeError("its run lengths are out of range")
    place = np.arange(len(codes)) - np.repeat(starts, lengths)
    values = np.add.reduceat((codes & 0x1F) << (5 * place), starts)
    values -= np.where(codes[ends] & 0x10, np.int64(1) << (5 * lengths), 0)
    if float(np.abs(values).sum(dtype=np.float64)) > 2.0**62:  # no sum of them overflows
        raise ShapeError("its run lengths are out of range")
    # From the fourth on each is the difference to the one before the last.
    counts: Counts = values.copy()
    counts[1::2] = np.cumsum(values[1::2])
    counts[2::2] = np.cumsum(values[2::2])
    if int(counts.min()) < 0:
        raise ShapeError("its run lengths are out of range")
    return counts


def _painted(counts: Counts, rows: int) -> tuple[BoolArray, int, int]:
    """The box around the runs that are set, without allocating the rest of the mask."""
    ends = np.cumsum(counts)
    starts, stops = (ends - counts)[1::2], ends[1::2]
    is_run = stops > starts
    starts, stops = starts[is_run], stops[is_run]
    if not len(starts):
        raise ShapeError("its mask is empty")
    left, right = int(starts[0] // rows), int((stops[-1] - 1) // rows) + 1
    first, last = starts % rows, (stops - 1) % rows
    wraps = starts // rows != (stops - 1) // rows
    top = 0 if wraps.any() else int(first.min())
    bottom = rows if wraps.any() else int(last.max()) + 1
    if (bottom - top) * (right - left) > MOST_PIXELS:
        raise ShapeError(f"its mask has more than {MOST_PIXELS >> 20} megapixels")
    # A run within one column keeps its length in the box; one that wraps needs all rows anyway.
    height = bottom - top
    at = (starts // rows - left) * height + first - top
    toggles = np.zeros(height * (right - left) + 1, dtype=np.int8)
    np.add.at(toggles, at, 1)
    np.add.at(toggles, at + (stops - starts), -1)
    mask = np.cumsum(toggles[:-1], dtype=np.int8).view(np.bool_)
    return mask.reshape(right - left, height).T, left, top


def to_counts(region: Region, width: int, height: int) -> list[int]:
    """A region as COCO's list of counts: the pixels whose centre is inside. It costs what its bounds do."""
    return next(_counts_of([region], width, height))


def to_text(region: Region, width: int, height: int) -> str:
    """A region as COCO's compressed counts."""
    return to_texts([region], width, height)[0]


def to_texts(several: Sequence[Region], width: int, height: int) -> list[str]:
    """``to_text`` of each region of an image; for many this takes a fraction of the time."""
    from pycocotools import mask as coco_mask

    if not several:
        return []
    size = [height, width]
    counts = [{"size": size, "counts": each} for each in _counts_of(several, width, height)]
    return [found["counts"].decode("ascii") for found in coco_mask.frPyObjects(counts, height, width)]


def _counts_of(several: Sequence[Region], width: int, height: int) -> Iterator[list[int]]:
    edges, owners = edges_of(several)
    bounds = np.nan_to_num(shapely.bounds(several).reshape(-1, 4))  # of empty ones
    ends = np.hstack([np.floor(bounds[:, :2]), np.ceil(bounds[:, 2:])])
    windows = np.clip(ends, 0, [width, height] * 2).astype(np.int64)
    for mask, (left, top) in zip(masks(edges, owners, windows), windows[:, :2].tolist(), strict=True):
        # The columns of the image are the rows of the transposed mask.
        steps = runs(mask.T, top, left, height)
        counts: list[int] = np.diff(np.concatenate([[0], steps, [width * height]])).tolist()
        yield counts if counts[-1] else counts[:-1]
