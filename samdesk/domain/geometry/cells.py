"""The grid of a model's logits in image pixels, and interpolation between its cell centres.

Cell centres are at +0.5 of a cell. Beyond the outermost centres the values are constant up to the
frame's edge.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray

from samdesk.domain.geometry.types import FloatArray, Frame

LOGITS_SIDE = 256
"""Rows and columns of a mask candidate's logits: a quarter of SAM's input of 1024 pixels."""
MODEL_STEP = 4
"""Pixels of the model's input along each side of a cell of the logits."""
_LARGEST = 1e5
"""Logits are clipped to this magnitude, so that sums and products stay finite."""


def finite(logits: FloatArray) -> FloatArray:
    """The logits clipped to finite values; NaN becomes 0, which is background."""
    if np.abs(logits).max(initial=0.0) <= _LARGEST:
        return logits
    clipped: FloatArray = np.nan_to_num(np.clip(logits, -_LARGEST, _LARGEST), copy=False, nan=0.0)
    return clipped


def cell_size(shape: tuple[int, ...], frame: Frame, image_hw: tuple[int, int]) -> tuple[float, float]:
    """Width and height of a cell in image pixels, for (rows, columns) cells over the frame.

    A padded frame's image was resized to whole pixels of the model's input, so the shorter side's
    scale differs a little from the longer's.
    """
    rows, cols = shape
    if frame.tall is not None:
        return frame.width / cols, frame.height / rows
    resized_h, resized_w = resized(shape, frame, image_hw)
    shown_h, shown_w = shown(frame, image_hw)
    return shown_w / resized_w * MODEL_STEP, shown_h / resized_h * MODEL_STEP


def shown(frame: Frame, image_hw: tuple[int, int]) -> tuple[float, float]:
    """Height and width of the part of a frame that lies on the image, image pixels."""
    height = min(image_hw[0] - frame.y0, frame.height)
    width = min(image_hw[1] - frame.x0, frame.width)
    return max(height, 1e-6), max(width, 1e-6)


def resized(shape: tuple[int, ...], frame: Frame, image_hw: tuple[int, int]) -> tuple[int, int]:
    """Height and width of the part on the image, in pixels of the model's (padded, square) input."""
    scale = shape[1] * MODEL_STEP / frame.side
    shown_h, shown_w = shown(frame, image_hw)
    return max(int(shown_h * scale + 0.5), 1), max(int(shown_w * scale + 0.5), 1)


def linear(positions: NDArray[np.floating[Any]], samples: int) -> NDArray[np.float32]:
    """Linear interpolation weights (positions, samples) for samples at 0, 1, ..."""
    clipped = np.clip(positions, 0, samples - 1)
    lower = np.minimum(clipped.astype(np.int64), max(samples - 2, 0))
    fraction = (clipped - lower).astype(np.float32)
    weights = np.zeros((len(positions), samples), dtype=np.float32)
    index = np.arange(len(positions))
    weights[index, lower] = 1 - fraction
    weights[index, np.minimum(lower + 1, samples - 1)] += fraction
    return weights
