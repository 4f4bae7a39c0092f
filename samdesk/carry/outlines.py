"""Moves outlines: vertex by vertex, so that what a user has drawn finely stays fine."""

from __future__ import annotations

import shapely

from samdesk.carry.moves.move import Move
from samdesk.domain.geometry import regions
from samdesk.domain.geometry.types import Region

_STEP = 8.0
"""Longest edge that is moved by its ends only, working pixels, where a move may bend."""


def moved(region: Region, move: Move) -> Region:
    """The region under a move, in working pixels; not clipped, may be empty."""
    dense = shapely.segmentize(region, _STEP)
    return regions.clean(shapely.transform(dense, move.at))
