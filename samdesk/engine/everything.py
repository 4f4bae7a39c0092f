"""Segment everything: a grid of clicks, and of what they draw the good and the different.

The filters are those of Meta's ``SamAutomaticMaskGenerator`` (segment-anything) on the whole image.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from samdesk.domain.geometry import FloatArray
from samdesk.domain.prompts import MaskCandidate, PointPrompt, PromptSet
from samdesk.engine.embedding import Embedding
from samdesk.engine.protocols import CancelToken, Predictor, Progress

PREDICTED_IOU = 0.88
STABILITY = 0.95
BOX_OVERLAP = 0.7
_AT_ONCE = 32


def segment_everything(
    predictor: Predictor,
    embedding: Embedding,
    *,
    points_per_side: int = 16,
    predicted_iou: float | None = None,
    stability: float | None = None,
    cancel: CancelToken,
    progress: Progress,
) -> list[MaskCandidate]:
    """Masks for the whole image, best predicted IoU first.

    Args:
        predictor: Any predictor.
        embedding: The image.
        points_per_side: Clicks along each side of the image.
        predicted_iou: Least score; None: 0.88, or 0 for a predictor that is no network (GrabCut).
        stability: Least stability; None: 0.95, or 0 likewise.
        cancel: Looked at between clicks.
        progress: Called with (clicks done, clicks in all).

    Raises:
        EngineError: The predictor failed.
        Cancelled: ``cancel`` was used.
    """
    # Meta's thresholds are thresholds of a SAM's scores; other predictors score in their own way.
    network = predictor.info.parameters > 0
    least_iou = (PREDICTED_IOU if network else 0.0) if predicted_iou is None else predicted_iou
    least_stability = (STABILITY if network else 0.0) if stability is None else stability
    grid = point_grid(points_per_side, embedding.image_hw)
    kept: list[MaskCandidate] = []
    for done, found in enumerate(_decoded(predictor, embedding, grid, cancel), 1):
        kept += [c for c in found if c.score >= least_iou and c.stability >= least_stability]
        progress(done, len(grid))
    boxes = [_box(c) for c in kept]
    there = [i for i, box in enumerate(boxes) if box is not None]
    scores = np.array([kept[i].score for i in there])
    corners = np.array([boxes[i] for i in there], np.float64).reshape(-1, 4)
    return [kept[there[i]] for i in non_maximum_suppression(corners, scores, BOX_OVERLAP)]


def point_grid(points_per_side: int, image_hw: tuple[int, int]) -> FloatArray:
    """(points_per_side ** 2, 2) points in image pixels, evenly over the image, row by row."""
    offset = (np.arange(points_per_side) + 0.5) / points_per_side
    x, y = np.meshgrid(offset * image_hw[1], offset * image_hw[0])
    return np.stack([x.ravel(), y.ravel()], axis=1)


def _decoded(
    predictor: Predictor, embedding: Embedding, points: FloatArray, cancel: CancelToken
) -> Iterator[list[MaskCandidate]]:
    """What each click draws, one after the other; many at a time where that is faster."""
    from samdesk.engine.sam_predictor import SamPredictor

    if isinstance(predictor, SamPredictor) and predictor.batches:
        for start in range(0, len(points), _AT_ONCE):
            cancel.check()
            yield from predictor.predict_points(embedding, points[start : start + _AT_ONCE])
        return
    for x, y in points:
        cancel.check()
        yield predictor.predict(embedding, PromptSet((PointPrompt(float(x), float(y)),)))


def _box(candidate: MaskCandidate) -> tuple[float, float, float, float] | None:
    """Bounds of the mask in cells of its logits."""
    rows, columns = np.nonzero(candidate.logits > 0)
    if not len(rows):
        return None
    return float(columns.min()), float(rows.min()), float(columns.max() + 1), float(rows.max() + 1)


def non_maximum_suppression(boxes: FloatArray, scores: NDArray[np.float64], most: float) -> NDArray[np.intp]:
    """Indices of (N, 4) xyxy boxes that overlap no better one by more than ``most``, best first."""
    order = np.argsort(-scores, kind="stable")
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    kept: list[np.intp] = []
    while len(order):
        best, order = order[0], order[1:]
        kept.append(best)
        low = np.maximum(boxes[order, :2], boxes[best, :2])
        high = np.minimum(boxes[order, 2:], boxes[best, 2:])
        shared = np.prod(np.clip(high - low, 0, None), axis=1)
        order = order[shared / np.maximum(areas[order] + areas[best] - shared, 1e-9) <= most]
    return np.array(kept, np.intp)
