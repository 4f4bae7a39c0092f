"""Crops: square parts of an image, resampled to the network's input size."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from samdesk.base.cv import cv2
from samdesk.domain.geometry.logits import Bounds, bounds
from samdesk.domain.geometry.types import Frame, RgbImage
from samdesk.domain.prompts import PromptSet

PADDING_GREY = 114
"""Value of pixels outside the image, as in Ultralytics' letterbox."""
MAX_IMAGE_SIDE = 4096
"""Longest side of the image pyramid's largest level, pixels."""
CROP_SCALE = 1.5
"""Side of a crop, as a multiple of the longer side of the object's bounds."""
MIN_CROP_SIDE = 24.0
"""Smallest side of a crop, image pixels."""
_MIN_OBJECT_SHARE, _MAX_OBJECT_SHARE = 0.25, 0.95
"""Range of an object's size, as a share of the crop's side, in which the crop is kept."""


@dataclass(frozen=True, eq=False)
class CropPyramid:
    """An image at full, half, quarter size and so on, from which crops are taken.

    Attributes:
        levels: (h, w, 3) uint8 RGB, largest first.
        scale: Pixels of the largest level per image pixel, at most 1.
    """

    levels: tuple[RgbImage, ...]
    scale: float

    @property
    def nbytes(self) -> int:
        """Size of all levels, bytes."""
        return sum(level.nbytes for level in self.levels)


def build_pyramid(image: RgbImage, min_side: int = 640) -> CropPyramid:
    """Halves an image until its longest side is below twice ``min_side``."""
    longest = max(image.shape[:2])
    scale = min(1.0, MAX_IMAGE_SIDE / longest)
    levels = [image if scale == 1.0 else _downscale(image, scale)]
    while max(levels[-1].shape[:2]) >= 2 * min_side:
        levels.append(_downscale(levels[-1], 0.5))
    return CropPyramid(tuple(levels), scale)


def square(x0: float, y0: float, side: float) -> Frame:
    """Returns a square frame whose cells divide it evenly, without SAM's rounding to input pixels."""
    return Frame(x0, y0, side, side)


def crop_image(pyramid: CropPyramid, frame: Frame, size: int) -> RgbImage:
    """Resamples a frame to (size, size, 3) uint8 RGB, bilinear from the smallest sufficient level."""
    scale = size / frame.side  # output pixels per image pixel
    index = 0
    while index + 1 < len(pyramid.levels) and pyramid.scale / 2 ** (index + 1) >= scale:
        index += 1
    level = pyramid.levels[index]
    across = level.shape[1] / pyramid.levels[0].shape[1] * pyramid.scale
    down = level.shape[0] / pyramid.levels[0].shape[0] * pyramid.scale
    return np.asarray(_warp(level, _inverse_affine(frame, size, across, down), size), np.uint8)


def crop_around(x0: float, y0: float, x1: float, y1: float) -> Frame:
    """Returns the crop around an object's bounds, image pixels."""
    side = max(MIN_CROP_SIDE, CROP_SCALE * max(x1 - x0, y1 - y0))
    return square((x0 + x1 - side) / 2, (y0 + y1 - side) / 2, side)


def crop_around_box(prompts: PromptSet) -> Frame:
    """Returns the crop around a box prompt and the positive points."""
    assert prompts.box is not None
    x0, y0, x1, y1 = prompts.box.xyxy
    return crop_around(*extend_to_points((min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)), prompts))


def crop_around_mask(mask_bounds: Bounds, prompts: PromptSet) -> Frame:
    """Returns the crop around a mask's bounds and the positive points."""
    return crop_around(*extend_to_points(mask_bounds, prompts))


def extend_to_points(box: Bounds, prompts: PromptSet) -> Bounds:
    """Extends bounds to include the positive points."""
    xs = [p.x for p in prompts.points if p.positive]
    ys = [p.y for p in prompts.points if p.positive]
    x0, y0, x1, y1 = box
    return min([x0, *xs]), min([y0, *ys]), max([x1, *xs]), max([y1, *ys])


def can_reuse_crop(frame: Frame, whole: Frame, prompts: PromptSet) -> bool:
    """Returns whether a mask prompt's crop suits the next prompt, too.

    It does if mask and positive points are inside it and neither small on it nor cut off by it.

    Args:
        frame: Frame of the mask prompt.
        whole: Frame of the whole image.
        prompts: All prompts, with the mask.
    """
    if frame == whole or frame.tall != frame.side or prompts.mask is None:
        return False
    mask_bounds = bounds(prompts.mask.logits, frame)
    if mask_bounds is None:
        return False
    x0, y0, x1, y1 = extend_to_points(mask_bounds, prompts)
    inside = x0 >= frame.x0 and y0 >= frame.y0
    inside &= x1 <= frame.x0 + frame.side and y1 <= frame.y0 + frame.side
    return inside and _MIN_OBJECT_SHARE <= max(x1 - x0, y1 - y0) / frame.side <= _MAX_OBJECT_SHARE


def _inverse_affine(frame: Frame, size: int, across: float, down: float) -> NDArray[np.float64]:
    """Returns the (2, 3) map from output pixel indices to those of a level (pixel centres at +0.5)."""
    step_x, step_y = frame.width / size * across, frame.height / size * down
    x0, y0 = frame.x0 * across, frame.y0 * down
    return np.array([[step_x, 0, x0 + step_x / 2 - 0.5], [0, step_y, y0 + step_y / 2 - 0.5]])


def _warp(image: RgbImage, inverse: NDArray[np.float64], size: int) -> RgbImage:
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    fill = (PADDING_GREY, PADDING_GREY, PADDING_GREY)
    warped = cv2.warpAffine(
        image, inverse, (size, size), flags=flags, borderMode=cv2.BORDER_CONSTANT, borderValue=fill
    )
    return np.asarray(warped, np.uint8)


def _downscale(image: RgbImage, scale: float) -> RgbImage:
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
