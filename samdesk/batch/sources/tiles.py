"""The tiles that an image is cut into for the detection of small objects. Pure functions.

Tiles of one size overlap by a quarter, so an object that is smaller than the overlap lies whole in one of
them. For larger objects there are tiles of twice the size, and so on up to the whole image; each size has a
quarter as many. So an object of any size is seen whole, and large enough; what a tile's edge cuts is not
needed.
"""

from __future__ import annotations

import math
from typing import NamedTuple

OVERLAP = 0.25
"""Share of its side that a tile overlaps the next, at least."""
EDGE = 1 / 64
"""Share of a tile's side: an object that ends this near to its edge is likely to go on outside."""
MOST_TILES = 2048
"""The most tiles of an image; a larger one gets larger tiles."""
_WORTH = 1.25
"""Tiles are used while the image is longer than them by this factor."""


class Tile(NamedTuple):
    """A part of an image, whole pixels; right and bottom exclusive."""

    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def side(self) -> int:
        """Its longer side."""
        return max(self.x1 - self.x0, self.y1 - self.y0)

    def cuts(self, box: tuple[float, float, float, float], image_hw: tuple[int, int]) -> bool:
        """Whether a box in image pixels ends at an edge of the tile that is none of the image."""
        margin = self.side * EDGE
        x0, y0, x1, y1 = box
        height, width = image_hw
        return (
            (self.x0 > 0 and x0 < self.x0 + margin)
            or (self.y0 > 0 and y0 < self.y0 + margin)
            or (self.x1 < width and x1 > self.x1 - margin)
            or (self.y1 < height and y1 > self.y1 - margin)
        )


def tiles(image_hw: tuple[int, int], side: int) -> list[Tile]:
    """All tiles of an image, the smallest first; the last is the whole image.

    Args:
        image_hw: Height and width, pixels.
        side: Of the smallest tiles, pixels, 1 or more.
    """
    height, width = image_hw
    sides, side = [], max(side, 1)
    while side * _WORTH < max(image_hw):
        sides.append(side)
        side *= 2
    while sides and sum(_count(height, s) * _count(width, s) for s in sides) >= MOST_TILES:
        sides.pop(0)
    found = [tile for s in sides for tile in layer(image_hw, s)]
    return [*found, Tile(0, 0, width, height)]


def layer(image_hw: tuple[int, int], side: int) -> list[Tile]:
    """The tiles of one size, row by row. They cover every pixel; one is smaller where the image is."""
    height, width = image_hw
    return [
        Tile(x, y, min(x + side, width), min(y + side, height))
        for y in _starts(height, side)
        for x in _starts(width, side)
    ]


def _count(length: int, side: int) -> int:
    """The tiles along a side of an image."""
    if length <= side:
        return 1
    overlap = _overlap(side)
    return math.ceil((length - overlap) / (side - overlap))


def _overlap(side: int) -> int:
    """The least overlap of two tiles; below 4 pixels there is none."""
    return int(side * OVERLAP)


def _starts(length: int, side: int) -> list[int]:
    count = _count(length, side)
    return [round(i * (length - side) / (count - 1)) for i in range(count)] if count > 1 else [0]
