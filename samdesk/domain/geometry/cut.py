"""Cuts regions into pieces by a line.

The pieces share their vertices along the cut: no gap, no overlap, and their union is the region.

Where a line does not divide a part because an end of it stops inside, that end is extended straight to
where it leaves the part, if that is no farther than the line has already run inside it: whoever draws
most of the way across means to cut. A shorter stroke cuts nothing.

Pieces below ``SMALLEST_PIECE``, which a line along the outline makes, stay with their neighbour.

Parts that the line does not separate stay in one piece: a region in two parts, both crossed, falls into
two, one on either side; a part beside the line goes with the nearest piece; a line between two parts
separates them.
"""

from __future__ import annotations

from collections.abc import Sequence
from itertools import product

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from shapely.geometry import LineString, MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from samdesk.domain.geometry import boolean
from samdesk.domain.geometry.types import Region

SMALLEST_PIECE = 4.0
"""Square pixels."""
_TAIL = 8.0
"""Pixels of a line from which the direction of its end is taken."""
_BESIDE = 0.25
"""Pixels from the line at which its two sides are told apart."""

Points = NDArray[np.float64]


def cut(region: Region, points: ArrayLike) -> tuple[Region, ...] | None:
    """Cuts a region along a line.

    Args:
        region: What to cut.
        points: (N, 2) x and y of the line, image pixels.

    Returns:
        Two pieces or more, the largest first; None if the line does not separate anything.
    """
    line = _line(points)
    if line is None or region.is_empty:
        return None
    lines, pieces = zip(*(_divided(part, line) for part in shapely.get_parts(region)), strict=True)
    groups = _grouped(pieces, shapely.union_all(lines))
    if len(groups) < 2:
        return None
    cut_regions = [boolean.as_region(MultiPolygon(group)) for group in groups]
    return tuple(sorted(cut_regions, key=lambda piece: -piece.area))


def _line(points: ArrayLike) -> LineString | None:
    line = np.asarray(points, dtype=np.float64).reshape(-1, 2)
    if len(line) < 2 or not np.ptp(line, axis=0).any():
        return None
    return LineString(line)


def _divided(part: Polygon, line: LineString) -> tuple[LineString, list[Polygon]]:
    """The pieces of a part, and the line that divides it, extended if need be."""
    if not shapely.intersects(part, line):
        return line, [part]
    pieces = _pieces(part, line)
    if len(pieces) > 1:
        return line, pieces
    line = _extended(line, part)
    return line, _pieces(part, line)


def _extended(line: LineString, part: Polygon) -> LineString:
    """The line, each end of it that stops inside the part extended to where it leaves the part."""
    points = shapely.get_coordinates(line)
    with np.errstate(all="ignore"):
        reach = shapely.length(shapely.intersection(line, part))
    head, tail = _way_out(points[::-1], part, reach), _way_out(points, part, reach)
    return LineString(np.vstack([p for p in (head, points, tail) if p is not None]))


def _way_out(points: Points, part: Polygon, reach: float) -> Points | None:
    """Where the end of a line, extended straight, has left a part; None if it ends outside, or too far."""
    end = points[-1]
    if not shapely.contains_xy(part, *end):
        return None
    back = points[np.hypot(*(points - end).T) >= _TAIL]
    start = back[-1] if len(back) else points[0]
    along = end - start
    length = float(np.hypot(*along))
    if length == 0:
        return None
    beyond = LineString([end, end + along / length * (reach + 1e-3)])
    with np.errstate(all="ignore"):
        inside = shapely.get_parts(shapely.intersection(beyond, part))
    first = inside[np.argmin(shapely.distance(inside, shapely.points(end)))]
    run = float(shapely.length(first))
    return None if run > reach else end + along / length * (run + 1e-3)


def _pieces(part: Polygon, line: LineString) -> list[Polygon]:
    """The polygons a line divides a part into; the part itself if it does not."""
    with np.errstate(all="ignore"):
        faces = shapely.get_parts(shapely.polygonize([shapely.union_all([part.boundary, line])]))
        shapely.prepare(part)
        faces = faces[shapely.contains(part, shapely.point_on_surface(faces))]
    return _without_slivers(list(faces)) if len(faces) > 1 else [part]


def _without_slivers(faces: Sequence[Polygon]) -> list[Polygon]:
    """Unites pieces that are too small with the neighbour they share the longest edge with."""
    pieces = sorted(faces, key=lambda piece: -piece.area)
    while len(pieces) > 1 and pieces[-1].area < SMALLEST_PIECE:
        small = pieces.pop()
        shared = [shapely.length(shapely.intersection(small, piece)) for piece in pieces]
        best = int(np.argmax(shared))
        united = shapely.get_parts(shapely.union(pieces[best], small))
        pieces[best] = united[int(np.argmax(shapely.area(united)))]
    return pieces


def _grouped(pieces: Sequence[list[Polygon]], drawn: BaseGeometry) -> list[list[Polygon]]:
    """Joins pieces of different parts that the line does not separate.

    Parts are visited from near to near; each piece of the next part joins the nearest piece of the part it
    is reached from, at most one piece to each, unless the line runs between them.
    """
    flat = [piece for cut in pieces for piece in cut]
    first = np.concatenate([[0], np.cumsum([len(cut) for cut in pieces])])
    group = np.arange(len(flat))
    clear = _clear_of(drawn, flat) if len(pieces) > 1 else np.empty(0)
    for one, other in _nearest_first(pieces):
        pairs = np.array(list(product(range(*first[one : one + 2]), range(*first[other : other + 2]))))
        links = shapely.shortest_line(clear[pairs[:, 0]], clear[pairs[:, 1]])
        joined: set[int] = set()
        for k in np.argsort(shapely.length(links), kind="stable"):
            a, b = pairs[k]
            if not (joined & {a, b} or shapely.intersects(drawn, links[k])):
                joined |= {a, b}
                group[group == group[b]] = group[a]
    return [[flat[i] for i in np.flatnonzero(group == number)] for number in np.unique(group)]


def _clear_of(drawn: BaseGeometry, pieces: Sequence[Polygon]) -> NDArray[np.object_]:
    """The pieces without the line itself, which all it divides would touch; prepared, as the line is."""
    shapely.prepare(drawn)
    clear = np.array([*pieces, None], dtype=object)[:-1]
    beside = shapely.intersects(drawn, clear)
    with np.errstate(all="ignore"):
        clear[beside] = shapely.difference(clear[beside], shapely.buffer(drawn, _BESIDE))
    gone = shapely.is_empty(clear)
    clear[gone] = np.array([*pieces, None], dtype=object)[:-1][gone]
    shapely.prepare(clear)
    return clear


def _nearest_first(pieces: Sequence[list[Polygon]]) -> list[tuple[int, int]]:
    """Pairs of parts that connect all of them over the smallest gaps between their boxes (Prim)."""
    boxes = np.array([shapely.total_bounds(cut) for cut in pieces])
    nearest, from_part = np.full(len(boxes), np.inf), np.zeros(len(boxes), dtype=np.int64)
    left, at, found = np.ones(len(boxes), dtype=np.bool_), 0, []
    left[0] = False
    while left.any():
        gaps = _gaps(boxes, boxes[at])
        closer = gaps < nearest
        nearest[closer], from_part[closer] = gaps[closer], at
        at = int(np.argmin(np.where(left, nearest, np.inf)))
        left[at] = False
        found.append((int(from_part[at]), at))
    return found


def _gaps(boxes: Points, box: Points) -> Points:
    across = np.maximum(np.maximum(boxes[:, 0] - box[2], box[0] - boxes[:, 2]), 0.0)
    down = np.maximum(np.maximum(boxes[:, 1] - box[3], box[1] - boxes[:, 3]), 0.0)
    gaps: Points = np.hypot(across, down)
    return gaps
