"""Makes regions of the shapes of other programs. Coordinates are image pixels.

| shape | region |
|---|---|
| polygon | its inside by the even-odd rule: crossings are repaired, holes behind a bridge are holes |
| rings, polygons of one object | the union of the polygons; the odd inside of rings |
| box, rotated box | the rectangle |
| circle, ellipse | a polygon within 0.02 pixels of it |
| line | a strip, 10 pixels wide, as labelme draws it into a mask |
| points | discs with a radius of 5 pixels, as labelme draws them |
| keypoints | the box around them |

All raise ``ShapeError`` for what is not finite, too far away, too long or without area.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString, MultiPoint

from samdesk.domain.geometry import regions
from samdesk.domain.geometry.types import Region
from samdesk.formats.yolo import fill

LINE_WIDTH = 10.0
"""Pixels; labelme's ``shape_to_mask`` has the same."""
POINT_RADIUS = 5.0
"""Pixels, as ``LINE_WIDTH``."""
FARTHEST = 1e6
"""A vertex farther away, in pixels, is none of an image."""
MOST_VERTICES = 1_000_000
"""Of one shape."""

_ARC_TOLERANCE = 0.02
_MOST_ARC_STEPS = 360

Points = NDArray[np.float64]
"""(N, 2) x and y."""


class ShapeError(ValueError):
    """A shape cannot be made a region; the message is for the user and follows the name of the record."""


def number(value: Any, what: str = "a coordinate") -> float:
    """Returns a number of a file. Raises ``ShapeError`` if it is none, not finite or too large."""
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise ShapeError(f"{what} is not a number")
    if not -FARTHEST <= value <= FARTHEST:  # NaN is in no interval
        raise ShapeError(f"{what} is not finite or too large")
    return float(value)


def point_list(pairs: Any) -> Points:
    """Returns (N, 2) points of a list of pairs [x, y]. Raises ``ShapeError``."""
    if not isinstance(pairs, list | tuple) or not pairs:
        raise ShapeError("it has no points")
    if len(pairs) > MOST_VERTICES:
        raise ShapeError(f"it has more than {MOST_VERTICES:,} points")
    if not all(isinstance(pair, list | tuple) and len(pair) == 2 for pair in pairs):
        raise ShapeError("its points are not pairs of numbers")
    return _finite([value for pair in pairs for value in pair])


def flat_list(values: Any) -> Points:
    """Returns (N, 2) points of a list x0, y0, x1, y1, ... Raises ``ShapeError``."""
    if not isinstance(values, list | tuple) or not values:
        raise ShapeError("it has no points")
    if len(values) > 2 * MOST_VERTICES:
        raise ShapeError(f"it has more than {MOST_VERTICES:,} points")
    if len(values) % 2:
        raise ShapeError("it has an odd number of coordinates")
    return _finite(values)


def _finite(values: Sequence[Any]) -> Points:
    if not all(type(value) in (int, float) for value in values):
        raise ShapeError("its points are not numbers")
    try:
        points = np.array(values, dtype=np.float64).reshape(-1, 2)
    except OverflowError as error:  # an integer of hundreds of digits
        raise ShapeError("a coordinate is not finite or too large") from error
    if not (np.abs(points) <= FARTHEST).all():
        raise ShapeError("a coordinate is not finite or too large")
    return points


def polygon(points: Points) -> Region:
    """The inside of one ring, open or closed. Raises ``ShapeError``."""
    return rings([points])


def rings(several: Iterable[Points]) -> Region:
    """What is inside an odd number of rings: outlines with their holes. Raises ``ShapeError``.

    Rings that cross so often that this would take long are painted on pixels.
    """
    drawn = [ring for each in several if len(ring := open_ring(each)) >= 3]
    if not drawn:
        raise ShapeError("it has fewer than 3 points")
    region = fill.painted(drawn) if fill.is_tangled(drawn) else fill.even_odd(drawn)
    return _with_area(region)


def polygons(several: Iterable[Points]) -> Region:
    """The union of polygons of one object; those without area are left out. Raises ``ShapeError``."""
    parts = []
    reason = ShapeError("it has no points")
    for points in several:
        try:
            parts.append(polygon(points))
        except ShapeError as error:
            reason = error
    if not parts:
        raise reason
    return union(parts)


def union(parts: Sequence[Region]) -> Region:
    """The union of regions of one object. If they touch in points only, their vertices stay as they are."""
    if len(parts) == 1:
        return parts[0]
    together = regions.from_polygons(part for region in parts for part in region.geoms)
    return together if shapely.is_valid(together) else regions.clean(shapely.union_all(list(parts)))


def open_ring(points: Points) -> Points:
    """A ring without vertices that repeat the one before, and without its first vertex at its end."""
    if len(points) > 1:
        points = points[np.any(points != np.roll(points, -1, axis=0), axis=1)]
    return points


def box(x0: float, y0: float, x1: float, y1: float) -> Region:
    """An upright rectangle between two corners. Raises ``ShapeError``."""
    return _with_area(regions.from_box(*(number(value) for value in (x0, y0, x1, y1))))


def rotated_box(x: float, y: float, width: float, height: float, degrees: float) -> Region:
    """A rectangle around its centre x, y, turned clockwise as seen in the image. Raises ``ShapeError``."""
    x, y, width, height = (number(value) for value in (x, y, width, height))
    half = np.array([[-width, -height], [width, -height], [width, height], [-width, height]]) / 2
    return polygon(turned(half, degrees) + np.array([x, y]))


def turned(points: Points, degrees: float) -> Points:
    """Points turned clockwise, as seen in the image, around the origin; exact for quarter turns."""
    degrees = number(degrees, "the rotation") % 360.0
    if degrees % 90.0 == 0.0:
        quarter = int(degrees // 90)
        cos, sin = ((1.0, 0.0), (0.0, 1.0), (-1.0, 0.0), (0.0, -1.0))[quarter]
    else:
        cos, sin = math.cos(math.radians(degrees)), math.sin(math.radians(degrees))
    moved: Points = points @ np.array([[cos, sin], [-sin, cos]])
    return moved


def ellipse(x: float, y: float, rx: float, ry: float, degrees: float = 0.0) -> Region:
    """An ellipse around x, y, turned clockwise. Its outermost points are vertices. Raises ``ShapeError``."""
    x, y, rx, ry = (number(value) for value in (x, y, rx, ry))
    rx, ry = abs(rx), abs(ry)
    largest = max(rx, ry)
    if min(rx, ry) == 0.0:
        raise ShapeError("it has no area")
    bend = math.acos(max(0.0, 1.0 - _ARC_TOLERANCE / largest))
    steps = 4 * min(_MOST_ARC_STEPS // 4, max(4, math.ceil(math.pi / bend / 4)))
    angles = np.arange(steps) * (2 * math.pi / steps)
    unit = np.column_stack([np.cos(angles), np.sin(angles)])
    unit[np.abs(unit) < 1e-12] = 0.0
    return polygon(turned(unit * [rx, ry], degrees) + np.array([x, y]))


def circle(center: Sequence[float], edge: Sequence[float]) -> Region:
    """A circle around a point through another. Raises ``ShapeError``."""
    radius = math.dist(center, edge)
    return ellipse(center[0], center[1], radius, radius)


def line(points: Points, width: float = LINE_WIDTH) -> Region:
    """A strip along a line of points, flat at its ends. Raises ``ShapeError``."""
    if len(np.unique(points, axis=0)) < 2:
        raise ShapeError("it is a line of one point")
    strip = shapely.buffer(LineString(points), width / 2, cap_style="flat", join_style="mitre")
    return _with_area(regions.clean(strip))


def dots(points: Points, radius: float = POINT_RADIUS) -> Region:
    """A disc around each point. Raises ``ShapeError``."""
    return _with_area(regions.clean(shapely.buffer(MultiPoint(points), radius)))


def keypoints(points: Points) -> Region:
    """The box around points; where they lie in a line, as wide as a point. Raises ``ShapeError``."""
    if not len(points):
        raise ShapeError("it has no visible keypoint")
    (x0, y0), (x1, y1) = points.min(axis=0).tolist(), points.max(axis=0).tolist()
    dx, dy = (0.0 if low < high else POINT_RADIUS for low, high in ((x0, x1), (y0, y1)))
    return box(x0 - dx, y0 - dy, x1 + dx, y1 + dy)


def on_image(region: Region, width: int, height: int) -> Region:
    """The part of a region that is on the image. Raises ``ShapeError`` if there is none."""
    clipped = regions.clip(region, width, height)
    if not regions.is_drawable(clipped):
        raise ShapeError("it lies outside the image")
    return clipped


def _with_area(region: Region) -> Region:
    if not regions.is_drawable(region):
        raise ShapeError("it has no area")
    return region
