"""Looks: squares cut out of a photo and resampled to what the network sees."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from samdesk.base.cv import cv2
from samdesk.domain.geometry.logits import Bounds, bounds
from samdesk.domain.geometry.types import Frame, RgbImage
from samdesk.domain.prompts import PromptSet

GREY = 114
"""What lies beyond the photo, as in Ultralytics' letterbox."""
MOST_SIDE = 4096
"""Longest side that is kept of a photo, pixels."""
ROOM = 1.5
"""Side of a close look, as a multiple of the longer side of what it is about."""
LEAST_SIDE = 24.0
_SMALLEST, _LARGEST = 0.25, 0.95
"""What a look may be about, as a share of its side, before another look is taken."""


@dataclass(frozen=True, eq=False)
class Pyramid:
    """A photo at full size, at half, at a quarter and so on.

    Attributes:
        levels: (h, w, 3) uint8 RGB, the largest first.
        scale: Pixels of the largest level an image pixel, 1 or less.
    """

    levels: tuple[RgbImage, ...]
    scale: float

    @property
    def nbytes(self) -> int:
        """Size of all levels, bytes."""
        return sum(level.nbytes for level in self.levels)


def pyramid(image: RgbImage, least_side: int = 640) -> Pyramid:
    """Halves a photo until its longest side is below twice ``least_side``."""
    longest = max(image.shape[:2])
    scale = min(1.0, MOST_SIDE / longest)
    levels = [image if scale == 1.0 else _shrunk(image, scale)]
    while max(levels[-1].shape[:2]) >= 2 * least_side:
        levels.append(_shrunk(levels[-1], 0.5))
    return Pyramid(tuple(levels), scale)


def square(x0: float, y0: float, side: float) -> Frame:
    """A square frame whose logits map to the image by its edges alone."""
    return Frame(x0, y0, side, side)


def cut_out(photo: Pyramid, frame: Frame, size: int) -> RgbImage:
    """(size, size, 3) uint8: what a frame shows, bilinear from the level that is fine enough."""
    wanted = size / frame.side  # output pixels an image pixel
    index = 0
    while index + 1 < len(photo.levels) and photo.scale / 2 ** (index + 1) >= wanted:
        index += 1
    level = photo.levels[index]
    across = level.shape[1] / photo.levels[0].shape[1] * photo.scale
    down = level.shape[0] / photo.levels[0].shape[0] * photo.scale
    return np.asarray(_warped(level, _inverse(frame, size, across, down), size, GREY), np.uint8)


def around(x0: float, y0: float, x1: float, y1: float) -> Frame:
    """The close look at what lies between two corners."""
    side = max(LEAST_SIDE, ROOM * max(x1 - x0, y1 - y0))
    return square((x0 + x1 - side) / 2, (y0 + y1 - side) / 2, side)


def around_box(prompts: PromptSet) -> Frame:
    """The close look at a box and its clicks."""
    assert prompts.box is not None
    x0, y0, x1, y1 = prompts.box.xyxy
    return around(*with_points((min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)), prompts))


def around_mask(found: Bounds, prompts: PromptSet) -> Frame:
    """The close look at a mask's bounds and the clicks on the object."""
    return around(*with_points(found, prompts))


def with_points(found: Bounds, prompts: PromptSet) -> Bounds:
    """Bounds made large enough for the clicks on the object."""
    xs = [p.x for p in prompts.points if p.positive]
    ys = [p.y for p in prompts.points if p.positive]
    x0, y0, x1, y1 = found
    return min([x0, *xs]), min([y0, *ys]), max([x1, *xs]), max([y1, *ys])


def keeps(frame: Frame, whole: Frame, prompts: PromptSet) -> bool:
    """Whether a mask prompt's own look is still the right one: all is on it, neither small nor cut off."""
    if frame == whole or frame.tall != frame.side or prompts.mask is None:
        return False
    found = bounds(prompts.mask.logits, frame)
    if found is None:
        return False
    x0, y0, x1, y1 = with_points(found, prompts)
    inside = x0 >= frame.x0 and y0 >= frame.y0
    inside &= x1 <= frame.x0 + frame.side and y1 <= frame.y0 + frame.side
    return inside and _SMALLEST <= max(x1 - x0, y1 - y0) / frame.side <= _LARGEST


def _inverse(frame: Frame, size: int, across: float, down: float) -> NDArray[np.float64]:
    """(2, 3): from output pixel indices to pixel indices of a level (centres at +0.5 of both)."""
    step_x, step_y = frame.width / size * across, frame.height / size * down
    x0, y0 = frame.x0 * across, frame.y0 * down
    return np.array([[step_x, 0, x0 + step_x / 2 - 0.5], [0, step_y, y0 + step_y / 2 - 0.5]])


def _warped(values: RgbImage, inverse: NDArray[np.float64], size: int, beyond: int) -> RgbImage:
    flags = cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP
    fill = (beyond, beyond, beyond)
    found = cv2.warpAffine(
        values, inverse, (size, size), flags=flags, borderMode=cv2.BORDER_CONSTANT, borderValue=fill
    )
    return np.asarray(found, np.uint8)


def _shrunk(image: RgbImage, scale: float) -> RgbImage:
    size = (max(1, round(image.shape[1] * scale)), max(1, round(image.shape[0] * scale)))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), np.uint8)
