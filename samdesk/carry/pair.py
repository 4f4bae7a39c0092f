"""The two images that objects are carried between, at the size that moves are estimated at."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property
from typing import Any

from samdesk.base.cv import cv2
from samdesk.domain.geometry.types import RgbImage

LONGEST_SIDE = 800
"""Images are reduced to this before anything is estimated, so that time and memory are bounded."""


@dataclass(frozen=True, eq=False)
class WorkingImage:
    """One of the two images.

    Attributes:
        rgb: (H, W, 3) uint8.
    """

    rgb: RgbImage

    @cached_property
    def grey(self) -> Any:
        """(H, W) uint8."""
        return cv2.cvtColor(self.rgb, cv2.COLOR_RGB2GRAY)

    @cached_property
    def smooth(self) -> Any:
        """(H, W, 3) uint8, without the finest detail: noise, and what half a pixel changes."""
        return cv2.GaussianBlur(self.rgb, (0, 0), 1.0)

    @property
    def width(self) -> int:
        """Pixels."""
        return int(self.rgb.shape[1])

    @property
    def height(self) -> int:
        """Pixels."""
        return int(self.rgb.shape[0])


@dataclass(frozen=True, eq=False)
class ImagePair:
    """Source and target image, of the same size.

    Attributes:
        source: Where the objects are known.
        target: Where they are looked for.
        scale_x: Working pixels for one of the image's columns.
        scale_y: The same for its rows.
    """

    source: WorkingImage
    target: WorkingImage
    scale_x: float
    scale_y: float

    @staticmethod
    def of(source: RgbImage, target: RgbImage) -> ImagePair:
        """Two images of the same size, reduced if they are large."""
        height, width = source.shape[:2]
        scale = min(1.0, LONGEST_SIDE / max(height, width))
        size = max(1, round(width * scale)), max(1, round(height * scale))
        working = WorkingImage(_reduced(source, size)), WorkingImage(_reduced(target, size))
        return ImagePair(*working, size[0] / width, size[1] / height)

    @property
    def turned(self) -> ImagePair:
        """The pair that carries back."""
        return ImagePair(self.target, self.source, self.scale_x, self.scale_y)


def _reduced(image: RgbImage, size: tuple[int, int]) -> Any:
    if (image.shape[1], image.shape[0]) == size:
        return image
    return cv2.resize(image, size, interpolation=cv2.INTER_AREA)
