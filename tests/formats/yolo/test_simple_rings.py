"""The rings of many regions at once are those of one after another; so are the regions of many rings."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from numpy.typing import NDArray
from shapely.geometry import MultiPolygon, Polygon

from samdesk.domain.geometry import regions
from samdesk.domain.geometry.types import Region
from samdesk.formats.yolo import segmentation, yolo_ring
from samdesk.formats.yolo.inset import inset_px
from samdesk.formats.yolo.simple_rings import simple_regions, simple_rings

SIZE = (320, 240)


def blob(x: float, y: float, radius: float, seed: int) -> Region:
    rng = np.random.default_rng(seed)
    angles = np.linspace(0, 2 * np.pi, 24, endpoint=False)
    reach = radius * rng.uniform(0.8, 1.2, len(angles))
    return regions.from_ring(np.stack([x + reach * np.cos(angles), y + reach * np.sin(angles)], axis=1))


BLOBS = [blob(40 + 50 * (i % 6), 40 + 40 * (i // 6), 12 + i, i) for i in range(20)]
AT_BORDER = [regions.clip(blob(x, y, 30, 7), *SIZE) for x, y in ((0, 100), (320, 240), (160, 0))]
OTHERS = [
    regions.from_polygons([shapely.box(10, 10, 60, 60).difference(shapely.box(20, 20, 50, 50))]),  # a hole
    MultiPolygon([shapely.box(10, 10, 40, 40), shapely.box(60, 10, 90, 40)]),
    regions.from_polygons([Polygon([(5, 5), (200, 6), (5, 7)])]),  # a needle
    regions.from_box(100, 100, 100.3, 100.3),
]


@pytest.mark.parametrize("train_size", [160, 320, 640])
def test_rings_are_those_of_one_region_after_another(train_size: int) -> None:
    inset = inset_px(*SIZE, train_size)
    given = [*BLOBS, *AT_BORDER, *OTHERS]
    found = simple_rings(given, *SIZE, inset)
    assert sum(ring is not None for ring in found[: len(BLOBS) + len(AT_BORDER)]) > 15
    assert found[-4:-2] == [None, None]
    for region, ring in zip(given, found, strict=True):
        if ring is not None:
            assert ring.tolist() == yolo_ring.region_to_ring(region, *SIZE, inset).tolist()
    lines = segmentation.outlines(given, SIZE, train_size=train_size)
    assert lines == [segmentation.outline(region, SIZE, train_size=train_size) for region in given]


def values(region: Region, train_size: int) -> NDArray[np.float64]:
    text, *_ = segmentation.outline(region, SIZE, train_size=train_size)
    return np.array(text.split(), dtype=np.float64).reshape(-1, 2)


def test_regions_are_those_of_one_ring_after_another() -> None:
    written = [values(region, 640) for region in (*BLOBS, *AT_BORDER)]
    marked = [values(region, 160) for region in BLOBS]
    closed = [np.vstack([ring, ring[:1], ring[:1]]) for ring in written[:3]]
    odd = [
        np.array([[0.1, 0.1], [0.5, 0.5], [0.5, 0.1], [0.1, 0.5]]),  # crosses itself
        np.array([[0.1, 0.1], [0.5, 0.5], [0.1, 0.1]]),  # no area
        np.array([[-0.005, 0.1], [1.005, 0.1], [0.5, 0.9]]),
        np.zeros((0, 2)),
        *(values(region, 640) for region in OTHERS[:2]),  # bridges
    ]
    given = [*written, *marked, *closed, *odd]
    found = simple_regions(given, *SIZE)
    plain = [region is not None for region in found]
    assert all(plain[: -len(odd)])
    assert plain[-len(odd) :] == [False, False, True, False, False, False]
    for ring, region in zip(given, found, strict=True):
        if region is not None:
            assert region.wkb == yolo_ring.ring_in_image(ring, *SIZE).wkb
