"""Simulated prompts: inexact boxes, first points, and correction points."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from samdesk.base.cv import cv2
from samdesk.domain.geometry.logits import mask_bounds

Random = np.random.Generator
BoxArray = NDArray[np.float64]
"""(4,) x0, y0, x1, y1."""


def tight_box(target: NDArray[np.bool_]) -> BoxArray:
    """The bounding box of a mask, pixels; all zero for an empty one."""
    return np.array(mask_bounds(target) or (0, 0, 0, 0), np.float64)


def jittered(box: BoxArray, share: float, rng: Random) -> BoxArray:
    """The box with each edge moved by a normal deviate of ``share`` of its width or height."""
    width, height = box[2] - box[0], box[3] - box[1]
    off = np.clip(rng.normal(0, share, 4), -0.3, 0.3) * np.array([width, height, width, height])
    moved = box + off
    return np.array([*np.minimum(moved[:2], moved[2:] - 1), *np.maximum(moved[2:], moved[:2] + 1)])


def deepest_point(area: NDArray[np.bool_]) -> tuple[float, float] | None:
    """The (x, y) centre of the pixel farthest from the edge of an area and from the image border."""
    if not area.any():
        return None
    depth = cv2.distanceTransform(np.pad(area, 1).astype(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]
    row, column = np.unravel_index(int(np.argmax(depth)), depth.shape)
    return float(column) + 0.5, float(row) + 0.5


def random_point(area: NDArray[np.bool_], rng: Random) -> tuple[float, float] | None:
    """The (x, y) centre of a random pixel of an area, weighted by its distance from the edge."""
    if not area.any():
        return None
    depth = cv2.distanceTransform(np.pad(area, 1).astype(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]
    sums = np.cumsum(depth.ravel(), dtype=np.float64)
    index = min(int(np.searchsorted(sums, rng.random() * sums[-1], side="right")), depth.size - 1)
    row, column = np.unravel_index(index, depth.shape)
    return float(column) + 0.5, float(row) + 0.5


def correction_point(
    target: NDArray[np.bool_], drawn: NDArray[np.bool_], rng: Random | None = None
) -> tuple[float, float, bool] | None:
    """The next point that corrects a mask: (x, y, positive), or None if the mask has no error.

    It is in the larger of the largest missing and the largest extra component: the pixel farthest from
    the edge, or with ``rng`` half of the time a random pixel. This is the protocol of SAM's evaluation
    (Kirillov et al. 2023, appendix D) with the larger connected error region.
    """
    wrong = target != drawn
    if not wrong.any():
        return None
    part = _largest_component(target & wrong), _largest_component(drawn & wrong)
    missing, extra = (int(np.count_nonzero(p)) for p in part)
    area = part[0] if missing >= extra else part[1]
    at = random_point(area, rng) if rng is not None and rng.random() < 0.5 else deepest_point(area)
    return None if at is None else (*at, missing >= extra)


def _largest_component(area: NDArray[np.bool_]) -> NDArray[np.bool_]:
    count, parts, stats, _ = cv2.connectedComponentsWithStats(area.astype(np.uint8), connectivity=8)
    if count < 2:
        return area
    return np.asarray(parts == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA])), np.bool_)
