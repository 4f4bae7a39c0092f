"""COCO's run-length encoding of masks.

Counts alternate between pixels outside and inside, beginning outside, down the columns from left to right. They
are a list, or a text of 6-bit characters (pycocotools' ``maskApi.c``: 5 bits of a number each, the lowest first,
from the fourth on the difference to the number before the last; https://github.com/cocodataset/cocoapi).

pycocotools decodes without checking, so a crafted text would write beyond its memory: reading is done here.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samdesk.domain.geometry import regions
from samdesk.domain.geometry.outline import corner_count
from samdesk.domain.geometry.types import BoolArray, Region

MOST_PIXELS = 100_000_000
"""Of the box around a mask."""
MOST_VERTICES = 100_000
"""Of the outline of a mask; one with more is noise."""

_FIRST_CHAR = 48
_MOST_CHARS = 7
"""Of a number: 35 bits."""

Counts = NDArray[np.int64]


class MaskError(ValueError):
    """A mask cannot be read; the message says why, for the user."""


def counts_of(value: Any) -> Counts:
    """Returns the counts of a list or of a text. Raises ``MaskError``."""
    if isinstance(value, str):
        return _counts_of_text(value)
    if not isinstance(value, list):
        raise MaskError("the mask has no counts")
    try:
        counts = np.array(value)
    except (ValueError, OverflowError):
        counts = np.zeros(0, dtype=np.float64)
    if counts.ndim != 1 or counts.dtype.kind != "i":
        if value:
            raise MaskError("a count of the mask is not a whole number")
        return np.zeros(0, dtype=np.int64)
    return counts.astype(np.int64)


def _counts_of_text(text: str) -> Counts:
    try:
        chars = np.frombuffer(text.encode("ascii"), dtype=np.uint8).astype(np.int64) - _FIRST_CHAR
    except UnicodeEncodeError:
        chars = np.full(1, -1, dtype=np.int64)
    if len(chars) == 0:
        return chars
    if chars.min() < 0 or chars.max() > 63:
        raise MaskError("the counts of the mask have a character that they cannot have")
    if chars[-1] & 0x20:
        raise MaskError("the counts of the mask break off")
    last = np.flatnonzero((chars & 0x20) == 0)
    first = np.concatenate([[0], last[:-1] + 1])
    if (last - first).max() >= _MOST_CHARS:
        raise MaskError("a count of the mask is too large")
    within = np.arange(len(chars)) - np.repeat(first, last - first + 1)
    values: Counts = np.add.reduceat((chars & 0x1F) << (5 * within), first)
    negative = (chars[last] & 0x10) != 0
    values[negative] -= np.int64(1) << (5 * (last - first + 1))[negative]
    counts = values.copy()
    counts[1::2] = np.cumsum(values[1::2])
    counts[2::2] = np.cumsum(values[2::2])
    return counts


def region_of(counts: Counts, width: int, height: int) -> Region:
    """Returns the pixel-exact outline of a mask, which may be empty.

    Raises:
        MaskError: The counts are not those of an image of this size, or the mask is too large.
    """
    if width < 1 or height < 1 or (len(counts) and counts.min() < 0):
        raise MaskError("a count of the mask is negative" if len(counts) else "the mask has no size")
    ends = np.cumsum(counts)
    if len(ends) == 0 or ends[-1] != width * height or ends.max() > width * height:
        total = int(ends[-1]) if len(ends) else 0
        raise MaskError(f"the counts of the mask have {total:,} pixels, its image has {width * height:,}")
    starts, stops = ends[:-1:2], ends[1::2]
    starts, stops = starts[: len(stops)], stops
    there = stops > starts
    starts, stops = starts[there], stops[there]
    if len(starts) == 0:
        return regions.EMPTY
    left, right = int(starts[0] // height), int((stops[-1] - 1) // height) + 1
    one_column = starts // height == (stops - 1) // height
    top = int((starts % height).min()) if one_column.all() else 0
    bottom = int(((stops - 1) % height).max()) + 1 if one_column.all() else height
    if (right - left) * height > MOST_PIXELS:
        raise MaskError(f"the mask is larger than {MOST_PIXELS // 1_000_000} megapixels")
    toggles = np.zeros((right - left) * height + 1, dtype=np.uint8)
    np.bitwise_xor.at(toggles, starts - left * height, np.uint8(1))
    np.bitwise_xor.at(toggles, stops - left * height, np.uint8(1))
    mask = np.bitwise_xor.accumulate(toggles)[:-1].view(np.bool_).reshape(-1, height).T[top:bottom]
    return region_of_mask(mask, left, top)


def region_of_mask(mask: BoolArray, left: int = 0, top: int = 0) -> Region:
    """Returns the pixel-exact outline of an (H, W) mask whose upper left pixel is at (left, top).

    Raises:
        MaskError: The mask is noise, its outline too long.
    """
    mask = np.ascontiguousarray(mask)
    if corner_count(mask) > MOST_VERTICES:
        raise MaskError(f"the outline of the mask has more than {MOST_VERTICES:,} vertices")
    region = regions.from_mask(mask)
    return regions.translate(region, left, top) if left or top else region


def counts_of_region(region: Region, width: int, height: int) -> list[int]:
    """Returns the counts of the pixels whose centres are in a region."""
    if region.is_empty:
        return [width * height]
    x0, y0, x1, y1 = region.bounds
    left, top = int(max(0, np.floor(x0))), int(max(0, np.floor(y0)))
    right, bottom = int(min(width, np.ceil(x1))), int(min(height, np.ceil(y1)))
    if right <= left or bottom <= top:
        return [width * height]
    mask = regions.rasterize(region, height, width)[top:bottom, left:right]
    padded = np.zeros((right - left, bottom - top + 2), dtype=np.int8)
    padded[:, 1:-1] = mask.T
    steps = np.diff(padded, axis=1)
    column, row = np.nonzero(steps > 0)
    column_end, row_end = np.nonzero(steps < 0)
    starts = (column + left) * height + row + top
    stops = (column_end + left) * height + row_end + top
    if len(starts) == 0:
        return [width * height]
    apart = starts[1:] != stops[:-1]  # else it goes on at the top of the next column
    starts = starts[np.concatenate([[True], apart])]
    stops = stops[np.concatenate([apart, [True]])]
    edges = np.stack([starts, stops], axis=1).reshape(-1)
    counts = np.diff(np.concatenate([[0], edges]))
    rest = width * height - int(edges[-1])
    return [*counts.tolist(), rest] if rest else counts.tolist()


def pixels(counts: Sequence[int]) -> int:
    """The number of pixels inside."""
    return sum(counts[1::2])
