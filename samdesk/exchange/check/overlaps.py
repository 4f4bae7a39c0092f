"""Finds annotations that show the same object: nearly the same region, or one inside another."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import NDArray

DUPLICATE_IOU = 0.9
"""Regions that agree more than this are taken for one object."""
CONTAINED_SHARE = 0.95
"""A region with more than this share of its area in another one lies inside it."""

_GAP = 16.0
_MOST_PAIRS = 2_000_000


def close_pairs(
    owner: NDArray[np.int64],
    areas: NDArray[np.float64],
    bounds: NDArray[np.float64],
    regions: NDArray[np.object_],
) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """Returns the pairs of annotations of one image of which one lies in the other, for the most part.

    Args:
        owner: (N,) int: the image of each.
        areas: (N,) pixels.
        bounds: (N, 4) x0, y0, x1, y1, pixels.
        regions: (N,) regions.

    Returns:
        (M,) the first of each pair, (M,) the second, which comes later, and (M,) the area they share.
    """
    none = np.zeros(0, np.int64)
    if len(owner) < 2:
        return none, none, np.zeros(0)
    # All images side by side, so that one index finds the pairs of all.
    step = float(bounds[:, 2].max(initial=0.0)) + _GAP
    shift = owner * step
    boxes = shapely.box(bounds[:, 0] + shift, bounds[:, 1], bounds[:, 2] + shift, bounds[:, 3])
    tree = shapely.STRtree(boxes)
    firsts, seconds, shared = [none], [none], [np.zeros(0)]
    at_once = max(1, min(len(boxes), 20_000))
    for start in range(0, len(boxes), at_once):
        found, others = tree.query(boxes[start : start + at_once])
        found = found + start
        later = others > found
        found, others = found[later][:_MOST_PAIRS], others[later][:_MOST_PAIRS]
        some = _may_contain(bounds, areas, found, others)
        found, others = found[some], others[some]
        area = _shared(regions, found, others)
        inside = area > CONTAINED_SHARE * np.minimum(areas[found], areas[others])
        inside |= area > DUPLICATE_IOU * (areas[found] + areas[others] - area)
        firsts.append(found[inside])
        seconds.append(others[inside])
        shared.append(area[inside])
    return np.concatenate(firsts), np.concatenate(seconds), np.concatenate(shared)


def _may_contain(
    bounds: NDArray[np.float64],
    areas: NDArray[np.float64],
    first: NDArray[np.int64],
    second: NDArray[np.int64],
) -> NDArray[np.bool_]:
    """Whether the bounds of two share enough for one to lie in the other."""
    a, b = bounds[first], bounds[second]
    sides = np.minimum(a[:, 2:], b[:, 2:]) - np.maximum(a[:, :2], b[:, :2])
    common = np.prod(np.maximum(sides, 0.0), axis=1)
    least: NDArray[np.bool_] = common > DUPLICATE_IOU * np.minimum(areas[first], areas[second])
    return least


def _shared(
    regions: NDArray[np.object_], first: NDArray[np.int64], second: NDArray[np.int64]
) -> NDArray[np.float64]:
    """The areas that pairs of regions share; 0 for one that cannot be computed."""
    if not len(first):
        return np.zeros(0)
    try:
        area: NDArray[np.float64] = shapely.area(shapely.intersection(regions[first], regions[second]))
    except shapely.errors.GEOSException:
        area = np.array([_shared_of(regions[i], regions[k]) for i, k in zip(first, second, strict=True)])
    return area


def _shared_of(one: object, other: object) -> float:
    try:
        return float(shapely.area(shapely.intersection(one, other)))
    except shapely.errors.GEOSException:
        return 0.0


def superfluous(
    pairs: Sequence[tuple[int, int]], pending: Sequence[bool] | NDArray[np.bool_]
) -> dict[int, int]:
    """Returns the annotations that can go, each with the one that stays in its place.

    Of two the one that was reviewed stays, else the first: the older one.

    Args:
        pairs: Pairs of duplicates.
        pending: Whether each annotation was not reviewed.
    """
    kept_for: dict[int, int] = {}
    ranked = sorted(pairs, key=lambda pair: sorted((bool(pending[i]), i) for i in pair))
    for pair in ranked:
        kept, gone = sorted(pair, key=lambda i: (bool(pending[i]), i))
        if kept not in kept_for and gone not in kept_for:
            kept_for[gone] = kept
    return kept_for
