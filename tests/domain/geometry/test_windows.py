from __future__ import annotations

import numpy as np
import shapely
from shapely.geometry import MultiPolygon

from samdesk.domain.geometry import regions
from samdesk.domain.geometry.windows import edges_of, masks


def test_masks_of_windows_are_parts_of_the_masks_of_regions() -> None:
    ring = regions.from_polygons([shapely.box(2, 3, 30, 28).difference(shapely.box(8, 9, 20, 21.5))])
    several = [
        ring,
        MultiPolygon([shapely.box(1, 1, 5, 6), shapely.box(20, 8, 39, 30)]),
        regions.from_ring([(3, 3), (37.2, 11), (16, 28.7)]),
        regions.EMPTY,
        regions.from_ring([(-9, 4), (50, 8), (20, 60)]),  # beyond its window
    ]
    windows = np.array([[0, 0, 40, 32], [4, 2, 33, 20], [3, 3, 38, 29], [5, 5, 5, 9], [0, 0, 40, 32]])
    found = list(masks(*edges_of(several), windows))
    assert len(found) == len(several)
    for region, (left, top, right, bottom), mask in zip(several, windows.tolist(), found, strict=True):
        whole = regions.rasterize(region, 32, 40)
        assert np.array_equal(mask, whole[top:bottom, left:right])
