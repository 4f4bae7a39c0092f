"""Moves, inserts and deletes the vertices of a region.

Coordinates are image pixels. A ring's vertices are numbered without its closing repeat.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
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


def move_vertices(
    region: Region, refs: Iterable[VertexRef], by: tuple[float, float], size: tuple[float, float]
) -> MultiPolygon:
    """The region with vertices moved, for a preview: it may be invalid, see ``regions.clean``.

    Args:
        region: The region.
        refs: Its vertices to move.
        by: How far, x and y, image pixels.
        size: Width and height of the image; no vertex leaves it.
    """

    def moved(points: _Points, chosen: list[int]) -> _Points:
        points = points.copy()
        points[chosen] = np.clip(points[chosen] + np.array(by), 0.0, np.array(size, np.float64))
        return points

    return _with_rings(region, refs, moved)


def vertices_in(region: Region, x0: float, y0: float, x1: float, y1: float) -> frozenset[VertexRef]:
    """The vertices in a rectangle, image pixels."""
    return frozenset(
        VertexRef(part, ring, int(i))
        for part, ring, points in _all_rings(region)
        for i in np.flatnonzero(((points >= (x0, y0)) & (points <= (x1, y1))).all(axis=1))
    )


def positions(region: Region, refs: Iterable[VertexRef], beside: int = 0) -> NDArray[np.float64]:
    """Where vertices are, (N, 2) image pixels, ring by ring; with ``beside`` neighbours on either side."""
    found = [np.zeros((0, 2))]
    for part, rings in _by_ring(refs).items():
        points = _rings(region.geoms[part])
        for ring, chosen in rings.items():
            around = np.array(chosen)[:, None] + np.arange(-beside, beside + 1)
            found.append(points[ring][around.ravel() % len(points[ring])])
    return np.concatenate(found)


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


def delete_vertices(region: Region, refs: Iterable[VertexRef]) -> Region | None:
    """The valid region without some vertices, as ``delete_vertex``; None if nothing is left."""
    left = regions.clean(_with_rings(region, refs, lambda points, chosen: np.delete(points, chosen, axis=0)))
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
    return _with_rings(region, [ref], lambda points, _chosen: change(points))


def _with_rings(
    region: Region, refs: Iterable[VertexRef], change: Callable[[_Points, list[int]], _Points]
) -> MultiPolygon:
    """The region with the rings of some vertices changed, given which of their vertices those are."""
    chosen = _by_ring(refs)
    parts: list[Polygon] = []
    for number, polygon in enumerate(region.geoms):
        if number not in chosen:
            parts.append(polygon)
            continue
        rings = _rings(polygon)
        for ring, indices in chosen[number].items():
            rings[ring] = change(rings[ring], indices)
        if len(rings[0]) >= 3:
            parts.append(Polygon(rings[0], [hole for hole in rings[1:] if len(hole) >= 3]))
    return MultiPolygon(parts)


def _by_ring(refs: Iterable[VertexRef]) -> dict[int, dict[int, list[int]]]:
    """Indices of vertices by part and ring."""
    found: dict[int, dict[int, list[int]]] = {}
    for ref in refs:
        found.setdefault(ref.part, {}).setdefault(ref.ring, []).append(ref.index)
    return found


def _rings(polygon: Polygon) -> list[_Points]:
    """The outer ring and the holes, each (N, 2) without the closing repeat."""
    return [np.asarray(ring.coords)[:-1, :2] for ring in (polygon.exterior, *polygon.interiors)]


def _all_rings(region: Region) -> list[tuple[int, int, _Points]]:
    return [
        (part, ring, points)
        for part, polygon in enumerate(region.geoms)
        for ring, points in enumerate(_rings(polygon))
    ]
