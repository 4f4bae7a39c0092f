"""Segment everything: masks from a grid of point prompts, filtered and deduplicated.

The filters are those of Meta's ``SamAutomaticMaskGenerator`` (segment-anything) on the whole image.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from samdesk.base.jobs import CancelToken, Progress
from samdesk.domain.geometry.logits import bounds
from samdesk.domain.geometry.types import FloatArray
from samdesk.domain.prompts import MaskCandidate
from samdesk.engine.embedding import Embedding
from samdesk.engine.families import MaskThresholds, find_family
from samdesk.engine.protocols import Predictor

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
        embedding: Of the whole image.
        points_per_side: Points along each side of the image.
        predicted_iou: Minimum predicted IoU, 0..1; None: that of the model's ``Family.thresholds``.
        stability: Minimum stability score, 0..1; None: likewise.
        cancel: Checked after every point.
        progress: Called with (points done, points in total).

    Raises:
        EngineError: The predictor failed.
        Cancelled: ``cancel`` was cancelled.
    """
    family = find_family(predictor.info.family)
    usual = MaskThresholds() if family is None else family.thresholds
    least_iou = usual.predicted_iou if predicted_iou is None else predicted_iou
    least_stability = usual.stability if stability is None else stability
    cancel.check()
    grid = point_grid(points_per_side, embedding.image_hw)
    kept: list[MaskCandidate] = []
    for done, found in enumerate(predictor.predict_points(embedding, grid), 1):
        kept += [
            c for c in found if c.score >= least_iou and c.stability >= least_stability and not _is_cropped(c)
        ]
        progress(done, len(grid))
        cancel.check()
    boxes = [bounds(c.logits, c.frame, c.image_hw) for c in kept]
    drawn = [i for i, box in enumerate(boxes) if box is not None]
    scores = np.array([kept[i].score for i in drawn])
    corners = np.array([boxes[i] for i in drawn], np.float64).reshape(-1, 4)
    return [kept[drawn[i]] for i in non_maximum_suppression(corners, scores, BOX_OVERLAP)]


def point_grid(points_per_side: int, image_hw: tuple[int, int]) -> FloatArray:
    """(points_per_side ** 2, 2) points in image pixels, evenly over the image, row by row."""
    offset = (np.arange(points_per_side) + 0.5) / points_per_side
    x, y = np.meshgrid(offset * image_hw[1], offset * image_hw[0])
    return np.stack([x.ravel(), y.ravel()], axis=1)


def _is_cropped(candidate: MaskCandidate) -> bool:
    """Whether the mask touches an edge of its frame that lies inside the image: it is cropped there."""
    drawn, frame, (height, width) = candidate.logits > 0, candidate.frame, candidate.image_hw
    across, down = frame.width / drawn.shape[1], frame.height / drawn.shape[0]
    return bool(
        (frame.x0 > across and drawn[:, 0].any())
        or (frame.y0 > down and drawn[0].any())
        or (frame.x0 + frame.width < width - across and drawn[:, -1].any())
        or (frame.y0 + frame.height < height - down and drawn[-1].any())
    )


def non_maximum_suppression(
    boxes: FloatArray, scores: NDArray[np.float64], max_iou: float
) -> NDArray[np.intp]:
    """Indices of (N, 4) xyxy boxes kept by greedy NMS at an IoU of ``max_iou``, best score first."""
    order = np.argsort(-scores, kind="stable")
    areas = (boxes[:, 2] - boxes[:, 0]) * (boxes[:, 3] - boxes[:, 1])
    kept: list[np.intp] = []
    while len(order):
        best, order = order[0], order[1:]
        kept.append(best)
        low = np.maximum(boxes[order, :2], boxes[best, :2])
        high = np.minimum(boxes[order, 2:], boxes[best, 2:])
        intersection = np.prod(np.clip(high - low, 0, None), axis=1)
        order = order[intersection / np.maximum(areas[order] + areas[best] - intersection, 1e-9) <= max_iou]
    return np.array(kept, np.intp)
