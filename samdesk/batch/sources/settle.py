"""Which of the objects found on an image stay, once their masks are known. Pure functions.

Of two that are the same object the more confident stays, whatever their order; of equally confident ones the
first.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TypeAlias

import numpy as np
import shapely
from numpy.typing import NDArray

from samdesk.batch.find import FoundObject
from samdesk.batch.plan import AutoAnnotatePlan
from samdesk.domain.geometry.types import Region

SAME_OBJECT = 0.5
"""IoU of two masks of a class, found in different tiles, from which on they are the same object."""
PART = 0.8
"""Share of a mask that lies inside a larger one of its class, from which on it is a part of that."""
_MUCH_LESS = 0.5
"""A larger mask whose confidence is below this share of its part's is not taken for the whole object."""

Decide: TypeAlias = Callable[[int, int, float, float], bool]
"""(index of the more confident, of the less confident, IoU, share of the smaller one that both have) ->
whether the less confident goes."""


def settle(found: Sequence[FoundObject], plan: AutoAnnotatePlan) -> list[FoundObject]:
    """The objects of an image that stay, in their order.

    Objects found in tiles are compared within each class, so that none is there twice or in parts. With
    ``plan.duplicate_iou`` those of different classes are, too. Annotations that get a new mask all stay.
    """
    if plan.objects_from == "boxes":
        return list(found)
    stay = list(found)
    if plan.tile:
        stay = without_parts(_without_same(stay))
    return without_duplicates(stay, plan.duplicate_iou) if plan.duplicate_iou else stay


def without_duplicates(found: Sequence[FoundObject], limit: float) -> list[FoundObject]:
    """Drops an object whose mask overlaps that of a more confident one of another class.

    Args:
        found: The objects of an image.
        limit: The IoU above which two masks are of one object.
    """
    return _kept(found, lambda i, j, iou, _: _class(found[i]) != _class(found[j]) and iou > limit)


def without_parts(found: Sequence[FoundObject]) -> list[FoundObject]:
    """Drops objects that are a part of a larger one of their class, unless that is much less confident.

    A larger one that is much less confident goes itself: it is likely to be a group.
    """
    regions = _regions([one.region for one in found])
    first, second, shared = _pairs(regions)
    areas = shapely.area(regions)
    gone: set[int] = set()
    largest_first = np.lexsort((second, first, -np.maximum(areas[first], areas[second])))
    for i, j, area in zip(
        first[largest_first].tolist(),
        second[largest_first].tolist(),
        shared[largest_first].tolist(),
        strict=True,
    ):
        if i in gone or j in gone or _class(found[i]) != _class(found[j]):
            continue
        whole, part = (i, j) if areas[i] >= areas[j] else (j, i)
        if area >= PART * areas[part]:
            is_group = found[whole].detection.score < _MUCH_LESS * found[part].detection.score
            gone.add(whole if is_group else part)
    return [one for i, one in enumerate(found) if i not in gone]


def most_confident(regions: Sequence[Region], scores: Sequence[float], goes: Decide) -> list[int]:
    """Non-maximum suppression by any rule. Returns the indices that stay, the most confident first.

    Args:
        regions: Of the objects, image pixels.
        scores: Their confidences.
        goes: Says of two that overlap whether the less confident goes. One that has gone lets no other go.
    """
    order = sorted(range(len(regions)), key=lambda i: -scores[i])
    rank = {i: n for n, i in enumerate(order)}
    array = _regions(regions)
    areas = shapely.area(array)
    first, second, shared = _pairs(array)
    rivals: dict[int, list[tuple[int, float]]] = {}
    for i, j, area in zip(first.tolist(), second.tolist(), shared.tolist(), strict=True):
        better, worse = (i, j) if rank[i] < rank[j] else (j, i)
        rivals.setdefault(worse, []).append((better, area))
    gone: set[int] = set()
    for j in order:
        for i, area in rivals.get(j, ()):
            iou = area / max(areas[i] + areas[j] - area, 1e-9)
            share = area / max(min(areas[i], areas[j]), 1e-9)
            if i not in gone and goes(i, j, iou, share):
                gone.add(j)
                break
    return [i for i in order if i not in gone]


def _without_same(found: Sequence[FoundObject]) -> list[FoundObject]:
    return _kept(found, lambda i, j, iou, _: _class(found[i]) == _class(found[j]) and iou >= SAME_OBJECT)


def _kept(found: Sequence[FoundObject], goes: Decide) -> list[FoundObject]:
    stay = most_confident([one.region for one in found], [one.detection.score for one in found], goes)
    return [found[i] for i in sorted(stay)]


def _class(one: FoundObject) -> int:
    return one.detection.class_id


def _pairs(regions: NDArray[np.object_]) -> tuple[NDArray[np.int64], NDArray[np.int64], NDArray[np.float64]]:
    """The pairs of regions that overlap, in the order of their indices, with the area that they share."""
    if len(regions) < 2:
        none = np.zeros(0, dtype=np.int64)
        return none, none, np.zeros(0)
    first, second = shapely.STRtree(regions).query(regions)
    once = first < second
    first, second = first[once], second[once]
    in_order = np.lexsort((second, first))
    first, second = first[in_order], second[in_order]
    with np.errstate(all="ignore"):  # GEOS divides by what may be 0, and goes on
        shared = shapely.area(shapely.intersection(regions[first], regions[second]))
    some = shared > 0
    return first[some], second[some], shared[some]


def _regions(regions: Sequence[Region]) -> NDArray[np.object_]:
    array = np.empty(len(regions), dtype=object)
    array[:] = regions
    return array
