"""Reproduces the mask that the Ultralytics trainer makes of a YOLO segmentation line.

Follows ``ultralytics.utils.ops.resample_segments`` and ``ultralytics.data.utils.polygon2mask``
(8.4): a segment gets about 1,000 points, is scaled to the resized image, truncated to whole pixels and
filled by OpenCV, boundary included, even-odd.
"""

from __future__ import annotations

import math

import numpy as np
import shapely
from numpy.typing import NDArray

from samdesk.base.cv import cv2
from samdesk.domain.geometry import regions
from samdesk.domain.geometry.types import Region
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
    size_w, size_h = resized(width, height, size)
    scale = np.array([size_w / width, size_h / height])
    scaled: Region = shapely.transform(region, lambda xy: xy * scale)
    points = trained_polygon(ring, size_w, size_h)
    # Only the window of the image that either touches is rasterised.
    x0, y0, x1, y1 = scaled.bounds
    least, most = np.minimum(points.min(axis=0), [x0, y0]), np.maximum(points.max(axis=0) + 1, [x1, y1])
    left, top = np.floor(np.clip(least, 0, [size_w, size_h])).astype(np.int64).tolist()
    right, bottom = np.ceil(np.clip(most, 0, [size_w, size_h])).astype(np.int64).tolist()
    if right <= left or bottom <= top:
        return 0.0
    trained = np.zeros((bottom - top, right - left), dtype=np.uint8)
    cv2.fillPoly(trained, [points - np.array([left, top], dtype=np.int32)], 1)
    wanted = regions.rasterize(regions.translate(scaled, -left, -top), bottom - top, right - left)
    both = np.count_nonzero(trained.view(np.bool_) & wanted)
    either = np.count_nonzero(trained.view(np.bool_) | wanted)
    return float(both / either) if either else 0.0


def _resampled(points: NDArray[np.float32]) -> NDArray[np.float32]:
    """Adds points along the edges of a closed ring and keeps its vertices."""
    count = max(_POINTS, len(points) + 1)
    closed = np.concatenate([points, points[:1]])
    index = np.arange(len(closed))
    x = np.linspace(0, len(closed) - 1, count - len(closed) if len(closed) < count else count)
    if len(closed) < count:
        x = np.sort(np.concatenate([x, index]))
    return np.stack([np.interp(x, index, closed[:, axis]) for axis in (0, 1)], axis=1).astype(np.float32)
