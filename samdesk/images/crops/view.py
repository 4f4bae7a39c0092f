"""The part of an image around an annotation, and its pixels at the size of a contact sheet."""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

import numpy as np

from samdesk.base.cv import cv2
from samdesk.domain.geometry.types import RgbImage

View: TypeAlias = tuple[float, float, float, float]
"""x0, y0, x1, y1 in image pixels, inside the image."""

ReadScaled: TypeAlias = Callable[[Path, int], RgbImage]
"""Reads an image scaled down to fit a square of this many pixels, as ``read_thumbnail``."""

MARGIN = 0.2
"""Surroundings on each side, as a share of the longer side of the annotation."""
_LEAST_SIDE = 24.0
"""A smaller view would show a few pixels, enlarged."""


def view_around(bounds: View, size: tuple[int, int]) -> View:
    """Returns the square around the bounds of an annotation, with a margin, moved and cut to the image.

    Args:
        bounds: x0, y0, x1, y1 of the annotation, image pixels.
        size: Width and height of the image, pixels.
    """
    x0, y0, x1, y1 = bounds
    side = max(_LEAST_SIDE, max(x1 - x0, y1 - y0) * (1 + 2 * MARGIN))
    left, right = _span((x0 + x1) / 2, side, size[0])
    top, bottom = _span((y0 + y1) / 2, side, size[1])
    return left, top, right, bottom


def _span(centre: float, side: float, length: int) -> tuple[float, float]:
    if side >= length:
        return 0.0, float(length)
    low = math.floor(min(max(centre - side / 2, 0.0), length - side))
    return float(low), float(min(length, low + math.ceil(side)))


def read_crops(
    path: Path, size: tuple[int, int], views: Sequence[View], side: int, read: ReadScaled
) -> list[RgbImage]:
    """Reads the pixels of several views of one image, which is decoded once and no larger than needed.

    Args:
        path: The image file.
        size: Its width and height when the views were made, pixels; the file may have another size by now.
        views: Parts of the image.
        side: The longer side of the crops, pixels; a crop is never enlarged.
        read: Reads the image.

    Returns:
        (h, w, 3) uint8 RGB each, at least 1 x 1.

    Raises:
        ImageError: The image cannot be read.
    """
    least = min((max(v[2] - v[0], v[3] - v[1]) for v in views), default=1.0)
    scale = min(1.0, side / max(least, 1.0))
    pixels = read(path, math.ceil(max(size) * scale))
    rows, columns = pixels.shape[:2]
    across, down = columns / size[0], rows / size[1]
    return [_cut(pixels, (v[0] * across, v[1] * down, v[2] * across, v[3] * down), side) for v in views]


def _cut(pixels: RgbImage, view: View, side: int) -> RgbImage:
    rows, columns = pixels.shape[:2]
    left, top = min(max(0, round(view[0])), columns - 1), min(max(0, round(view[1])), rows - 1)
    right, bottom = max(left + 1, min(columns, round(view[2]))), max(top + 1, min(rows, round(view[3])))
    part = pixels[top:bottom, left:right]
    scale = side / max(part.shape[:2])
    if scale >= 1:
        return np.ascontiguousarray(part)
    size = (max(1, round(part.shape[1] * scale)), max(1, round(part.shape[0] * scale)))
    return np.asarray(cv2.resize(part, size, interpolation=cv2.INTER_AREA), np.uint8)
