"""Brush strokes and lassos as regions, and what they add to a region or take from it.

A stroke is everything within its radius of a line: the buffered line. It is put together from the
pieces between two points, so that a brush that follows the mouse adds one small piece per event.
Round ends are polygons that deviate from the circle by at most ``ROUND_WITHIN``.
"""

from __future__ import annotations

import math

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from shapely.geometry.base import BaseGeometry

from samdesk.domain.geometry import boolean, regions
from samdesk.domain.geometry.types import Region

ROUND_WITHIN = 0.1
"""Maximum deviation of a round end from the circle, pixels."""
LINE_WITHIN = 0.05
"""Maximum deviation of the line that ``stroke`` follows from the one it is given, pixels."""
SMALLEST_RADIUS = 0.5
"""Pixels: a brush of one pixel's width."""

_FEWEST, _MOST = 4, 32
"""Segments of a quarter circle."""

Points = NDArray[np.float64]


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
    if np.ndim(radius) == 0:
        line = _fewer(line)
    radii = np.broadcast_to(np.maximum(np.asarray(radius, dtype=np.float64), SMALLEST_RADIUS), len(line))
    pieces = [_piece(line[max(i - 1, 0)], radii[max(i - 1, 0)], line[i], radii[i]) for i in range(len(line))]
    with np.errstate(all="ignore"):
        whole = boolean.as_region(shapely.union_all(pieces[1:] or pieces))
    return regions.clip(whole, width, height)


class StrokeBuilder:
    """A stroke that follows the mouse: one point at a time, each at the cost of one small piece.

    While the mouse moves, a brush unites each piece with what it shows (``paint``, ``erase``); on release
    it combines ``region`` with what was there before, which leaves fewer vertices than all the pieces do.
    """

    def __init__(self, width: float, height: float) -> None:
        self._width, self._height = width, height
        self._last: tuple[Points, float] | None = None
        self._unions: list[tuple[int, Region]] = []
        # (pieces united, their union), ever fewer pieces: each is united log n times at most

    def add(self, x: float, y: float, radius: float) -> Region:
        """Goes on to a point.

        Args:
            x: Image pixels; may lie outside the image.
            y: Image pixels.
            radius: Of the brush at this point, pixels.

        Returns:
            What this step adds, clipped to the image: a disc first, then everything between the last
            point and this one. ``EMPTY`` outside the image.
        """
        at, radius = np.array([x, y], dtype=np.float64), max(float(radius), SMALLEST_RADIUS)
        before, before_radius = self._last or (at, radius)
        self._last = (at, radius)
        piece = boolean.as_region(_piece(before, before_radius, at, radius))
        piece = regions.clip(piece, self._width, self._height)
        if regions.is_drawable(piece):
            self._keep(piece)
        return piece

    @property
    def region(self) -> Region:
        """The stroke so far; its outline deviates by at most ``LINE_WITHIN`` from that of the pieces."""
        whole = boolean.union(*(united for _, united in self._unions)) if self._unions else regions.EMPTY
        return boolean.as_region(shapely.simplify(whole, LINE_WITHIN))

    def _keep(self, piece: Region) -> None:
        count = 1
        while self._unions and self._unions[-1][0] <= count:
            more, united = self._unions.pop()
            count, piece = count + more, boolean.union(united, piece)
        self._unions.append((count, piece))


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


def _fewer(line: Points) -> Points:
    """The line without points that it hardly needs."""
    if len(line) < 3:
        return line
    fewer: Points = shapely.get_coordinates(shapely.simplify(shapely.linestrings(line), LINE_WITHIN))
    return fewer


def _piece(a: Points, a_radius: float, b: Points, b_radius: float) -> BaseGeometry:
    """Two discs and what lies between them."""
    if np.array_equal(a, b):
        return _disc(b, max(a_radius, b_radius))
    if a_radius == b_radius:
        return shapely.buffer(shapely.linestrings([a, b]), b_radius, quad_segs=_segments(b_radius))
    return shapely.convex_hull(shapely.union(_disc(a, a_radius), _disc(b, b_radius)))


def _disc(at: Points, radius: float) -> BaseGeometry:
    return shapely.buffer(shapely.points(at), radius, quad_segs=_segments(radius))


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
