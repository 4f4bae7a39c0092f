"""Changes a stretch of an outline: redraws it, drags it softly, snaps it to the neighbours."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from shapely.geometry import LineString, MultiPolygon

from samdesk.domain.geometry import boolean, morphology, regions, vertices
from samdesk.domain.geometry.types import Region
from samdesk.domain.geometry.vertices import VertexRef

_MARGIN = 0.1
"""Pixels by which a gap may be wider than asked for, so that offsetting, which rounds, closes it for sure."""

Points = NDArray[np.float64]


def redraw(region: Region, points: ArrayLike, radius: float, width: float, height: float) -> Region | None:
    """Replaces a stretch of an outline by a line.

    Args:
        region: The region.
        points: (N, 2) x and y of the new line, image pixels, from where it leaves the outline to where it
            comes back; outwards or inwards.
        radius: How far from the outline the line may begin and end, pixels.
        width: Of the image, pixels.
        height: Of the image, pixels.

    Returns:
        The region; of the two stretches between the ends of the line, the one nearer to the line is
        replaced. None if an end is too far from the outline, if they are on different rings, or if nothing
        would be left.
    """
    line = np.asarray(points, dtype=np.float64).reshape(-1, 2)
    if len(line) < 2:
        return None
    begin = vertices.nearest_edge(region, line[0, 0], line[0, 1], radius)
    if begin is None:
        return None
    ref, at = begin
    ring = vertices.ring_of(region, ref)
    finish = _nearest_on_ring(ring, line[-1], radius)
    if finish is None:
        return None
    forward = _between(ring, (ref.index, np.array(at)), finish)
    backward = _between(ring, finish, (ref.index, np.array(at)))
    drawn = LineString(line)
    keep_backward = _mean_distance(forward, drawn) <= _mean_distance(backward, drawn)
    path = np.vstack([np.array(at)[None], line[1:-1], finish[1][None]])
    new = np.vstack([path, backward[1:-1]] if keep_backward else [path[::-1], forward[1:-1]])
    result = regions.clip(regions.clean(vertices.with_ring(region, ref, new)), width, height)
    return result if regions.is_drawable(result) else None


def _nearest_on_ring(ring: Points, at: Points, radius: float) -> tuple[int, Points] | None:
    feet = vertices.feet(ring, *at)
    distances = np.hypot(*(feet - at).T)
    index = int(np.argmin(distances))
    return (index, feet[index]) if distances[index] <= radius else None


def _between(ring: Points, start: tuple[int, Points], end: tuple[int, Points]) -> Points:
    """The stretch of a ring from one place to another in its direction, each (edge, position on it)."""
    (i, at), (j, to) = start, end
    ahead = np.hypot(*(to - ring[i])) >= np.hypot(*(at - ring[i]))
    count = (j - i) % len(ring)
    if count == 0 and not ahead:
        count = len(ring)
    return np.vstack([at[None], ring[(i + 1 + np.arange(count)) % len(ring)], to[None]])


def _mean_distance(stretch: Points, line: LineString) -> float:
    """The mean distance of a stretch of outline and a line from each other."""
    along, at = LineString(stretch), np.linspace(0, 1, 64)
    there = shapely.distance(shapely.line_interpolate_point(along, at, normalized=True), line)
    back = shapely.distance(shapely.line_interpolate_point(line, at, normalized=True), along)
    return float(there.mean() + back.mean())


def soft_move(region: Region, ref: VertexRef, x: float, y: float, reach: float) -> MultiPolygon:
    """Drags a vertex to (x, y) and its ring along with it, ever less up to ``reach`` pixels along the ring.

    For a preview: the result may be invalid or leave the image, see ``regions.clean`` and ``regions.clip``.
    Long edges within reach get vertices first, so that they bend, too.
    """
    ring = vertices.ring_of(region, ref)
    dense, at = _denser(np.roll(ring, -ref.index, axis=0), reach)
    moved = dense + _falloff(at, reach)[:, None] * (np.array([x, y]) - dense[0])
    return vertices.with_ring(region, ref, moved)


def _denser(ring: Points, reach: float) -> tuple[Points, Points]:
    """A ring with vertices at most ``reach / 8`` apart near its first, and their distances from it."""
    closed = np.vstack([ring, ring[:1]])
    at = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(closed, axis=0).T))])
    around = float(at[-1])
    step = max(reach / 8, 0.5)
    near = np.arange(step, min(reach, around / 2), step)
    where = np.unique(np.concatenate([at[:-1], near, around - near]))
    dense = np.column_stack([np.interp(where, at, closed[:, axis]) for axis in (0, 1)])
    return dense, np.minimum(where, around - where)


def _falloff(distance: Points, reach: float) -> Points:
    inside = np.clip(distance / max(reach, 1e-9), 0, 1)
    weights: Points = (1 + np.cos(np.pi * inside)) / 2
    return weights


def snap(
    region: Region, neighbours: Sequence[Region], distance: float, width: float, height: float
) -> Region:
    """Moves the outline onto the neighbours' edges where it is near them: no gap and no overlap there.

    Args:
        region: The region to change; the neighbours keep what they have.
        neighbours: The regions to snap to.
        distance: Gaps up to this many pixels are closed.
        width: Of the image, pixels.
        height: Of the image, pixels.

    Returns:
        The region; ``EMPTY`` if it lies inside the neighbours.
    """
    own = boolean.subtract(region, *neighbours)
    if own.is_empty:
        return own
    near = [n for n in neighbours if shapely.dwithin(n, own, distance)]
    if not near:
        return own
    others = boolean.union(*near)
    frame = _frame(own, others, distance)
    with np.errstate(all="ignore"):
        a, b = boolean.intersect(own, frame), boolean.intersect(others, frame)
        half = distance / 2 + _MARGIN
        both = boolean.union(morphology.offset(a, half), morphology.offset(b, half))
        between = boolean.intersect(morphology.offset(a, distance), morphology.offset(b, distance))
        seam = boolean.subtract(boolean.intersect(morphology.offset(both, -half), between), others)
    grown = boolean.union(own, regions.clip(seam, width, height))
    return boolean.subtract(_attached(grown, own), *near)


def _frame(own: Region, others: Region, distance: float) -> Region:
    """The part of the image in which the two are near each other."""
    (ax0, ay0, ax1, ay1), (bx0, by0, bx1, by1) = own.bounds, others.bounds
    room = 4 * distance
    return shapely.box(max(ax0, bx0) - room, max(ay0, by0) - room, min(ax1, bx1) + room, min(ay1, by1) + room)


def _attached(grown: Region, own: Region) -> Region:
    """The parts that contain some of the region: a sliver of seam by itself is none of it."""
    parts = shapely.get_parts(grown)
    with np.errstate(all="ignore"):
        kept = shapely.area(shapely.intersection(parts, own)) > boolean.SLIVER_AREA
    return MultiPolygon(list(parts[kept]))
