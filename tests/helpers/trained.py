"""The mask that the Ultralytics trainer rasterises from a label line, as samdesk reproduces it."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from samdesk.base.cv import cv2
from samdesk.domain.geometry.types import BoolArray
from samdesk.formats.yolo.trainer_raster import trained_polygon


def trained_mask(ring: NDArray[np.float64], width: int, height: int) -> BoolArray:
    """Returns the (height, width) bool mask of a ring (N, 2) in 0..1, on an image already resized."""
    mask = np.zeros((height, width), dtype=np.uint8)
    cv2.fillPoly(mask, [trained_polygon(ring, width, height)], 1)
    return mask.view(np.bool_)
