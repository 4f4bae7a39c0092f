"""Even-odd fill of the rings of a label line, in a time that does not depend on how they cross.

Exact for rings with few crossings: the faces between them are found and united, which takes about 0.1 ms
for each crossing. A tangle of n edges can have n * n / 2 of them, so it is painted instead, as the trainer
does: on pixels of the image, boundary included. The painted region is within a pixel of what the trainer
fills. Where it would be large or its outline long, it is painted on larger pixels, or pixels are united four
by four; the region is then within about one or two of these.
"""

from __future__ import annotations

from typing import TypeAlias

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString, Polygon

from samdesk.base.cv import cv2
from samdesk.domain.geometry import regions
from samdesk.domain.geometry.outline import corner_count
from samdesk.domain.geometry.types import BoolArray, Region

Ring: TypeAlias = NDArray[np.float64]
"""(N, 2) x and y, open."""

MOST_VERTICES = 100_000
"""Longer lines are painted."""
MOST_CROSSINGS = 2_000
"""Lines that cross more often are painted."""
MOST_PIXELS = 4_000_000
"""The size of what is painted on."""
MOST_STEPS = 4_000_000
"""The length of what is painted, in its pixels."""
MOST_CORNERS = 100_000
"""The vertices of what was painted."""

_PAIRS_AT_ONCE = 2_000_000
_ROUNDS = 8


def is_tangled(rings: list[Ring]) -> bool:
    """Whether rings are too long, or cross too often, to be filled exactly."""
    if sum(map(len, rings)) > MOST_VERTICES:
        return True
    if len(rings) == 1 and len(rings[0]) >= 3 and shapely.is_valid(Polygon(rings[0])):
        return False
    ends = np.concatenate([np.stack([ring, np.roll(ring, -1, axis=0)], axis=1) for ring in rings])
    edges = shapely.linestrings(ends)
    tree = shapely.STRtree(edges)
    step = max(1, _PAIRS_AT_ONCE // len(edges))
    met = 0
    for start in range(0, len(edges), step):
        some = edges[start : start + step]
        met += tree.query(some, predicate="intersects").shape[1] - 3 * len(some)  # itself and its neighbours
        if met > 2 * MOST_CROSSINGS:  # each is met from both of its edges
            return True
    return False


def even_odd(rings: list[Ring]) -> Region:
    """The area inside an odd number of the rings; exact, for rings that are not tangled."""
    if len(rings) == 1:
        polygon = Polygon(rings[0])
        if shapely.is_valid(polygon):
            return regions.from_polygons([polygon])
    lines = [LineString(np.vstack([ring, ring[:1]])) for ring in rings]
    faces = shapely.get_parts(shapely.polygonize([shapely.union_all(lines)]))
    edges = [np.hstack([ring, np.roll(ring, -1, axis=0)]) for ring in rings]
    if len(faces) == 0:
        return regions.EMPTY
    inside = _crossings(shapely.get_coordinates(shapely.point_on_surface(faces)), np.vstack(edges)) % 2 == 1
    return regions.clean(shapely.union_all(faces[inside]))


def _crossings(points: NDArray[np.float64], edges: NDArray[np.float64]) -> NDArray[np.int64]:
    """The number of edges (N, 4) crossed by a ray to the right of each point (M, 2)."""
    xa, ya, xb, yb = edges.T
    rise = np.where(yb == ya, 1.0, yb - ya)
    counts = [
        np.count_nonzero(((ya > y) != (yb > y)) & (xa + (y - ya) * (xb - xa) / rise > x)) for x, y in points
    ]
    return np.array(counts, dtype=np.int64)


def painted(rings: list[Ring]) -> Region:
    """The pixels inside an odd number of the rings or on one of them, image pixels."""
    points = np.concatenate(rings)
    origin = np.floor(points.min(axis=0))
    columns, rows = (np.floor(points.max(axis=0) - origin) + 1).tolist()
    pixel = 1
    length = sum(float(np.abs(ring - np.roll(ring, -1, axis=0)).sum()) for ring in rings)
    while (columns // pixel + 1) * (rows // pixel + 1) > MOST_PIXELS or length / pixel > MOST_STEPS:
        pixel *= 2
    height, width = int(rows // pixel) + 1, int(columns // pixel) + 1
    placed = [(ring - origin) / pixel for ring in rings]
    # OpenCV's own fill takes minutes for such rings, drawing their lines does not.
    edges = np.concatenate([np.hstack([ring, np.roll(ring, -1, axis=0)]) for ring in placed])
    filled = regions.fill_even_odd(edges, height, width)
    lines = np.zeros((height, width), dtype=np.uint8)
    cv2.polylines(lines, [np.floor(ring).astype(np.int32) for ring in placed], isClosed=True, color=1)
    filled = _without_diagonals(filled | lines.view(np.bool_))
    while corner_count(filled) > MOST_CORNERS:
        filled, pixel = _without_diagonals(united(filled)), pixel * 2
    region: Region = shapely.transform(regions.from_mask(filled), lambda xy: xy * pixel + origin)
    return region


def _without_diagonals(mask: BoolArray) -> BoolArray:
    """The mask with a third pixel wherever two meet diagonally: outlines that touch take long to make valid.

    The pixel may meet others diagonally; this is repeated a few times only, since few are left then.
    """
    mask = mask.copy()
    for _ in range(_ROUNDS):
        upper, lower = mask[:-1], mask[1:]
        meets = (
            (upper[:, :-1] == lower[:, 1:])
            & (upper[:, 1:] == lower[:, :-1])
            & (upper[:, 1:] != upper[:, :-1])
        )
        if not meets.any():
            break
        upper[:, :-1] |= meets
        upper[:, 1:] |= meets
    return mask


def united(mask: BoolArray) -> BoolArray:
    """A mask of half the size: a pixel is set if one of its four is."""
    height, width = mask.shape
    padded = np.pad(mask, ((0, height % 2), (0, width % 2)))
    united: BoolArray = padded[::2, ::2] | padded[1::2, ::2] | padded[::2, 1::2] | padded[1::2, 1::2]
    return united
