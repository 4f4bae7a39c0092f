"""Upsamples a model's low-resolution logits to a mask of the whole image.

The reference is Meta's ``Sam.postprocess_masks`` (segment-anything): a padded square is upsampled
bilinearly to four times the grid (1024), cut to the resized image and resampled to the image; a
stretched frame (SAM 2) is resampled to the image in one step.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from samdesk.domain.geometry.cells import MODEL_STEP, finite, linear, resized, shown
from samdesk.domain.geometry.types import BoolArray, FloatArray, Frame


def logits_to_raster(logits: FloatArray, frame: Frame, image_hw: tuple[int, int]) -> BoolArray:
    """The mask as (H, W) bool of the image: Meta's upsample and threshold; False outside the frame."""
    height, width = image_hw
    rows, cols = logits.shape
    if frame.tall is not None:
        down = _axis(rows, None, frame.y0, frame.height, height)
        across = _axis(cols, None, frame.x0, frame.width, width)
    else:
        shown_h, shown_w = shown(frame, image_hw)
        resized_h, resized_w = resized(logits.shape, frame, image_hw)
        down = _axis(rows, resized_h, frame.y0, shown_h, height)
        across = _axis(cols, resized_w, frame.x0, shown_w, width)
    mask = np.zeros(image_hw, dtype=np.bool_)
    (top, weights_y), (left, weights_x) = down, across
    values = weights_y @ (np.asarray(finite(logits), dtype=np.float32) @ weights_x.T)
    mask[top : top + len(weights_y), left : left + len(weights_x)] = values > 0
    return mask


def _axis(
    cells: int, resized: int | None, start: float, length: float, pixels: int
) -> tuple[int, NDArray[np.float32]]:
    """The first pixel that a frame covers, and the weights (covered pixels, cells) that sample them."""
    first = max(int(np.ceil(start - 0.5)), 0)
    last = min(int(np.ceil(start + length - 0.5)), pixels)
    along = (np.arange(first, max(last, first)) + 0.5 - start) / length
    if resized is None:
        return first, linear(along * cells - 0.5, cells)
    model = cells * MODEL_STEP
    upsampled = linear((np.arange(model) + 0.5) / MODEL_STEP - 0.5, cells)[:resized]
    return first, np.asarray(linear(along * resized - 0.5, resized) @ upsampled, dtype=np.float32)
