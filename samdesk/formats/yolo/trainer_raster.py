"""Reproduces the mask that the Ultralytics trainer makes of a YOLO segmentation line.

Follows ``ultralytics.utils.ops.resample_segments`` and ``ultralytics.data.utils.polygon2mask``
(8.4): a segment gets about 1,000 points, is scaled to the resized image, truncated to whole pixels and
filled by OpenCV, boundary included, even-odd.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

import numpy as np
import shapely
from numpy.typing import NDArray

from samdesk.base.cv import cv2
from samdesk.domain.geometry.types import Region
from samdesk.domain.geometry.windows import edges_of, masks
from samdesk.formats.yolo.inset import TRAIN_SIZE

_POINTS = 1000


def resized(width: int, height: int, size: int = TRAIN_SIZE) -> tuple[int, int]:
    """Width and height of the image as the trainer resizes it, pixels."""
    ratio = size / max(width, height)
    return min(math.ceil(width * ratio), size), min(math.ceil(height * ratio), size)


def trained_polygon(ring: NDArray[np.float64], width: int, height: int) -> NDArray[np.int32]:
    """The polygon the trainer fills for a ring (N, 2) in 0..1: (M, 2) int32 pixels of the resized image."""
    points = _resampled(ring.astype(np.float32)) * np.array([width, height], dtype=np.float32)
    return points.astype(np.int32)


def trained_iou(
    ring: NDArray[np.float64], region: Region, width: int, height: int, size: int = TRAIN_SIZE
) -> float:
    """IoU, at the trainer's size, of the mask a ring trains with the region it was written for.

    Args:
        ring: (N, 2) in 0..1, as written.
        region: Image pixels.
        width: Image width, pixels.
        height: Image height, pixels.
        size: Longer side of the image as the trainer resizes it, pixels.
    """
    return trained_ious([ring], [region], width, height, size)[0]


def trained_ious(
    rings: Sequence[NDArray[np.float64]],
    several: Sequence[Region],
    width: int,
    height: int,
    size: int = TRAIN_SIZE,
) -> list[float]:
    """``trained_iou`` of rings and the regions they were written for; arguments likewise."""
    if not rings:
        return []
    size_w, size_h = resized(width, height, size)
    scale = np.array([size_w / width, size_h / height] * 2)
    polygons = [trained_polygon(ring, size_w, size_h) for ring in rings]
    windows = _windows(polygons, shapely.bounds(several).reshape(-1, 4) * scale, size_w, size_h)
    edges, owners = edges_of(several)
    found = []
    wanted = masks(edges * scale, owners, windows)
    for polygon, corner, wants in zip(polygons, windows[:, :2].astype(np.int32), wanted, strict=True):
        trained = np.zeros(wants.shape, dtype=np.uint8)
        if trained.size:
            cv2.fillPoly(trained, [polygon - corner], 1)
        both = np.count_nonzero(trained.view(np.bool_) & wants)
        either = np.count_nonzero(trained.view(np.bool_) | wants)
        found.append(float(both / either) if either else 0.0)
    return found


def _windows(
    polygons: list[NDArray[np.int32]], bounds: NDArray[np.float64], width: int, height: int
) -> NDArray[np.int64]:
    """(N, 4) left, top, right, bottom of what either touches: only that is rasterised."""
    points = np.concatenate(polygons)
    starts = np.cumsum([0, *(len(polygon) for polygon in polygons[:-1])])
    least = np.minimum(np.minimum.reduceat(points, starts), bounds[:, :2])
    most = np.maximum(np.maximum.reduceat(points, starts) + 1, bounds[:, 2:])
    ends = np.hstack([np.floor(least), np.ceil(most)])
    found: NDArray[np.int64] = np.clip(ends, 0, [width, height] * 2).astype(np.int64)
    return found


@lru_cache(256)
def _positions(vertices: int) -> NDArray[np.float64]:
    """Where the trainer has points along a ring of so many vertices, the first one twice; in vertices."""
    count = max(_POINTS, vertices)
    x = np.linspace(0, vertices - 1, count - vertices if vertices < count else count)
    if vertices < count:
        x = np.sort(np.concatenate([x, np.arange(vertices)]))
    x.flags.writeable = False
    return x


def _resampled(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """Adds points along the edges of a closed ring and keeps its vertices."""
    closed = np.concatenate([points, points[:1]])
    index = np.arange(len(closed))
    x = _positions(len(closed))
    both = np.ascontiguousarray(closed, dtype=np.float64).view(np.complex128)[:, 0]  # x and y in one go
    found: NDArray[np.float32] = np.interp(x, index, both).view(np.float64).reshape(-1, 2).astype(np.float32)
    return found
