"""Training images in memory: pixels and masks, ready to be cut out."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from samdesk.base.cv import cv2
from samdesk.domain.geometry import regions
from samdesk.domain.geometry.logits import mask_bounds
from samdesk.domain.geometry.types import Frame, RgbImage
from samdesk.engine.flint.crops import CropPyramid, build_pyramid, crop_image
from samdesk.images.reader import read_image
from samdesk.training.samples import TrainingImage

MOST_SIDE = 1280
"""Photos are kept no larger, pixels: a look is 320 pixels and rarely a quarter of a photo."""


@dataclass(frozen=True, eq=False)
class Mask:
    """One instance as pixels of the photo kept.

    Attributes:
        pixels: (h, w) uint8, 0 or 255, cut to its bounds with a rim of 1.
        x0: Left edge of ``pixels`` in the photo kept; y0 its top edge.
        box: x0, y0, x1, y1 of the mask in the photo kept.
        area: Pixels of the original image.
    """

    pixels: NDArray[np.uint8]
    x0: int
    y0: int
    box: tuple[float, float, float, float]
    area: float

    def cut(self, frame: Frame, size: int) -> NDArray[np.float32]:
        """(size, size) float32 0..1: how much of each cell of a look the instance covers."""
        fine = size * 2
        step = frame.side / fine
        at = np.array(
            [[step, 0, frame.x0 - self.x0 + step / 2 - 0.5], [0, step, frame.y0 - self.y0 + step / 2 - 0.5]]
        )
        flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
        found = cv2.warpAffine(self.pixels, at, (fine, fine), flags=flags, borderValue=0)
        small = cv2.resize(found, (size, size), interpolation=cv2.INTER_AREA)
        return np.asarray(np.asarray(small, np.float32) / 255, np.float32)


@dataclass(frozen=True, eq=False)
class Photo:
    """A photo and its instances, in pixels of the photo kept (no larger than ``MOST_SIDE``)."""

    pixels: CropPyramid
    masks: tuple[Mask, ...]

    @property
    def hw(self) -> tuple[int, int]:
        """Height and width, pixels."""
        height, width = self.pixels.levels[0].shape[:2]
        return height, width

    def look(self, frame: Frame, size: int) -> RgbImage:
        """(size, size, 3) uint8 RGB."""
        return crop_image(self.pixels, frame, size)


def load_photos(images: Iterable[TrainingImage]) -> list[Photo]:
    """Reads all photos. Raises ``ImageError``."""
    return [load_photo(image) for image in images]


def load_photo(image: TrainingImage) -> Photo:
    """Reads one photo and draws its instances; those that leave no pixel are dropped."""
    rgb = read_image(image.path)
    scale = min(1.0, MOST_SIDE / max(rgb.shape[:2]))
    if scale < 1:
        size = (round(rgb.shape[1] * scale), round(rgb.shape[0] * scale))
        rgb = np.asarray(cv2.resize(rgb, size, interpolation=cv2.INTER_AREA), np.uint8)
    height, width = rgb.shape[:2]
    found = []
    for instance in image.instances:
        region = instance.region
        if scale < 1:
            region = regions.scale(region, width / image.image_hw[1], height / image.image_hw[0])
        mask = _mask(regions.rasterize(region, height, width), instance.region.area)
        if mask is not None:
            found.append(mask)
    return Photo(build_pyramid(rgb), tuple(found))


def _mask(raster: NDArray[np.bool_], area: float) -> Mask | None:
    found = mask_bounds(raster)
    if found is None:
        return None
    left, top, right, bottom = found
    inside = np.pad(raster[top:bottom, left:right], 1).astype(np.uint8) * 255
    box = (float(left), float(top), float(right), float(bottom))
    return Mask(inside, left - 1, top - 1, box, area)
