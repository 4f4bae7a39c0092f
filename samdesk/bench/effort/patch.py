"""A part of the image as the annotator sees it: masks as rasters at a fixed size, whatever the image's."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from samdesk.domain.geometry import regions
from samdesk.domain.geometry.types import BoolArray, Region

Points = NDArray[np.float64]

_LONGEST_SIDE = 256.0
_MARGIN = 0.15


@dataclass(frozen=True)
class ScreenPatch:
    """A rectangle of the image, resampled.

    Attributes:
        x0: Left edge, image pixels.
        y0: Top edge, image pixels.
        scale: ScreenPatch pixels per image pixel.
        shape: Height and width, patch pixels.
    """

    x0: float
    y0: float
    scale: float
    shape: tuple[int, int]

    @classmethod
    def around(cls, parts: list[Region], image_hw: tuple[int, int]) -> ScreenPatch:
        """The patch around all regions, with a margin, inside the image."""
        x0, y0, x1, y1 = shapely.total_bounds(np.array(parts, dtype=object))
        margin = _MARGIN * max(x1 - x0, y1 - y0) + 2.0
        x0, y0 = max(0.0, x0 - margin), max(0.0, y0 - margin)
        x1, y1 = min(float(image_hw[1]), x1 + margin), min(float(image_hw[0]), y1 + margin)
        scale = min(8.0, _LONGEST_SIDE / max(x1 - x0, y1 - y0, 1.0))
        shape = (max(1, round((y1 - y0) * scale)), max(1, round((x1 - x0) * scale)))
        return cls(float(x0), float(y0), scale, shape)

    def raster(self, region: Region) -> BoolArray:
        """A region as (H, W) bool of the patch."""
        placed = shapely.transform(region, lambda xy: (xy - [self.x0, self.y0]) * self.scale)
        return regions.rasterize(placed, *self.shape)

    def to_image(self, points: Points) -> Points:
        """(N, 2) patch pixels as image pixels."""
        return points / self.scale + [self.x0, self.y0]


def raster_iou(a: BoolArray, b: BoolArray) -> float:
    """IoU of two rasters; 0 for two empty ones."""
    total = int(np.count_nonzero(a | b))
    return int(np.count_nonzero(a & b)) / total if total else 0.0
