"""Corrections without a model or a brush: dragging vertices, and clicking a new polygon."""

from __future__ import annotations

from collections.abc import Callable, Iterable

import numpy as np
import shapely
from shapely.geometry import Polygon

from samdesk.bench.effort.patch import Points
from samdesk.domain.geometry import regions
from samdesk.domain.geometry.types import Region

_TOLERANCES = tuple(0.4 * 1.3**i for i in range(18, -1, -1))
_TRIED_VERTICES = 6


def fewest_vertices(target: Region, goal: float) -> Region | None:
    """The polygon of fewest vertices by which a person could outline an object; None if none reaches it.

    An object in several parts is outlined part by part.
    """
    for tolerance in _TOLERANCES:
        simple = _without_small_parts(regions.clean(shapely.simplify(target, tolerance)), goal)
        if not simple.is_empty and regions.iou(simple, target) >= goal:
            return simple
    return None


def clicks_of(polygon: Region) -> int:
    """Clicks to draw a polygon and to close it; a hole or a further part takes the tool or a key again."""
    vertices = sum(len(ring.coords) - 1 for p in polygon.geoms for ring in (p.exterior, *p.interiors))
    rings = sum(1 + len(p.interiors) for p in polygon.geoms)
    return vertices + rings + (rings - 1)


def clicked(polygon: Region, click: Callable[[Points], Points]) -> Region:
    """A polygon whose vertices land where the clicks land."""

    def ring(coords: Iterable[object]) -> Points:
        return click(np.asarray(list(coords), np.float64)[:-1])

    parts = [Polygon(ring(p.exterior.coords), [ring(r.coords) for r in p.interiors]) for p in polygon.geoms]
    return regions.clean(shapely.union_all([regions.clean(p) for p in parts]))


def best_drag(region: Region, target: Region) -> tuple[Region, float] | None:
    """The drag of one vertex onto the object's outline that helps most; the region after it and its IoU."""
    part, *others = sorted(region.geoms, key=lambda p: -p.area)
    ring: Points = np.asarray(part.exterior.coords)[:-1]
    outline = shapely.boundary(target)
    distances = shapely.distance(shapely.points(ring), outline)
    best: tuple[Region, float] | None = None
    for i in np.argsort(-distances, kind="stable")[:_TRIED_VERTICES]:
        onto = shapely.shortest_line(shapely.points(ring[i]), outline)
        moved = ring.copy()
        moved[i] = shapely.get_coordinates(onto)[-1]
        dragged = regions.clean(Polygon(moved, [r.coords for r in part.interiors]))
        changed = regions.clean(shapely.union_all([dragged, *others]))
        reached = regions.iou(changed, target)
        if best is None or reached > best[1]:
            best = changed, reached
    return best


def _without_small_parts(region: Region, goal: float) -> Region:
    """Leaves out parts and holes as long as the rest may still reach the goal."""
    spare = (1.0 - goal) * 0.4 * region.area
    parts: list[Polygon] = []
    for polygon in sorted(region.geoms, key=lambda p: -p.area):
        holes = [hole for hole in polygon.interiors if Polygon(hole).area > spare]
        if not parts or polygon.area > spare:
            parts.append(Polygon(polygon.exterior, holes))
    return regions.from_polygons(parts)
