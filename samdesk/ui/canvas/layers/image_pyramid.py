"""ImagePyramid: an image at full size and at successively halved sizes, built in strips."""

from __future__ import annotations

from collections.abc import Iterator

import numpy as np
from numpy.typing import NDArray

from samdesk.base.cv import cv2
from samdesk.domain.geometry.types import RgbImage

Pixels = NDArray[np.uint8]
_SMALL = 512
"""Longer side, pixels, up to which a level is not halved further."""
_STRIP = 1 << 21
"""Source pixels halved per strip."""


class ImagePyramid:
    """The levels of one image. Level k is the image averaged over 2**k by 2**k pixels.

    Until a level is averaged, every 2**k-th pixel is used instead, so that an image of any size can be
    shown at once.
    """

    def __init__(self, rgb: RgbImage) -> None:
        self._levels: list[Pixels] = [rgb]
        self._quick: dict[int, Pixels] = {}
        height, width = rgb.shape[:2]
        self._count = 1
        while max(height, width) >> (self._count - 1) > _SMALL and min(height, width) >> self._count > 0:
            self._count += 1

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the image, pixels."""
        height, width = self._levels[0].shape[:2]
        return width, height

    @property
    def complete(self) -> bool:
        """Whether every level is averaged."""
        return len(self._levels) == self._count

    def level_for(self, scale: float) -> int:
        """The level to draw at a scale: the coarsest one that has to be shrunk, by less than half.

        Until that one is averaged, the next coarser one: slightly soft, at a quarter of the cost.
        """
        level = 0
        while level + 1 < self._count and scale * 2 ** (level + 1) <= 1.0:
            level += 1
        waiting = level >= len(self._levels) and level + 1 < self._count
        return level + 1 if waiting else level

    def pixels(self, level: int) -> Pixels:
        """A level: averaged if it is built, otherwise every 2**level-th pixel."""
        if level < len(self._levels):
            return self._levels[level]
        if level not in self._quick:
            step = 1 << level
            height, width = (n >> level for n in self._levels[0].shape[:2])
            picked = self._levels[0][step // 2 :: step, step // 2 :: step][:height, :width]
            self._quick[level] = np.ascontiguousarray(picked)
        return self._quick[level]

    def build(self) -> Iterator[None]:
        """Builds the averaged levels, yielding after every strip."""
        while not self.complete:
            source = self._levels[-1]
            height, width = source.shape[0] // 2, source.shape[1] // 2
            target = np.empty((height, width, 3), np.uint8)
            rows = max(1, _STRIP // max(1, 2 * source.shape[1]) // 2)
            for top in range(0, height, rows):
                bottom = min(height, top + rows)
                # An odd last row or column is omitted: less than a pixel at this level.
                part = source[2 * top : 2 * bottom, : 2 * width]
                target[top:bottom] = cv2.resize(
                    part, (width, bottom - top), interpolation=cv2.INTER_AREA
                ).reshape(bottom - top, width, 3)
                yield
            self._levels.append(target)
            self._quick.pop(len(self._levels) - 1, None)
