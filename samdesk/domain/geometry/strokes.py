"""Brush strokes and lassos as regions, and what they add to a region or take from it.

A stroke is everything within its radius of a line: the buffered line. Round ends are polygons that
deviate from the circle by at most ``ROUND_WITHIN``.
"""

from __future__ import annotations

import math

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from samdesk.domain.geometry import boolean, regions
from samdesk.domain.geometry.types import Region

ROUND_WITHIN = 0.1
"""Maximum deviation of a round end from the circle, pixels."""
LINE_WITHIN = 0.05
"""Maximum deviation of the line that ``stroke`` follows from the one it is given, pixels."""
BEND_WITHIN = 0.02
"""Maximum deviation on the inner side of bends, in radii: GEOS leaves out points there."""
SMALLEST_RADIUS = 0.5
"""Pixels: a brush of one pixel's width."""

_FEWEST, _MOST = 4, 32
"""Segments of a quarter circle."""

_CHUNK = 8
"""Segments of a line that are buffered together."""

Points = NDArray[np.float64]
Pieces = NDArray[np.object_]


def stroke(points: ArrayLike, radius: float | ArrayLike, width: float, height: float) -> Region:
    """Everything within ``radius`` of a line, clipped to the image.

    Args:
        points: (N, 2) x and y, image pixels. One point makes a disc.
        radius: Pixels; (N,) for a stroke that varies along the line, as with a pen.
        width: Of the image, pixels.
        height: Of the image, pixels.

    Returns:
        The region; ``EMPTY`` without a point, or if the stroke lies outside the image.
    """
    line = np.asarray(points, dtype=np.float64).reshape(-1, 2)
    if not len(line):
        return regions.EMPTY
    with np.errstate(all="ignore"):
        pieces = _varying(line, radius) if np.ndim(radius) else _even(line, float(np.asarray(radius)))
        whole = boolean.as_region(shapely.union_all(pieces))
    return regions.clip(whole, width, height)


def paint(region: Region, stroke: Region) -> Region:
    """The region with a stroke or lasso added."""
    return boolean.union(region, stroke) if regions.is_drawable(stroke) else region


def erase(region: Region, stroke: Region) -> Region:
    """The region without a stroke or lasso; ``EMPTY`` if nothing is left."""
    return boolean.subtract(region, stroke)


def lasso(points: ArrayLike, width: float, height: float) -> Region:
    """The inside of a freehand outline, clipped to the image; ``EMPTY`` if it encloses nothing.

    Args:
        points: (N, 2) x and y, image pixels; the end is joined to the start.
        width: Of the image, pixels.
        height: Of the image, pixels.

    What the outline goes around at all is inside, so that it may cross itself: an end that overshoots
    the start adds a loop instead of a hole.
    """
    ring = np.asarray(points, dtype=np.float64).reshape(-1, 2)
    if len(ring) < 3:
        return regions.EMPTY
    closed = shapely.linestrings(np.vstack([ring, ring[:1]]))
    with np.errstate(all="ignore"):
        faces = shapely.get_parts(shapely.polygonize([shapely.node(closed)]))
        if not len(faces):
            return regions.EMPTY
        inside = _winding(ring, shapely.get_coordinates(shapely.point_on_surface(faces))) != 0
        whole = boolean.as_region(shapely.union_all(faces[inside]))
    return regions.clip(whole, width, height)


def _even(line: Points, radius: float) -> Pieces:
    """A stroke of one radius in pieces of a few points: much faster than the line as a whole."""
    radius = max(radius, SMALLEST_RADIUS)
    fewer = (
        shapely.get_coordinates(shapely.simplify(shapely.linestrings(line), LINE_WITHIN))
        if len(line) > 1
        else line
    )
    if len(fewer) < 2 or not np.ptp(fewer, axis=0).any():
        return _discs(line[:1], np.array([radius]))
    starts = range(0, len(fewer) - 1, _CHUNK)
    lines = np.array([shapely.linestrings(fewer[i : i + _CHUNK + 1]) for i in starts])
    pieces: Pieces = shapely.buffer(lines, radius, quad_segs=_segments(radius))
    return pieces


def _varying(line: Points, radius: ArrayLike) -> Pieces:
    """A stroke whose radius varies: the hulls of the discs at each two points that follow each other."""
    radii = np.maximum(np.asarray(radius, dtype=np.float64), SMALLEST_RADIUS)
    discs = _discs(line, radii)
    if len(discs) < 2:
        return discs
    pairs = [shapely.multipolygons(discs[i : i + 2]) for i in range(len(discs) - 1)]
    hulls: Pieces = shapely.convex_hull(pairs)
    return hulls


def _discs(at: Points, radii: Points) -> Pieces:
    segments = max(_segments(float(radius)) for radius in radii)
    discs: Pieces = shapely.buffer(shapely.points(at), radii, quad_segs=segments)
    return discs


def _segments(radius: float) -> int:
    """Segments of a quarter circle that keep within ``ROUND_WITHIN`` of it."""
    half = math.acos(max(1.0 - ROUND_WITHIN / radius, 0.0))
    return min(max(math.ceil(math.pi / 4 / half), _FEWEST), _MOST)


def _winding(ring: Points, at: Points) -> NDArray[np.int64]:
    """How often a ring goes around each of (N, 2) points; (N,)."""
    a, b = ring, np.roll(ring, -1, axis=0)
    turns = np.zeros(len(at), dtype=np.int64)
    for i, (x, y) in enumerate(at):
        side = (b[:, 0] - a[:, 0]) * (y - a[:, 1]) - (x - a[:, 0]) * (b[:, 1] - a[:, 1])
        up, down = (a[:, 1] <= y) & (b[:, 1] > y), (a[:, 1] > y) & (b[:, 1] <= y)
        turns[i] = np.count_nonzero(up & (side > 0)) - np.count_nonzero(down & (side < 0))
    return turns
