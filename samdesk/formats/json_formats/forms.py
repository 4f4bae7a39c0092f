"""Rings of regions as formats without holes have them, and the simple shapes that regions still are.

A region that was a box, a turned box, a circle, an ellipse or a mask in the file it came from has the
attribute ``SHAPE``. As long as it has that form, it is written as one again.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Literal, TypeAlias

import numpy as np
import shapely
from shapely.geometry import Polygon

from samdesk.domain.annotation import Attributes
from samdesk.domain.geometry import regions
from samdesk.domain.geometry.types import Region
from samdesk.formats.base import InstanceRecord, Loss, WrittenInstance
from samdesk.formats.shapes import convert, masks
from samdesk.formats.shapes.convert import Points
from samdesk.formats.yolo.bridges import join_rings, split_ring

SHAPE = "shape"
"""Attribute: the simple shape that a region was made of."""

Simple: TypeAlias = Literal["box", "rotated box", "circle", "ellipse"]

_SAME = 1e-6
"""Pixels that corners may be off."""
_SAME_ELLIPSE = 0.05


def bridged_rings(region: Region) -> list[Points]:
    """One ring a part, open; its holes are joined to it by bridges of no width.

    The order of the holes and where they begin does not matter, so that what is read is written as it was.
    """
    return [join_rings([open_ring(part.exterior), *_sorted_holes(part)]) for part in region.geoms]


def _sorted_holes(part: Polygon) -> list[Points]:
    holes = []
    for interior in part.interiors:
        points = open_ring(interior)
        first = int(np.lexsort((points[:, 1], points[:, 0]))[0])
        holes.append(np.roll(points, -first, axis=0))
    return sorted(holes, key=lambda points: (points[0].tolist(), len(points)))


def open_ring(ring: shapely.LinearRing) -> Points:
    """(N, 2) vertices of a ring, none repeated."""
    return convert.open_ring(np.asarray(ring.coords, dtype=np.float64))


def has_holes(region: Region) -> bool:
    """Whether a part has a hole."""
    return any(len(part.interiors) for part in region.geoms)


def from_bridged(points: Points) -> Region:
    """The inside of a ring, whose bridges are removed as they were added. Raises ``ShapeError``."""
    if len(points) >= 8 and len(np.unique(points, axis=0)) < len(points) - 1:
        rings = split_ring(points)
        if len(rings) > 1:
            shell = max(rings, key=lambda ring: Polygon(ring).area)
            part = Polygon(shell, [ring for ring in rings if ring is not shell])
            if shapely.is_valid(part):
                return regions.from_polygons([part])
    return convert.polygon(points)


def simple_shape(record: InstanceRecord) -> Simple | None:
    """The simple shape that a region was made of and still is; None: it is another."""
    was = dict(record.attributes).get(SHAPE)
    region = record.region
    if len(region.geoms) != 1 or region.geoms[0].interiors:
        return None
    if was == "box" and len(region.geoms[0].exterior.coords) == 5 and _is_upright(region):
        return "box"
    if was == "rotated box" and corners(region) is not None:
        return "rotated box"
    if was in ("circle", "ellipse") and axes(region) is not None:
        return "circle" if was == "circle" else "ellipse"
    return None


def _is_upright(region: Region) -> bool:
    x0, y0, x1, y1 = region.bounds
    return bool(abs(region.area - (x1 - x0) * (y1 - y0)) <= _SAME * max(1.0, x1 - x0, y1 - y0))


def corners(region: Region) -> Points | None:
    """The (4, 2) corners of a rectangle, clockwise as seen; None: it is none."""
    points = open_ring(region.geoms[0].exterior)
    if len(points) != 4:
        return None
    a, b = points[1] - points[0], points[3] - points[0]
    if np.abs(points[0] + a + b - points[2]).max() > _SAME or a[0] * b[1] - a[1] * b[0] <= 0:
        return None
    square = abs(float(a @ b)) <= _SAME * float(np.hypot(*a) * np.hypot(*b) + 1.0)
    return points if square else None


def axes(region: Region) -> tuple[float, float, float, float] | None:
    """Centre and radii of an upright ellipse, pixels to 6 decimals; None: it is none."""
    x0, y0, x1, y1 = region.bounds
    x, y, rx, ry = (round(v, 6) for v in ((x0 + x1) / 2, (y0 + y1) / 2, (x1 - x0) / 2, (y1 - y0) / 2))
    if min(rx, ry) <= 0:
        return None
    like = convert.ellipse(x, y, rx, ry)
    return (x, y, rx, ry) if region.hausdorff_distance(like) <= _SAME_ELLIPSE else None


def is_mask(record: InstanceRecord, width: int, height: int) -> bool:
    """Whether a region was a mask of pixels and still is what such a mask is outlined by."""
    if dict(record.attributes).get(SHAPE) != "mask":
        return False
    mask, x, y = masks.to_mask(record.region, width, height)
    return bool(mask.size) and masks.from_mask(mask, x, y).normalize().equals_exact(record.region.normalize())


def with_shape(attributes: Attributes, shape: str) -> Attributes:
    """The attributes with the simple shape, if it is one, or with "mask"."""
    if shape not in ("box", "rotated box", "circle", "ellipse", "mask"):
        return attributes
    return tuple(sorted({**dict(attributes), SHAPE: shape}.items()))


def finite_corner(value: float) -> float:
    """Degrees in 0..360, rounded so that they are the same when they are computed again."""
    turned = round(math.degrees(value) % 360.0, 6)
    return 0.0 if turned == 360.0 else turned


@dataclass(frozen=True)
class Kept:
    """What a writer made of one instance.

    Attributes:
        iou: As ``WrittenInstance.iou``.
        losses: What was lost.
        written: Whether it is in the file.
    """

    iou: float | None = 1.0
    losses: tuple[Loss, ...] = ()
    written: bool = True


def written(record: InstanceRecord, kept: Kept) -> WrittenInstance:
    """The row of an instance in the report."""
    bounds = record.region.bounds
    box = tuple(float(v) for v in bounds) if len(bounds) == 4 else (0.0, 0.0, 0.0, 0.0)
    x0, y0, x1, y1 = box
    return WrittenInstance(
        annotation_id=record.annotation_id,
        label=record.label,
        written=kept.written,
        iou=kept.iou if kept.written else None,
        losses=kept.losses,
        box=(x0, y0, x1, y1),
        area=float(record.region.area),
    )


def read_back(record: InstanceRecord, read: Callable[[], Sequence[Region]]) -> float:
    """IoU of a region and of what is read from its written shapes."""
    try:
        return regions.iou(record.region, convert.union(list(read())))
    except convert.ShapeError:
        return 0.0
