"""Puts the regions of a record on the image as the dataset has it: upright, and perhaps of another size."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import shapely
from numpy.typing import NDArray

from samdesk.domain.geometry import regions
from samdesk.domain.geometry.types import Region
from samdesk.images.reader import StoredFrame

Coordinates: TypeAlias = Literal["auto", "upright", "stored"]
"""What the coordinates of a file refer to: the image as it is shown, as it is stored (before rotation by
EXIF), or whatever its sizes say."""

_SWAPPING = (5, 6, 7, 8)


@dataclass(frozen=True)
class RecordPlacement:
    """How coordinates of a record become those of the image.

    Attributes:
        orientation: Of EXIF, by which they are rotated first.
        width: Of the image that they refer to, pixels; height likewise.
        to_width: Of the upright image, pixels; ``to_height`` likewise.
    """

    orientation: int
    width: int
    height: int
    to_width: int
    to_height: int

    @property
    def rotates(self) -> bool:
        """Whether they were those of the image as it is stored."""
        return self.orientation != 1

    @property
    def scales(self) -> bool:
        """Whether they were those of the image at another size."""
        return self._upright != (self.to_width, self.to_height)

    @property
    def _upright(self) -> tuple[int, int]:
        size = (self.width, self.height)
        return size[::-1] if self.orientation in _SWAPPING else size

    def place(self, region: Region) -> Region:
        """Returns a region on the upright image, without what lies outside it; perhaps empty."""
        if self.rotates or self.scales:
            width, height = self._upright
            factors = np.array([self.to_width / width, self.to_height / height])
            region = regions.clean(shapely.transform(region, lambda xy: self._rotated(xy) * factors))
        x0, y0, x1, y1 = region.bounds
        if x0 >= 0 and y0 >= 0 and x1 <= self.to_width and y1 <= self.to_height:
            return region
        return regions.clip(region, self.to_width, self.to_height)

    def _rotated(self, xy: NDArray[np.float64]) -> NDArray[np.float64]:
        x, y = xy[:, 0], xy[:, 1]
        right, bottom = self.width - x, self.height - y
        columns = {
            2: (right, y), 3: (right, bottom), 4: (x, bottom),
            5: (y, x), 6: (bottom, x), 7: (bottom, right), 8: (y, right),
        }  # fmt: skip
        return np.column_stack(columns.get(self.orientation, (x, y)))


def placement(
    width: int, height: int, frame: StoredFrame, coordinates: Coordinates = "auto"
) -> RecordPlacement | None:
    """Returns how coordinates that refer to an image of this size are put on the image.

    Args:
        width: Of the image as the record has it, pixels; 0: unknown.
        height: As ``width``.
        frame: The image of the dataset.
        coordinates: What they refer to; "auto": to the upright image, unless only the stored one has a size
            that fits.

    Returns:
        None: neither the upright image nor the stored one has these proportions.
    """
    upright = (frame.width, frame.height)
    stored = (frame.stored_width, frame.stored_height)
    if width <= 0 or height <= 0:
        width, height = stored if coordinates == "stored" else upright
    size = (width, height)
    as_upright, as_stored = (
        RecordPlacement(1, *size, *upright),
        RecordPlacement(frame.orientation, *size, *upright),
    )
    candidates = [(size == upright, as_upright), (size == stored, as_stored),
                  (_fits(size, upright), as_upright), (_fits(size, stored), as_stored)]  # fmt: skip
    if coordinates != "auto":
        wanted = as_stored if coordinates == "stored" else as_upright
        candidates = [(fits, found) for fits, found in candidates if found is wanted or found == wanted]
    return next((found for fits, found in candidates if fits), None)


def evidence(width: int, height: int, frame: StoredFrame) -> Literal["upright", "stored"] | None:
    """Returns what the size of a record says about the coordinates of its whole file; None: nothing."""
    if frame.orientation not in _SWAPPING or frame.width == frame.height:
        return None
    if (width, height) == (frame.width, frame.height):
        return "upright"
    return "stored" if (width, height) == (frame.stored_width, frame.stored_height) else None


def _fits(size: tuple[int, int], other: tuple[int, int]) -> bool:
    """Whether two sizes are of one image, up to the rounding of the smaller one."""
    scale = max(other) / max(size)
    tolerance = max(scale, 1.0)
    return all(abs(a * scale - b) <= tolerance for a, b in zip(size, other, strict=True))
