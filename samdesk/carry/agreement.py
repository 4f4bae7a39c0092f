"""How well a move explains an object: whether the colours under the mask are those under the moved mask."""

from __future__ import annotations

import numpy as np

from samdesk.carry.moves.move import Move, Points
from samdesk.carry.pair import ImagePair, WorkingImage
from samdesk.carry.sampling import sampled
from samdesk.domain.geometry import regions
from samdesk.domain.geometry.types import Region

_SAMPLES = 2000
_DIFFERENCE = 60.0
"""A colour that differs by this much, of 255, in the mean of its channels, disagrees altogether."""


def samples(region: Region, image: WorkingImage) -> Points:
    """(N, 2) centres of pixels under the mask, evenly thinned."""
    ys, xs = np.nonzero(regions.rasterize(region, image.height, image.width))
    step = max(1, len(xs) // _SAMPLES)
    return np.column_stack([xs[::step], ys[::step]]).astype(np.float64) + 0.5


def agreement(pair: ImagePair, points: Points, move: Move) -> float:
    """Agreement of the colours at points of the source with those of the target under a move, 0..1.

    Points that leave the target agree with nothing.
    """
    if len(points) == 0:
        return 0.0
    there = move.at(points)
    inside = ((there >= 0) & (there <= (pair.target.width, pair.target.height))).all(axis=1)
    difference = np.abs(sampled(pair.source.rgb, points) - sampled(pair.target.rgb, there)).mean(axis=1)
    agrees = 1.0 - np.minimum(difference / _DIFFERENCE, 1.0)
    return float((agrees * inside).mean())
