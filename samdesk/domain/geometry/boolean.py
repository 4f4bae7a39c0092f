"""Combines regions: union, difference, intersection.

Regions in, regions out: valid, holes and parts kept, nothing of the inputs changed. What only
rounding would leave, parts and holes below ``SLIVER_AREA``, is dropped.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import shapely
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from samdesk.domain.geometry import regions
from samdesk.domain.geometry.types import Region

SLIVER_AREA = 1e-3
"""Square pixels: a part or a hole below this comes of rounding."""


def union(*parts: Region) -> Region:
    """What is in any of the regions; parts that touch along an edge become one."""
    if len(parts) == 1:
        return parts[0]
    with np.errstate(all="ignore"):  # GEOS divides by what may be 0, and goes on
        return as_region(shapely.union_all(parts) if len(parts) != 2 else shapely.union(*parts))


def subtract(region: Region, *others: Region) -> Region:
    """What is in the region and in none of the others; ``EMPTY`` if nothing is left."""
    near = [other for other in others if _boxes_meet(region, other)]
    if not near:
        return region
    with np.errstate(all="ignore"):
        return as_region(shapely.difference(region, union(*near)))


def intersect(*parts: Region) -> Region:
    """What is in all of the regions; ``EMPTY`` if nothing is."""
    common = parts[0]
    with np.errstate(all="ignore"):
        for part in parts[1:]:
            common = as_region(shapely.intersection(common, part))
    return common


def overlaps(a: Region, b: Region) -> bool:
    """Whether two regions share an area; touching along an edge is not sharing."""
    if not _boxes_meet(a, b):
        return False
    with np.errstate(all="ignore"):
        return bool(shapely.intersection(a, b).area > SLIVER_AREA)


def as_region(geometry: BaseGeometry) -> Region:
    """The polygons of a valid geometry as a region, without slivers, lines and points.

    For results of shapely's set operations, which are valid; see ``regions.clean`` for others.
    """
    polygons = shapely.get_parts(shapely.get_parts(geometry))
    polygons = polygons[shapely.get_type_id(polygons) == shapely.GeometryType.POLYGON]
    areas = shapely.area(polygons)
    kept = [_without_sliver_holes(p) for p, area in zip(polygons, areas, strict=True) if area > SLIVER_AREA]
    return MultiPolygon(kept) if kept else regions.EMPTY


def _without_sliver_holes(polygon: Polygon) -> Polygon:
    if not polygon.interiors:
        return polygon
    return with_holes(polygon, [hole for hole in polygon.interiors if Polygon(hole).area > SLIVER_AREA])


def with_holes(polygon: Polygon, holes: Iterable[BaseGeometry]) -> Polygon:
    """A polygon with these holes, some of its own, in place of all of its own."""
    kept = list(holes)
    return polygon if len(kept) == len(polygon.interiors) else Polygon(polygon.exterior, kept)


def _boxes_meet(a: Region, b: Region) -> bool:
    if a.is_empty or b.is_empty:
        return False
    (ax0, ay0, ax1, ay1), (bx0, by0, bx1, by1) = a.bounds, b.bounds
    return bool(ax0 < bx1 and bx0 < ax1 and ay0 < by1 and by0 < ay1)
