from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import array_shapes, arrays
from shapely.geometry import LineString, MultiPolygon, Point, Polygon

from samdesk.domain.geometry import regions
from samdesk.domain.geometry.types import BoolArray
from tests.helpers.coco import instances, raster_iou

MASKS = arrays(np.bool_, array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12))
POINTS = st.lists(st.tuples(st.floats(-5, 25), st.floats(-5, 25)), min_size=3, max_size=9)


def ring_with_hole() -> MultiPolygon:
    outer = shapely.box(2, 2, 18, 18)
    return regions.clean(outer.difference(shapely.box(6, 6, 12, 12)))


def centres(height: int, width: int) -> tuple[np.ndarray, np.ndarray]:
    ys, xs = np.mgrid[:height, :width] + 0.5
    return xs, ys


@given(MASKS)
def test_the_outline_of_a_mask_rasterises_to_the_same_mask(mask: BoolArray) -> None:
    region = regions.from_mask(mask)
    assert region.is_valid
    assert region.area == pytest.approx(np.count_nonzero(mask))
    np.testing.assert_array_equal(regions.rasterize(region, *mask.shape), mask)


@pytest.mark.parametrize(
    ("rows", "parts", "holes"),
    [
        (["#.", ".#"], 2, 0),  # a diagonal meeting does not hang together
        (["###", "#.#", "###"], 1, 1),
        (["####", "#.##", "##.#", "####"], 1, 2),  # two holes that touch at a corner
        (["###", "#.#", "##."], 1, 1),  # a hole that touches the outside at a corner
        (["..", ".."], 0, 0),
    ],
)
def test_parts_and_holes_of_an_outline(rows: list[str], parts: int, holes: int) -> None:
    mask = np.array([[c == "#" for c in row] for row in rows])
    region = regions.from_mask(mask)
    assert region.is_valid
    assert len(region.geoms) == parts
    assert sum(len(part.interiors) for part in region.geoms) == holes


def test_an_outline_turns_at_every_vertex() -> None:
    region = regions.from_mask(np.ones((40, 30), dtype=np.bool_))
    assert len(region.geoms[0].exterior.coords) == 5


@settings(max_examples=60)
@given(POINTS)
def test_a_pixel_is_in_when_its_centre_is(points: list[tuple[float, float]]) -> None:
    region = regions.from_ring(points)
    xs, ys = centres(20, 22)
    inside = shapely.contains_xy(region, xs, ys)
    with np.errstate(all="ignore"):  # shapely divides by the length of needles
        on_edge = shapely.distance(region.boundary, shapely.points(xs, ys)) < 1e-9
    got = regions.rasterize(region, 20, 22)
    np.testing.assert_array_equal(got[~on_edge], inside[~on_edge])


def test_neighbours_share_no_pixel_and_leave_none_out() -> None:
    left, right = regions.from_box(0, 0, 3.5, 4), regions.from_box(3.5, 0, 8, 4)
    a, b = regions.rasterize(left, 4, 8), regions.rasterize(right, 4, 8)
    assert not (a & b).any()
    assert (a | b).all()


def test_a_raster_of_what_lies_partly_outside_the_image() -> None:
    region = regions.from_box(-10, -10, 3, 2)
    mask = regions.rasterize(region, 5, 5)
    assert mask.sum() == 6
    assert mask[:2, :3].all()
    assert not regions.rasterize(regions.from_box(20, 20, 30, 30), 5, 5).any()
    assert not regions.rasterize(regions.EMPTY, 5, 5).any()


def test_rasters_agree_with_coco(coco64: Path) -> None:
    # COCO samples its edges at a fifth of a pixel, so a few border pixels differ.
    ious = []
    for instance in instances(coco64, 1000):
        if instance.polygons:
            parts = [regions.from_ring(ring) for ring in instance.polygons]
            region = regions.clean(shapely.union_all(parts))
            ious.append(raster_iou(regions.rasterize(region, *instance.mask.shape), instance.mask))
    assert len(ious) > 200
    assert np.median(ious) > 0.985
    assert min(ious) > 0.93


def test_clean_keeps_areas_only() -> None:
    bow_tie = Polygon([(0, 0), (4, 4), (4, 0), (0, 4)])
    assert regions.clean(bow_tie).is_valid
    assert regions.clean(bow_tie).area == pytest.approx(8)
    mixed = shapely.GeometryCollection([shapely.box(0, 0, 1, 1), LineString([(5, 5), (9, 9)]), Point(3, 3)])
    assert regions.clean(mixed).equals(shapely.box(0, 0, 1, 1))
    overlapping = MultiPolygon([shapely.box(0, 0, 2, 2), shapely.box(1, 0, 3, 2)])
    assert regions.clean(overlapping).area == pytest.approx(6)


def test_a_hole_that_sticks_out_cuts_only_what_is_inside() -> None:
    region = regions.clean(Polygon(shapely.box(0, 0, 4, 4).exterior, [[(3, 1), (6, 1), (6, 2), (3, 2)]]))
    assert region.area == pytest.approx(15)


def test_rings_and_boxes() -> None:
    assert regions.from_ring([(0, 0), (1, 1)]).is_empty
    assert regions.from_ring([(0, 0), (1, 1), (2, 2)]).is_empty
    assert regions.from_box(5, 6, 1, 2).equals(shapely.box(1, 2, 5, 6))
    assert regions.from_box(5, 6, 5, 9).is_empty


def test_combining_moving_and_asking() -> None:
    a, b = regions.from_box(0, 0, 4, 4), regions.from_box(2, 0, 6, 4)
    assert regions.iou(a, b) == pytest.approx(8 / 24)
    assert regions.iou(regions.EMPTY, regions.EMPTY) == 0
    assert regions.translate(a, 2, 0).equals(b)
    assert regions.clip(b, 3, 3).equals(shapely.box(2, 0, 3, 3))
    assert regions.clip(a, 10, 10) is a
    assert not regions.is_drawable(regions.EMPTY)
    assert regions.is_drawable(a)
    holed = ring_with_hole()
    assert regions.contains(holed, 3, 3)
    assert not regions.contains(holed, 9, 9)
