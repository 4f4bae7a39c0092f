"""Moves outlines: vertex by vertex, so that what a user has drawn finely stays fine."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import Polygon

from samdesk.carry.moves.move import Move, Points
from samdesk.domain.geometry import regions
from samdesk.domain.geometry.types import Region

_STEP = 8.0
"""Distance of the points at which an edge is tried for whether it bends, working pixels."""
_BEND = 0.5
"""An edge whose points are moved further than this beside the line between its ends gets them as vertices."""


def moved(region: Region, move: Move) -> Region:
    """The region under a move, in working pixels; not clipped, may be empty. Straight edges stay single."""
    parts = []
    for part in region.geoms:
        rings = [shapely.get_coordinates(ring) for ring in (part.exterior, *part.interiors)]
        shell, *holes = (_moved_ring(ring, move) for ring in rings)
        parts.append(regions.clean(Polygon(shell, holes)))
    if len(parts) == 1:
        return parts[0]
    return regions.clean(shapely.union_all(parts))


def _moved_ring(ring: Points, move: Move) -> Points:
    """A closed ring, with more vertices where the move bends its edges."""
    starts, along = ring[:-1], np.diff(ring, axis=0)
    pieces = np.maximum(np.ceil(np.hypot(*along.T) / _STEP).astype(np.intp), 1)
    edge = np.repeat(np.arange(len(pieces)), pieces)
    part = (np.arange(len(edge)) - np.repeat(np.cumsum(pieces) - pieces, pieces)) / pieces[edge]
    points = move.at(starts[edge] + part[:, None] * along[edge])
    ends = points[part == 0]
    straight = ends[edge] + part[:, None] * (np.roll(ends, -1, axis=0) - ends)[edge]
    return _kept(points, edge, part, np.hypot(*(points - straight).T) > _BEND)


def _kept(
    points: Points, edge: NDArray[np.intp], part: NDArray[np.float64], off: NDArray[np.bool_]
) -> Points:
    """The vertices, and the points between them on edges of which one is off the line; closed."""
    bent = np.zeros(edge[-1] + 1, dtype=np.bool_)
    bent[edge[off]] = True
    kept = points[(part == 0) | bent[edge]]
    return np.vstack([kept, kept[:1]])
