"""How far a label line is inset, and how the line itself says so.

The trainer fills a polygon *including* the pixels under its outline, so a line must run half a pixel inside
the true edge: half a pixel of the image as the trainer resizes it, in pixels of the image as it is.

A line that is inset by half an image pixel carries no mark: all lines of samdesk before version 8 of its
store, those of images whose longer side is the training size, and those of other programs. Any other line
starts on its longest edge and has two more vertices there, at ``inset`` and ``inset * (1 + _RATIO)`` from its
first vertex. They change nothing for the trainer or another program. Where even the longest edge is too short
for them, the line starts with a spike of that length instead. A reader needs no setting to give back the
region that was written, and after the setting has changed old and new lines stand side by side.
"""

from __future__ import annotations

import math

import numpy as np
from numpy.typing import NDArray

PLAIN_PX = 0.5
"""The inset of a line without a mark, image pixels."""
INSET_STEP_PX = 0.125
"""Insets are multiples of this, image pixels."""
TRAIN_SIZE = 640
"""The trainer's default input: the longer side of the resized image, pixels."""
TRAIN_SIZES = (32, 8192)
"""The smallest and the largest training size."""

_LEAST_PX = 0.25
_LEAST_BY_DEFAULT_PX = 0.375
_EXACT = 0.05
_RATIO = 0.618
"""Vertices at even distances, or on whole pixels, are never as far from each other as those of the mark."""
_ROOM = 1 + _RATIO + 0.1
_TOLERANCE_PX = 0.04
"""Of six digits in an image of 24,000 pixels."""


def inset_px(width: int, height: int, train_size: int) -> float:
    """Returns half a pixel of the training grid, image pixels, rounded down to ``INSET_STEP_PX``.

    Where it is not exact it had better be too small: by measurement, that costs nothing at the training size
    and helps at twice the size. It is at least a quarter of a pixel (images that the trainer enlarges need
    less than half of one of theirs), and at most a quarter of the image.

    Args:
        width: Image width, pixels.
        height: Image height, pixels.
        train_size: Longer side of the images as the trainer sees them, pixels.
    """
    most = np.floor(min(width, height) / 4 / INSET_STEP_PX)
    wanted = np.floor(max(width, height) / max(train_size, 1) / 2 / INSET_STEP_PX + _EXACT)
    least = _LEAST_PX if train_size > TRAIN_SIZE else _LEAST_BY_DEFAULT_PX
    return float(max(least, min(wanted, most) * INSET_STEP_PX))


def train_size_of(text: str | None) -> int:
    """Returns the training size that a setting says; that of the trainer if it says none."""
    try:
        return min(max(int(text or TRAIN_SIZE), TRAIN_SIZES[0]), TRAIN_SIZES[1])
    except ValueError:
        return TRAIN_SIZE


def lattice_px(inset: float) -> float:
    """Returns the step of the lattice that vertices are on, image pixels.

    It is a quarter of the inset or less, so that a vertex never crosses another one by being snapped, and
    coarse enough to survive the six digits of a line.
    """
    return 0.125 if inset >= PLAIN_PX else 0.0625


def mark(ring: NDArray[np.float64], inset: float) -> NDArray[np.float64]:
    """Returns a ring (N, 2), image pixels, that says how far it is inset; (N, 2) to (N + 2, 2)."""
    if inset == PLAIN_PX:
        return _unlike_marked(ring)
    edges = np.roll(ring, -1, axis=0) - ring
    lengths = np.hypot(edges[:, 0], edges[:, 1])
    longest = int(np.argmax(lengths))
    length = float(lengths[longest])
    ring = np.roll(ring, -longest, axis=0)
    if length == 0:
        return ring
    first = ring[0] + edges[longest] * (inset / length)
    if length < _ROOM * inset:
        return np.vstack([ring[:1], first, ring])
    second = ring[0] + edges[longest] * ((1 + _RATIO) * inset / length)
    return np.vstack([ring[:1], first, second, ring[1:]])


def unmark(ring: NDArray[np.float64]) -> tuple[NDArray[np.float64], float]:
    """Returns a ring without its mark, and how far it is inset; image pixels."""
    if len(ring) < 5:
        return ring, PLAIN_PX
    (x0, y0), (x1, y1) = ring[:2].tolist()
    length = math.hypot(x1 - x0, y1 - y0)
    inset = round(length / INSET_STEP_PX) * INSET_STEP_PX
    near = min(_TOLERANCE_PX, inset / 10)
    if inset < _LEAST_PX or inset == PLAIN_PX or abs(length - inset) > near:
        return ring, PLAIN_PX
    start, first, second, end = ring[:4]
    if np.abs(second - start).max() < near:
        return ring[2:], inset
    whole = end - start
    reach = float(np.hypot(*whole))
    if reach < (1 + _RATIO) * inset:
        return ring, PLAIN_PX
    along = whole / reach * inset
    off = max(np.abs(start + along - first).max(), np.abs(start + (1 + _RATIO) * along - second).max())
    return (np.vstack([ring[:1], ring[3:]]), inset) if off < near else (ring, PLAIN_PX)


def may_be_marked(first: NDArray[np.float64], second: NDArray[np.float64]) -> NDArray[np.bool_]:
    """Whether rings with these two first vertices, (N, 2) each, may have a mark; ``unmark`` says it."""
    step = second - first
    lengths = np.hypot(step[:, 0], step[:, 1])
    insets = np.round(lengths / INSET_STEP_PX) * INSET_STEP_PX
    near = 1.01 * np.minimum(_TOLERANCE_PX, insets / 10)
    found: NDArray[np.bool_] = (
        (insets >= _LEAST_PX) & (insets != PLAIN_PX) & (np.abs(lengths - insets) <= near)
    )
    return found


def _unlike_marked(ring: NDArray[np.float64]) -> NDArray[np.float64]:
    """The ring, started elsewhere if by chance its first vertices look like a mark."""
    for turn in range(len(ring)):
        turned = np.roll(ring, -turn, axis=0) if turn else ring
        if unmark(turned)[1] == PLAIN_PX:
            return turned
    return ring
