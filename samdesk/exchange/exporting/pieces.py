"""What of an image is exported: the whole, resized or not, or its tiles."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely

from samdesk.domain.geometry import regions
from samdesk.domain.geometry.types import Region
from samdesk.exchange.exporting.plan import ExportPlan


@dataclass(frozen=True)
class Piece:
    """A part of an image that becomes an image of the export.

    Attributes:
        width: Of the exported image, pixels; height likewise.
        whole: Width and height of the image that it is cut from, after resizing, pixels.
        x: Its place in that, pixels; y likewise.
    """

    width: int
    height: int
    whole: tuple[int, int]
    x: int = 0
    y: int = 0

    @property
    def is_tile(self) -> bool:
        """Whether it is not all of the image."""
        return (self.width, self.height) != self.whole


def pieces(plan: ExportPlan, width: int, height: int) -> tuple[Piece, ...]:
    """Returns what is exported of an image of this size, pixels."""
    whole = resized(plan, width, height)
    if not plan.tile or max(whole) <= plan.tile:
        return (Piece(*whole, whole),)
    side = plan.tile
    return tuple(
        Piece(min(side, whole[0]), min(side, whole[1]), whole, x, y)
        for y in _starts(whole[1], side, plan.overlap)
        for x in _starts(whole[0], side, plan.overlap)
    )


def resized(plan: ExportPlan, width: int, height: int) -> tuple[int, int]:
    """Returns the size of an image after resizing, pixels; images are never enlarged."""
    longer = max(width, height)
    if not plan.resize or longer <= plan.resize:
        return width, height
    return max(1, round(width * plan.resize / longer)), max(1, round(height * plan.resize / longer))


def on_piece(region: Region, size: tuple[int, int], piece: Piece) -> Region:
    """Returns the part of a region that lies on a piece, in the pixels of the piece; perhaps empty.

    Args:
        region: On the image, its pixels.
        size: Width and height of the image, pixels.
        piece: The piece.
    """
    if piece.whole != size:
        region = regions.scale(region, piece.whole[0] / size[0], piece.whole[1] / size[1])
    if not piece.is_tile:
        return region
    with np.errstate(all="ignore"):  # GEOS divides by what may be 0, and goes on
        cut = shapely.intersection(
            region, shapely.box(piece.x, piece.y, piece.x + piece.width, piece.y + piece.height)
        )
    moved = shapely.transform(cut, lambda xy: xy - np.array([piece.x, piece.y]))
    return regions.clean(moved)


def _starts(length: int, side: int, overlap: float) -> list[int]:
    """Where tiles begin along one side: evenly apart, the last at the end."""
    if length <= side:
        return [0]
    step = max(1, round(side * (1 - overlap)))
    count = 1 + -(-(length - side) // step)
    return [round(i * (length - side) / (count - 1)) for i in range(count)]
