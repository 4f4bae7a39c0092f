"""Tracked corners, those of the whole image and those under each mask."""

from __future__ import annotations

from collections.abc import Sequence

from samdesk.base.jobs import Pause
from samdesk.carry.moves import fit
from samdesk.carry.moves.move import Candidates
from samdesk.carry.moves.tracking import corners, corners_of, tracked
from samdesk.carry.pair import ImagePair
from samdesk.domain.geometry.types import Region


def estimate(pair: ImagePair, objects: Sequence[Region], pause: Pause) -> Sequence[Candidates]:
    """See ``Estimate``: the camera's move by all corners, and each object's own by those under its mask."""
    pause()
    camera = fit.homography(*tracked(pair, corners(pair.source)))
    found: list[Candidates] = []
    for region in objects:
        pause()
        own = fit.similarity(*tracked(pair, corners_of(pair.source, region)))
        found.append(tuple(move for move in (camera, own) if move is not None))
    return found
