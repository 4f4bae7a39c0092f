"""Selects the candidates of an ambiguous single point from masks decoded on several crops."""

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

MAX_CANDIDATES = 3
"""Number of candidates for a single point."""
SIMILAR_IOU, DUPLICATE_IOU = 0.8, 0.9
"""Masks with a higher IoU are too similar to offer both; are the same mask."""
_SAME_CROP_IOU = 0.7
"""Crops with a higher IoU are the same."""
_GRID = 64


@dataclass(frozen=True, eq=False)
class CropMask:
    """A mask decoded on a crop.

    Attributes:
        logits: (h, w) float32 over ``frame``.
        frame: The crop it was decoded on.
        score: Predicted IoU.
    """

    logits: FloatArray
    frame: Frame
    score: float


def distinct_crops(frames: Sequence[Frame], limit: int) -> list[Frame]:
    """Returns the first crops, ``limit`` at most, that differ enough from each other."""
    kept: list[Frame] = []
    for frame in frames:
        if len(kept) < limit and all(_crop_iou(frame, other) < _SAME_CROP_IOU for other in kept):
            kept.append(frame)
    return kept


def select_candidates(masks: Sequence[CropMask], max_iou: float = SIMILAR_IOU) -> list[CropMask]:
    """Returns the best masks that differ from each other, best first, ``MAX_CANDIDATES`` at most.

    This is non-maximum suppression by mask IoU. Empty masks are dropped unless all are empty.

    Args:
        masks: All masks.
        max_iou: Of masks with a higher IoU only the best is kept.
    """
    non_empty = [m for m in masks if (m.logits > 0).any()] or list(masks[:1])
    ranked = sorted(non_empty, key=lambda m: -m.score)
    common = _enclosing_square(ranked)
    kept: list[CropMask] = []
    rasters: list[BoolArray] = []
    for mask in ranked:
        raster = mask_on_frame(MaskPrompt(mask.logits, mask.frame), common, _GRID) > 0
        if all(_iou(raster, other) < max_iou for other in rasters):
            kept.append(mask)
            rasters.append(raster)
        if len(kept) == MAX_CANDIDATES:
            break
    return kept


def _enclosing_square(masks: Sequence[CropMask]) -> Frame:
    """Returns the smallest square that contains the crops of all masks."""
    x0, y0 = min(m.frame.x0 for m in masks), min(m.frame.y0 for m in masks)
    x1 = max(m.frame.x0 + m.frame.side for m in masks)
    y1 = max(m.frame.y0 + m.frame.side for m in masks)
    return square(x0, y0, max(x1 - x0, y1 - y0))


def _crop_iou(a: Frame, b: Frame) -> float:
    across = min(a.x0 + a.side, b.x0 + b.side) - max(a.x0, b.x0)
    down = min(a.y0 + a.side, b.y0 + b.side) - max(a.y0, b.y0)
    intersection = max(0.0, across) * max(0.0, down)
    return intersection / (a.side**2 + b.side**2 - intersection)


def _iou(a: BoolArray, b: BoolArray) -> float:
    union = np.count_nonzero(a | b)
    return float(np.count_nonzero(a & b) / union) if union else 1.0


def bounds_around(points: Sequence[tuple[float, float]], margin: float) -> Bounds:
    """Returns the bounds of some points, extended by ``margin`` image pixels."""
    xy: NDArray[np.float64] = np.asarray(points, np.float64)
    (x0, y0), (x1, y1) = xy.min(axis=0) - margin, xy.max(axis=0) + margin
    return float(x0), float(y0), float(x1), float(y1)
