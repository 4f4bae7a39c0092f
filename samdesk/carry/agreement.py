"""How well a move explains an object: whether the colours under the mask are those under the moved mask."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from samdesk.carry.moves.move import Move, Points
from samdesk.carry.pair import ImagePair, WorkingImage
from samdesk.carry.sampling import sampled
from samdesk.domain.geometry import regions
from samdesk.domain.geometry.types import Region

_SAMPLES = 2000
_DIFFERENCE = 40.0
"""A colour that differs by this much, of 255, in the mean of its channels, disagrees altogether."""
_LIGHT = 40.0
"""Difference of a channel that another exposure may make in the whole object, of 255."""


@dataclass(frozen=True)
class ColourAgreement:
    """How well a move explains an object.

    Attributes:
        colours: Agreement of the colours of what stays in the image, 0..1.
        visible: Part of the object that does, 0..1.
    """

    colours: float
    visible: float


def samples(region: Region, image: WorkingImage) -> Points:
    """(N, 2) centres of pixels under the mask, evenly thinned."""
    ys, xs = np.nonzero(regions.rasterize(region, image.height, image.width))
    step = max(1, len(xs) // _SAMPLES)
    return np.column_stack([xs[::step], ys[::step]]).astype(np.float64) + 0.5


def agreement(pair: ImagePair, points: Points, move: Move) -> ColourAgreement:
    """Compares the colours at points of the source with those of the target under a move."""
    there = move.at(points)
    inside = ((there >= 0) & (there <= (pair.target.width, pair.target.height))).all(axis=1)
    if not inside.any():
        return ColourAgreement(0.0, 0.0)
    difference = sampled(pair.source.smooth, points[inside]) - sampled(pair.target.smooth, there[inside])
    difference -= np.clip(np.median(difference, axis=0), -_LIGHT, _LIGHT)
    agrees = 1.0 - np.minimum(np.abs(difference).mean(axis=1) / _DIFFERENCE, 1.0)
    return ColourAgreement(float(agrees.mean()), float(inside.mean()))
