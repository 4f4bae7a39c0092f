"""When two annotations are the same object: one rule for runs, which propose, and for imports."""

from __future__ import annotations

from collections.abc import Hashable, Iterable

import numpy as np
from numpy.typing import NDArray

from samdesk.domain.geometry.regions import from_box, iou, is_box
from samdesk.domain.geometry.types import Region

PROPOSED_IOU = 0.5
"""Two regions of one label with an IoU of at least this are the same object for a run: masks vary."""
IMPORTED_IOU = 0.9
"""The same for an import, which brings what somebody has drawn."""

_FIRST = 16


class KnownRegions:
    """The regions of an image by label, to find one that is the same object as another.

    Adding and asking take time in proportion to the regions of the label, but few are compared exactly.

    Args:
        least_iou: The IoU from which on two regions of one label are the same object.
        known: (label, region) pairs.
        as_boxes: Where one of the two is an upright rectangle, their boxes are compared, too: the mask of a
            thin object fills little of its box.
    """

    def __init__(
        self,
        least_iou: float,
        known: Iterable[tuple[Hashable, Region]] = (),
        *,
        as_boxes: bool = False,
    ) -> None:
        self._least_iou, self._as_boxes = least_iou, as_boxes
        self._regions: dict[Hashable, list[Region]] = {}
        self._bounds: dict[Hashable, NDArray[np.float64]] = {}
        for label, region in known:
            self.add(label, region)

    def add(self, label: Hashable, region: Region) -> None:
        """Adds a region, which is not empty."""
        regions = self._regions.setdefault(label, [])
        bounds = self._bounds.setdefault(label, np.empty((_FIRST, 4)))
        if len(regions) == len(bounds):
            bounds = self._bounds[label] = np.concatenate([bounds, np.empty_like(bounds)])
        bounds[len(regions)] = region.bounds
        regions.append(region)

    def holds(self, label: Hashable, region: Region) -> bool:
        """Whether one of the regions of a label is the same object."""
        regions = self._regions.get(label, [])
        if not regions:
            return False
        x0, y0, x1, y1 = self._bounds[label][: len(regions)].T
        left, top, right, bottom = region.bounds
        width = np.minimum(x1, right) - np.maximum(x0, left)
        height = np.minimum(y1, bottom) - np.maximum(y0, top)
        near = np.flatnonzero((width >= 0) & (height >= 0))
        return any(self._are_same(region, regions[i]) for i in near)

    def _are_same(self, first: Region, second: Region) -> bool:
        if iou(first, second) >= self._least_iou:
            return True
        if not self._as_boxes or not (is_box(first) or is_box(second)):
            return False
        return iou(from_box(*first.bounds), from_box(*second.bounds)) >= self._least_iou
