"""Moves, inserts and deletes the vertices of a region.

Coordinates are image pixels. A ring's vertices are numbered without its closing repeat.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray
from shapely.geometry import MultiPolygon, Polygon

from samdesk.domain.geometry import regions
from samdesk.domain.geometry.types import Region

_Points: TypeAlias = NDArray[np.float64]
_Change: TypeAlias = Callable[[_Points], _Points]


@dataclass(frozen=True)
class VertexRef:
    """One vertex of a region.

    Attributes:
        part: Which polygon of the region.
        ring: 0 the outer ring, 1 and on its holes.
        index: Which vertex of the ring.
    """

    part: int
    ring: int
    index: int


def nearest_edge(
    region: Region, x: float, y: float, radius: float
) -> tuple[VertexRef, tuple[float, float]] | None:
    """The position on the outline nearest to a point, if it is within ``radius``.

    Returns the vertex after which a new one would be inserted, and the position.
    """
    best = radius
    found: tuple[VertexRef, tuple[float, float]] | None = None
    for part, ring, points in _all_rings(region):
        near = feet(points, x, y)
        distances = np.hypot(near[:, 0] - x, near[:, 1] - y)
        index = int(np.argmin(distances))
        if distances[index] <= best:
            best = float(distances[index])
            found = VertexRef(part, ring, index), (float(near[index, 0]), float(near[index, 1]))
    return found


def feet(points: _Points, x: float, y: float) -> _Points:
    """For every edge of a ring, (N, 2) without its closing repeat, its point nearest to (x, y): (N, 2)."""
    along = np.roll(points, -1, axis=0) - points
    length2 = np.maximum((along**2).sum(axis=1), 1e-12)
    t = ((np.array([x, y]) - points) * along).sum(axis=1) / length2
    nearest: _Points = points + np.clip(t, 0, 1)[:, None] * along
    return nearest


def move_vertex(region: Region, ref: VertexRef, x: float, y: float) -> MultiPolygon:
    """The region with one vertex moved, for a preview: it may be invalid, see ``regions.clean``."""

    def moved(points: _Points) -> _Points:
        points = points.copy()
        points[ref.index] = (x, y)
        return points

    return _with_ring(region, ref, moved)


def insert_vertex(region: Region, ref: VertexRef, x: float, y: float) -> tuple[MultiPolygon, VertexRef]:
    """The region with a vertex inserted after ``ref``, and a reference to it.

    It may be invalid if the new vertex is off its edge, see ``regions.clean``.
    """
    grown = _with_ring(region, ref, lambda points: np.insert(points, ref.index + 1, (x, y), axis=0))
    return grown, VertexRef(ref.part, ref.ring, ref.index + 1)


def delete_vertex(region: Region, ref: VertexRef) -> Region | None:
    """The valid region without one vertex; None if nothing is left.

    A ring of three vertices is removed as a whole: a hole is filled, a part is dropped.
    """
    left = regions.clean(_with_ring(region, ref, lambda points: np.delete(points, ref.index, axis=0)))
    return left if regions.is_drawable(left) else None


def ring_of(region: Region, ref: VertexRef) -> NDArray[np.float64]:
    """The vertices of the ring that ``ref`` is on, (N, 2)."""
    return _rings(region.geoms[ref.part])[ref.ring]


def with_ring(region: Region, ref: VertexRef, points: NDArray[np.float64]) -> MultiPolygon:
    """The region with the ring that ``ref`` is on replaced by (N, 2) points: it may be invalid.

    A ring of fewer than three points is removed.
    """
    return _with_ring(region, ref, lambda _: points)


def _with_ring(region: Region, ref: VertexRef, change: _Change) -> MultiPolygon:
    parts: list[Polygon] = []
    for number, polygon in enumerate(region.geoms):
        if number != ref.part:
            parts.append(polygon)
            continue
        rings = _rings(polygon)
        rings[ref.ring] = change(rings[ref.ring])
        if len(rings[0]) >= 3:
            parts.append(Polygon(rings[0], [hole for hole in rings[1:] if len(hole) >= 3]))
    return MultiPolygon(parts)


def _rings(polygon: Polygon) -> list[_Points]:
    """The outer ring and the holes, each (N, 2) without the closing repeat."""
    return [np.asarray(ring.coords)[:-1, :2] for ring in (polygon.exterior, *polygon.interiors)]


def _all_rings(region: Region) -> list[tuple[int, int, _Points]]:
    return [
        (part, ring, points)
        for part, polygon in enumerate(region.geoms)
        for ring, points in enumerate(_rings(polygon))
    ]
