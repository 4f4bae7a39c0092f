"""What a lone click may mean: several looks, many masks, and the few that are worth showing."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from samdesk.domain.geometry.logits import Bounds
from samdesk.domain.geometry.types import BoolArray, FloatArray, Frame
from samdesk.domain.prompts import MaskPrompt
from samdesk.engine.flint.crops import square
from samdesk.engine.sam.prompts import mask_on_frame

SHOWN = 3
"""Candidates a lone click gets."""
ALIKE, SAME = 0.8, 0.9
"""Masks that overlap by more (IoU) are one reading; the same mask."""
_SAME_LOOK = 0.7
"""Looks that overlap by more (IoU of the squares) are one."""
_GRID = 64


@dataclass(frozen=True, eq=False)
class Reading:
    """One mask that a click may mean.

    Attributes:
        logits: (h, w) float32 over ``frame``.
        frame: The look it was drawn on.
        score: Predicted IoU.
    """

    logits: FloatArray
    frame: Frame
    score: float


def distinct_looks(frames: Sequence[Frame], most: int) -> list[Frame]:
    """The first ``most`` of some square looks that are not nearly another one."""
    kept: list[Frame] = []
    for frame in frames:
        if len(kept) < most and all(_overlap(frame, other) < _SAME_LOOK for other in kept):
            kept.append(frame)
    return kept


def worth_showing(readings: Sequence[Reading], alike: float = ALIKE) -> list[Reading]:
    """The best reading and the best others that are really others, ``SHOWN`` at most, best first.

    Empty masks are left out while there are others.

    Args:
        readings: All there are.
        alike: Masks that overlap by more (IoU) are one.
    """
    drawn = [r for r in readings if (r.logits > 0).any()] or list(readings[:1])
    ranked = sorted(drawn, key=lambda r: -r.score)
    common = _common(ranked)
    masks = [mask_on_frame(MaskPrompt(r.logits, r.frame), common, _GRID) > 0 for r in ranked]
    kept: list[int] = []
    for index in range(len(ranked)):
        if len(kept) < SHOWN and all(_iou(masks[index], masks[k]) < alike for k in kept):
            kept.append(index)
    return [ranked[k] for k in kept]


def _common(readings: Sequence[Reading]) -> Frame:
    """The smallest square that holds the looks of all readings."""
    x0, y0 = min(r.frame.x0 for r in readings), min(r.frame.y0 for r in readings)
    x1 = max(r.frame.x0 + r.frame.side for r in readings)
    y1 = max(r.frame.y0 + r.frame.side for r in readings)
    return square(x0, y0, max(x1 - x0, y1 - y0))


def _overlap(a: Frame, b: Frame) -> float:
    across = min(a.x0 + a.side, b.x0 + b.side) - max(a.x0, b.x0)
    down = min(a.y0 + a.side, b.y0 + b.side) - max(a.y0, b.y0)
    both = max(0.0, across) * max(0.0, down)
    return both / (a.side**2 + b.side**2 - both)


def _iou(a: BoolArray, b: BoolArray) -> float:
    either = np.count_nonzero(a | b)
    return float(np.count_nonzero(a & b) / either) if either else 1.0


def bounds_around(points: Sequence[tuple[float, float]], reach: float) -> Bounds:
    """What lies within ``reach`` image pixels of some points."""
    at: NDArray[np.float64] = np.asarray(points, np.float64)
    (x0, y0), (x1, y1) = at.min(axis=0) - reach, at.max(axis=0) + reach
    return float(x0), float(y0), float(x1), float(y1)
