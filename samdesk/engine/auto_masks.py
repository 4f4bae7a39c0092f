"""Segment everything: a grid of clicks, and of what they draw the good and the different.

The filters are those of Meta's ``SamAutomaticMaskGenerator`` (segment-anything) on the whole image.
"""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from samdesk.base.jobs import CancelToken, Progress
from samdesk.domain.geometry.logits import bounds
from samdesk.domain.geometry.types import FloatArray
from samdesk.domain.prompts import MaskCandidate, PointPrompt, PromptSet
from samdesk.engine.embedding import Embedding
from samdesk.engine.protocols import Predictor

PREDICTED_IOU, STABILITY = 0.88, 0.95
"""Meta's thresholds, for the scores of a SAM."""
FLINT_PREDICTED_IOU, FLINT_STABILITY = 0.75, 0.8
"""Flint is less sure of itself, and its edges are softer."""
BOX_OVERLAP = 0.7


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
        predicted_iou: Least score; None: 0.88, Flint's 0.75.
        stability: Least stability; None: 0.95, Flint's 0.8.
        cancel: Looked at between clicks.
        progress: Called with (clicks done, clicks in all).

    Raises:
        EngineError: The predictor failed.
        Cancelled: ``cancel`` was used.
    """
    usual_iou, usual_stability = _thresholds(predictor)
    least_iou = usual_iou if predicted_iou is None else predicted_iou
    least_stability = usual_stability if stability is None else stability
    grid = point_grid(points_per_side, embedding.image_hw)
    kept: list[MaskCandidate] = []
    for done, found in enumerate(_decoded(predictor, embedding, grid, cancel), 1):
        kept += [
            c for c in found if c.score >= least_iou and c.stability >= least_stability and not _cut_off(c)
        ]
        progress(done, len(grid))
    boxes = [bounds(c.logits, c.frame, c.image_hw) for c in kept]
    there = [i for i, box in enumerate(boxes) if box is not None]
    scores = np.array([kept[i].score for i in there])
    corners = np.array([boxes[i] for i in there], np.float64).reshape(-1, 4)
    return [kept[there[i]] for i in non_maximum_suppression(corners, scores, BOX_OVERLAP)]


def _thresholds(predictor: Predictor) -> tuple[float, float]:
    from samdesk.engine.flint.predictor import FlintPredictor

    if isinstance(predictor, FlintPredictor):
        return FLINT_PREDICTED_IOU, FLINT_STABILITY
    return PREDICTED_IOU, STABILITY


def point_grid(points_per_side: int, image_hw: tuple[int, int]) -> FloatArray:
    """(points_per_side ** 2, 2) points in image pixels, evenly over the image, row by row."""
    offset = (np.arange(points_per_side) + 0.5) / points_per_side
    x, y = np.meshgrid(offset * image_hw[1], offset * image_hw[0])
    return np.stack([x.ravel(), y.ravel()], axis=1)


def _decoded(
    predictor: Predictor, embedding: Embedding, points: FloatArray, cancel: CancelToken
) -> Iterator[list[MaskCandidate]]:
    """What each click draws, one after the other; many at a time where that is faster."""
    from samdesk.engine.sam.predictor import SamPredictor

    if isinstance(predictor, SamPredictor):
        for start in range(0, len(points), predictor.at_once):
            for found in predictor.predict_points(embedding, points[start : start + predictor.at_once]):
                cancel.check()
                yield found
        return
    for x, y in points:
        cancel.check()
        yield predictor.predict(embedding, PromptSet((PointPrompt(float(x), float(y)),)))


def _cut_off(candidate: MaskCandidate) -> bool:
    """Whether the mask ends where the look at it does, and the image goes on: there is more of it."""
    drawn, frame, (height, width) = candidate.logits > 0, candidate.frame, candidate.image_hw
    across, down = frame.width / drawn.shape[1], frame.height / drawn.shape[0]
    return bool(
        (frame.x0 > across and drawn[:, 0].any())
        or (frame.y0 > down and drawn[0].any())
        or (frame.x0 + frame.width < width - across and drawn[:, -1].any())
        or (frame.y0 + frame.height < height - down and drawn[-1].any())
    )


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
