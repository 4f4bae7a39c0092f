"""Shapes that one ring cannot have train as they are: 0.98 by the trainer's raster over 2,000 pixels."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
import shapely.affinity
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import Point
from shapely.geometry.base import BaseGeometry

from samdesk.domain.geometry import regions
from samdesk.domain.geometry.types import Region
from samdesk.formats.yolo import segmentation, trainer_raster, yolo_ring

SIZE = (640, 480)


def comb(teeth: int, width: float, gap: float, length: float) -> BaseGeometry:
    step = width + gap
    back = shapely.box(0, 0, teeth * step, 12)
    return shapely.union_all(
        [back, *(shapely.box(i * step, 0, i * step + width, length) for i in range(teeth))]
    )


def ring(outer: float, inner: float) -> BaseGeometry:
    return Point(320, 240).buffer(outer).difference(Point(330, 236).buffer(inner))


def island(outer: float, inner: float, island_: float) -> BaseGeometry:
    return ring(outer, inner).union(Point(328, 238).buffer(island_))


def touching(width: float, height: float) -> BaseGeometry:
    corner = shapely.box(200, 100, 300, 200), shapely.box(300, 200, 300 + width, 200 + height)
    return shapely.MultiPolygon(corner)


BY_HAND = {
    "ring": ring(100, 60),
    "thin ring": ring(120, 105),
    "ring with island": island(110, 80, 40),
    "rings in each other": island(150, 120, 90).difference(Point(328, 238).buffer(60)),
    "comb": comb(9, 10, 8, 120),
    "fine comb": comb(20, 4, 4, 90),
    "comb, turned": shapely.affinity.rotate(comb(9, 7, 6, 120), 33),
    "corners that touch": touching(80, 60),
    "discs that touch": Point(250, 200).buffer(50).union(Point(350, 200).buffer(50)),
    "parts side by side": shapely.union_all(
        [shapely.box(100 + 40 * i, 100, 130 + 40 * i, 220) for i in range(5)]
    ),
}


def check(shape: BaseGeometry, scale: float) -> None:
    """Compares the mask that trains with a shape amid the image, and reads and writes its line."""
    width, height = round(SIZE[0] * scale), round(SIZE[1] * scale)
    x0, y0, x1, y1 = shape.bounds
    # Not by halves of a pixel: which pixels has a shape with an edge along their centres?
    dx, dy = round(SIZE[0] / 2 - (x0 + x1) / 2), round(SIZE[1] / 2 - (y0 + y1) / 2)
    moved = shapely.affinity.translate(shape, dx + 0.03, dy + 0.03)
    region: Region = regions.clean(shapely.affinity.scale(moved, scale, scale, origin=(0, 0)))
    if region.area < 2000 * scale * scale:
        return
    text, iou, _ = segmentation.outline(region, (width, height))
    assert iou >= 0.98
    points = np.array(text.split(), dtype=np.float64).reshape(-1, 2)
    assert trainer_raster.trained_iou(points, region, width, height) == iou
    read = yolo_ring.ring_in_image(points, width, height)
    assert segmentation.outline(read, (width, height))[0] == text


@pytest.mark.parametrize("name", BY_HAND)
@pytest.mark.parametrize("scale", [1, 5])
def test_by_hand(name: str, scale: float) -> None:
    check(BY_HAND[name], scale)


@settings(max_examples=25, deadline=None)
@given(
    st.integers(2, 16),
    st.floats(3, 14),
    st.floats(3, 12),
    st.floats(20, 150),
    st.floats(0, 360),
    st.floats(1, 6),
)
def test_combs(teeth: int, width: float, gap: float, length: float, turn: float, scale: float) -> None:
    check(shapely.affinity.rotate(comb(teeth, width, gap, length), turn), scale)


@settings(max_examples=25, deadline=None)
@given(st.floats(40, 200), st.floats(0.3, 0.8), st.floats(0.1, 0.7), st.floats(1, 6), st.booleans())
def test_rings_with_and_without_an_island(
    outer: float, inner: float, inmost: float, scale: float, with_island: bool
) -> None:
    hole = outer * inner
    check(island(outer, hole, hole * inmost) if with_island else ring(outer, hole), scale)


@settings(max_examples=15, deadline=None)
@given(st.floats(5, 200), st.floats(5, 150), st.floats(0, 90), st.floats(1, 6))
def test_parts_that_touch(width: float, height: float, turn: float, scale: float) -> None:
    check(shapely.affinity.rotate(touching(width, height), turn), scale)
