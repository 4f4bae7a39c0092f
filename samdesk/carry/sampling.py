"""Values of an image at points between the centres of its pixels."""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray


def sampled(values: NDArray[Any], points: NDArray[np.float64]) -> NDArray[np.float32]:
    """Bilinear samples, beyond the border those on it. OpenCV's ``remap`` rounds to 1/32 of a pixel.

    Args:
        values: (H, W, C) uint8 or float32.
        points: (N, 2) x, y, pixel centres at +0.5.

    Returns:
        (N, C) float32.
    """
    height, width = values.shape[:2]
    x, y = np.clip(np.nan_to_num(points) - 0.5, 0.0, (width - 1, height - 1)).T
    left, top = np.floor(x).astype(np.intp), np.floor(y).astype(np.intp)
    right, bottom = np.minimum(left + 1, width - 1), np.minimum(top + 1, height - 1)
    across, down = ((v - start).astype(np.float32)[:, None] for v, start in ((x, left), (y, top)))
    above = values[top, left] * (1 - across) + values[top, right] * across
    below = values[bottom, left] * (1 - across) + values[bottom, right] * across
    return np.asarray(above * (1 - down) + below * down, dtype=np.float32)
