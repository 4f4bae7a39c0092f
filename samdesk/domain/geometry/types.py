"""Array and region types, and the coordinate system they share.

Image pixels, float, origin at the top-left corner of the top-left pixel, x right, y down, pixel
centres at +0.5. The frame is that of the EXIF-rotated image.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from shapely.geometry import MultiPolygon

FloatArray: TypeAlias = NDArray[np.float32] | NDArray[np.float64]
BoolArray: TypeAlias = NDArray[np.bool_]
RgbImage: TypeAlias = NDArray[np.uint8]
"""(H, W, 3) uint8, RGB, the EXIF-rotated frame."""

Region: TypeAlias = MultiPolygon
"""The geometry of an annotation: parts with holes, in image pixels."""


@dataclass(frozen=True)
class Frame:
    """The square of image pixels that a model's input covers.

    Attributes:
        x0: Left edge, image pixels.
        y0: Top edge, image pixels.
        side: Width of the frame, image pixels. It may extend past the image (padding).
        tall: Height, if the model stretches the image instead of padding it (SAM 2); None: square.
    """

    x0: float
    y0: float
    side: float
    tall: float | None = None

    @property
    def width(self) -> float:
        """Width, image pixels."""
        return self.side

    @property
    def height(self) -> float:
        """Height, image pixels."""
        return self.side if self.tall is None else self.tall
