"""Simulated users: boxes drawn by hand, first clicks, and clicks that correct."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from samdesk.base.cv import cv2
from samdesk.domain.geometry.logits import mask_bounds

Random = np.random.Generator
BoxArray = NDArray[np.float64]
"""(4,) x0, y0, x1, y1."""


def tight_box(target: NDArray[np.bool_]) -> BoxArray:
    """The bounds of a mask in its own pixels; all zero for an empty one."""
    return np.array(mask_bounds(target) or (0, 0, 0, 0), np.float64)


def jittered(box: BoxArray, share: float, rng: Random) -> BoxArray:
    """A box whose edges are each off by a normal deviate of ``share`` of its width or height."""
    width, height = box[2] - box[0], box[3] - box[1]
    off = np.clip(rng.normal(0, share, 4), -0.3, 0.3) * np.array([width, height, width, height])
    moved = box + off
    return np.array([*np.minimum(moved[:2], moved[2:] - 1), *np.maximum(moved[2:], moved[:2] + 1)])


def deepest(area: NDArray[np.bool_]) -> tuple[float, float] | None:
    """The (x, y) centre of the pixel farthest from the edge of an area (also from the border)."""
    if not area.any():
        return None
    depth = cv2.distanceTransform(np.pad(area, 1).astype(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]
    row, column = np.unravel_index(int(np.argmax(depth)), depth.shape)
    return float(column) + 0.5, float(row) + 0.5


def anywhere(area: NDArray[np.bool_], rng: Random) -> tuple[float, float] | None:
    """The (x, y) centre of any pixel of an area, the deeper the likelier."""
    if not area.any():
        return None
    depth = cv2.distanceTransform(np.pad(area, 1).astype(np.uint8), cv2.DIST_L2, 5)[1:-1, 1:-1]
    sums = np.cumsum(depth.ravel(), dtype=np.float64)
    index = min(int(np.searchsorted(sums, rng.random() * sums[-1], side="right")), depth.size - 1)
    row, column = np.unravel_index(index, depth.shape)
    return float(column) + 0.5, float(row) + 0.5


def correction(
    target: NDArray[np.bool_], drawn: NDArray[np.bool_], rng: Random | None = None
) -> tuple[float, float, bool] | None:
    """The next click of who corrects a mask: (x, y, positive), or None where nothing is wrong.

    In the larger of what is missing and what is too much; at its deepest pixel, or with ``rng``
    half of the time anywhere in it. This is the protocol of SAM's evaluation (Kirillov et al. 2023,
    appendix D) with the larger connected error region.
    """
    wrong = target != drawn
    if not wrong.any():
        return None
    part = _largest_part(target & wrong), _largest_part(drawn & wrong)
    missing, extra = (int(np.count_nonzero(p)) for p in part)
    area = part[0] if missing >= extra else part[1]
    at = anywhere(area, rng) if rng is not None and rng.random() < 0.5 else deepest(area)
    return None if at is None else (*at, missing >= extra)


def _largest_part(area: NDArray[np.bool_]) -> NDArray[np.bool_]:
    count, parts, stats, _ = cv2.connectedComponentsWithStats(area.astype(np.uint8), connectivity=8)
    if count < 2:
        return area
    return np.asarray(parts == 1 + int(np.argmax(stats[1:, cv2.CC_STAT_AREA])), np.bool_)
