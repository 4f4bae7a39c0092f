"""Suppression of overlapping boxes, label by label."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from samdesk.domain.geometry.types import FloatArray


def suppress(boxes: FloatArray, scores: NDArray[np.float32], iou: float, most: int) -> NDArray[np.intp]:
    """Greedy non-maximum suppression: the indices of what is kept, highest score first.

    Args:
        boxes: (N, 4) xyxy.
        scores: (N,).
        iou: Boxes that overlap a better one by more than this are dropped.
        most: How many are kept at most.
    """
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    left = np.argsort(-scores, kind="stable")
    kept: list[int] = []
    while len(left) and len(kept) < most:
        best, left = left[0], left[1:]
        kept.append(int(best))
        low = np.maximum(boxes[best, :2], boxes[left, :2])
        high = np.minimum(boxes[best, 2:], boxes[left, 2:])
        shared = (high - low).clip(0).prod(axis=1)
        left = left[shared <= iou * (areas[best] + areas[left] - shared)]
    return np.array(kept, np.intp)
