"""What writers make of regions: rounded coordinates, rings, and the mask that pycocotools makes of them."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from samdesk.domain.geometry.types import Region
from samdesk.formats.yolo.bridges import join_rings

DIGITS = 2
"""Of coordinates after the point, as in COCO's own files and in CVAT's."""

Ring = NDArray[np.float64]
"""(N, 2) x and y, open."""


def rounded(region: Region) -> Region:
    """The region with rounded coordinates, unless that makes it another one when it is read."""
    moved: Region = shapely.transform(region, lambda xy: np.round(xy, DIGITS) + 0.0)
    is_same = shapely.is_valid(moved) and bool((shapely.area(shapely.get_parts(moved)) > 0.0).all())
    return moved if is_same else region


def has_holes(region: Region) -> bool:
    """Whether a part has a hole."""
    return bool(shapely.get_num_interior_rings(shapely.get_parts(region)).any())


def outlines(region: Region) -> list[Ring]:
    """A ring for each part, joined with those of its holes by bridges."""
    if not has_holes(region):
        return [shapely.get_coordinates(part)[:-1] for part in shapely.get_parts(region)]
    return [join_rings([_open(part.exterior), *map(_open, part.interiors)]) for part in _in_order(region)]


def single_ring(region: Region) -> Ring:
    """One ring of all parts and holes, joined by bridges."""
    parts = list(region.geoms) if len(region.geoms) == 1 and not has_holes(region) else _in_order(region)
    return join_rings([_open(ring) for part in parts for ring in (part.exterior, *part.interiors)])


def _in_order(region: Region) -> list[Any]:
    """The parts in canonical order.

    Where a bridge is depends on the order of the vertices: read again, it is the same region in another.
    """
    return list(shapely.normalize(region).geoms)


def _open(ring: Any) -> Ring:
    points: Ring = np.asarray(ring.coords, dtype=np.float64)[:-1]
    return points


class CocoMask:
    """What pycocotools makes of rings, united, or of an RLE with compressed counts.

    Attributes:
        area: Its pixels.
    """

    def __init__(self, shape: Sequence[Ring] | dict[str, Any], width: int, height: int) -> None:
        from pycocotools import mask as coco

        self._size = width, height
        if isinstance(shape, dict):
            self._found: Any = shape
        else:
            flat = [ring.reshape(-1).tolist() for ring in shape]
            self._found = coco.merge(coco.frPyObjects(flat, height, width))
        self.area = int(coco.area(self._found))

    @property
    def box(self) -> list[float]:
        """x, y, width, height of its pixels."""
        from pycocotools import mask as coco

        found: list[float] = coco.toBbox(self._found).tolist()
        return found

    def iou(self, wanted: str) -> float:
        """IoU with the pixels in a region, as ``rle.to_text`` has them; 1 if there are none of either."""
        from pycocotools import mask as coco

        width, height = self._size
        found = {"size": [height, width], "counts": wanted}
        if not self.area and not int(coco.area(found)):
            return 1.0
        return float(coco.iou([self._found], [found], [0])[0][0])
