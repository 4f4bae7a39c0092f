"""Bounding boxes of masks and of low-resolution logits."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from samdesk.domain.geometry.types import BoolArray, FloatArray, Frame

Bounds: TypeAlias = tuple[float, float, float, float]
"""x0, y0, x1, y1 in image pixels."""


def mask_bounds(mask: BoolArray) -> tuple[int, int, int, int] | None:
    """Left, top, right and bottom of an (H, W) mask, right and bottom exclusive; None if it is empty."""
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(mask.any(axis=0))
    if not len(rows):
        return None
    return int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1


def bounds(logits: FloatArray, frame: Frame, image_hw: tuple[int, int] | None = None) -> Bounds | None:
    """The bounds of a mask in image pixels; None if it is empty.

    Args:
        logits: (h, w) over ``frame``; above 0 is object.
        frame: The square of image pixels that the logits cover.
        image_hw: Height and width of the image, pixels, to clip the bounds to; None: not clipped.
    """
    found = mask_bounds(np.asarray(logits > 0))
    if found is None:
        return None
    left, top, right, bottom = found
    across, down = frame.width / logits.shape[1], frame.height / logits.shape[0]
    x0, x1 = frame.x0 + left * across, frame.x0 + right * across
    y0, y1 = frame.y0 + top * down, frame.y0 + bottom * down
    if image_hw is None:
        return x0, y0, x1, y1
    height, width = image_hw
    x0, x1 = (min(max(x, 0.0), float(width)) for x in (x0, x1))
    y0, y1 = (min(max(y, 0.0), float(height)) for y in (y0, y1))
    return (x0, y0, x1, y1) if x0 < x1 and y0 < y1 else None
