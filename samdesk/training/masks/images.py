"""Training images in memory: pixels and masks from which crops are made."""

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

MAX_SIDE = 1280
"""Longest side of an image in memory, pixels: a crop is 320 pixels and rarely a quarter of an image."""


@dataclass(frozen=True, eq=False)
class Mask:
    """One instance as a raster, in pixels of the image in memory.

    Attributes:
        pixels: (h, w) uint8, 0 or 255, cropped to its bounds with a margin of 1.
        x0: Left edge of ``pixels`` in the image; y0 its top edge.
        box: x0, y0, x1, y1 of the mask in the image.
        area: Area in pixels of the original image.
    """

    pixels: NDArray[np.uint8]
    x0: int
    y0: int
    box: tuple[float, float, float, float]
    area: float

    def cut(self, frame: Frame, size: int) -> NDArray[np.float32]:
        """(size, size) float32 0..1: the fraction of each cell of a crop that the instance covers."""
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
class CroppableImage:
    """An image of at most ``MAX_SIDE`` pixels a side and the masks of its instances."""

    pixels: CropPyramid
    masks: tuple[Mask, ...]

    @property
    def hw(self) -> tuple[int, int]:
        """Height and width, pixels."""
        height, width = self.pixels.levels[0].shape[:2]
        return height, width

    def crop(self, frame: Frame, size: int) -> RgbImage:
        """Returns the crop of a frame, (size, size, 3) uint8 RGB."""
        return crop_image(self.pixels, frame, size)


def load_images(images: Iterable[TrainingImage]) -> list[CroppableImage]:
    """Reads all images. Raises ``ImageError``."""
    return [load_image(image) for image in images]


def load_image(image: TrainingImage) -> CroppableImage:
    """Reads one image and rasterizes its instances; those without any pixel are dropped."""
    rgb = read_image(image.path)
    scale = min(1.0, MAX_SIDE / max(rgb.shape[:2]))
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
    return CroppableImage(build_pyramid(rgb), tuple(found))


def _mask(raster: NDArray[np.bool_], area: float) -> Mask | None:
    found = mask_bounds(raster)
    if found is None:
        return None
    left, top, right, bottom = found
    inside = np.pad(raster[top:bottom, left:right], 1).astype(np.uint8) * 255
    box = (float(left), float(top), float(right), float(bottom))
    return Mask(inside, left - 1, top - 1, box, area)
