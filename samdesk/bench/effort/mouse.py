"""What a person does with a mouse: how precisely, at which zoom, and how far without lifting it."""

from __future__ import annotations

import math
import zlib

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]

CLICK_NOISE = 1.5
"""Standard deviation of a click from where it was meant, screen pixels in x and in y."""
STROKE_NOISE = 2.0
"""Standard deviation of a stroke from the line it was meant to follow, screen pixels."""
_SMOOTH_OVER = 25.0
"""The deviation of a stroke changes over this length, screen pixels."""
_STEP = 5.0
LONGEST_STROKE = 1000.0
"""A stroke longer than this, screen pixels, counts as one gesture for each begun piece of this length."""
OBJECT_ON_SCREEN = 500.0
"""The annotator zooms until the longer side of the object is this long, screen pixels, ..."""
LEAST_ZOOM, MOST_ZOOM = 1.0, 8.0
"""... within these limits, screen pixels per image pixel. Zooming and panning are free."""
BRUSH_RADII = (6.0, 12.0, 24.0, 48.0)
"""The radii of the brush, screen pixels; the wheel sets them, which is free."""


def zoom_for(bounds: tuple[float, float, float, float]) -> float:
    """The zoom at which an object with these bounds is corrected, screen pixels per image pixel."""
    longer = max(bounds[2] - bounds[0], bounds[3] - bounds[1], 1.0)
    return float(np.clip(OBJECT_ON_SCREEN / longer, LEAST_ZOOM, MOST_ZOOM))


def gestures_of(points: Points, zoom: float) -> int:
    """How many gestures a stroke along these points counts as; one at least."""
    length = float(np.hypot(*np.diff(points, axis=0).T).sum()) * zoom if len(points) > 1 else 0.0
    return max(1, math.ceil(length / LONGEST_STROKE))


class Mouse:
    """Clicks and strokes with a seeded inaccuracy, one for an image."""

    def __init__(self, key: str, image_hw: tuple[int, int]) -> None:
        self._random = np.random.default_rng(zlib.crc32(key.encode()))
        self._limit = np.array([image_hw[1], image_hw[0]], np.float64)

    def click(self, x: float, y: float, zoom: float) -> tuple[float, float]:
        """Where a click meant for (x, y) lands, image pixels, inside the image."""
        at = np.array([x, y]) + self._random.normal(0.0, CLICK_NOISE / zoom, 2)
        at = np.clip(at, 0.5, self._limit - 0.5)
        return float(at[0]), float(at[1])

    def clicks(self, points: Points, zoom: float) -> Points:
        """Where clicks meant for (N, 2) points land, image pixels."""
        moved = points + self._random.normal(0.0, CLICK_NOISE / zoom, points.shape)
        return np.asarray(np.clip(moved, 0.0, self._limit))

    def stroke(self, points: Points, zoom: float) -> Points:
        """The line that a stroke along (N, 2) points takes, image pixels."""
        line = _resampled(points, _STEP / zoom)
        noise = self._random.normal(0.0, 1.0, line.shape)
        keep = math.exp(-_STEP / _SMOOTH_OVER)
        for i in range(1, len(noise)):
            noise[i] = keep * noise[i - 1] + math.sqrt(1.0 - keep * keep) * noise[i]
        return line + noise * (STROKE_NOISE / zoom)


def _resampled(points: Points, step: float) -> Points:
    """A line with a point every ``step`` along it."""
    if len(points) < 2:
        return points
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(points, axis=0).T))])
    at = np.linspace(0.0, along[-1], max(2, math.ceil(along[-1] / step) + 1))
    return np.column_stack([np.interp(at, along, points[:, axis]) for axis in (0, 1)])
