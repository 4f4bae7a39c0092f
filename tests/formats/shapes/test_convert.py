"""Shapes of other programs as regions."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pytest

from samdesk.domain.geometry import regions
from samdesk.formats.shapes import convert
from samdesk.formats.shapes.convert import ShapeError


def _points(*pairs: tuple[float, float]) -> convert.Points:
    return convert.point_list(list(pairs))


def test_a_polygon_keeps_its_vertices() -> None:
    region = convert.polygon(_points((1, 2), (9, 2), (9, 8), (1, 8), (1, 2)))
    assert region.area == 48
    assert list(region.geoms[0].exterior.coords)[:4] == [(1, 2), (9, 2), (9, 8), (1, 8)]


def test_a_bow_tie_becomes_two_triangles() -> None:
    region = convert.polygon(_points((0, 0), (10, 10), (10, 0), (0, 10)))
    assert len(region.geoms) == 2
    assert region.area == pytest.approx(50)


def test_a_hole_behind_a_bridge_is_a_hole() -> None:
    outer = [(0, 0), (10, 0), (10, 10), (0, 10), (0, 0)]
    inner = [(3, 3), (3, 6), (6, 6), (6, 3), (3, 3)]
    region = convert.polygon(_points(*outer, *inner, (0, 0)))
    assert region.area == 91
    assert len(region.geoms[0].interiors) == 1


def test_polygons_of_one_object_are_united_and_flat_ones_left_out() -> None:
    triangle, flat = _points((0, 0), (4, 0), (4, 4)), _points((9, 9), (9, 12))
    region = convert.polygons([triangle, flat, _points((2, 0), (6, 0), (6, 4))])
    assert len(region.geoms) == 1
    assert region.area == pytest.approx(14)
    with pytest.raises(ShapeError, match="fewer than 3 points"):
        convert.polygons([_points((9, 9), (9, 12))])


def test_a_tangle_of_many_crossings_takes_no_time() -> None:
    rng = np.random.default_rng(0)
    region = convert.polygon(rng.uniform(0, 300, (3000, 2)))
    assert regions.is_drawable(region)


def test_boxes_in_any_order_of_corners_and_turned_clockwise() -> None:
    assert convert.box(8, 6, 2, 1).bounds == (2, 1, 8, 6)
    assert convert.rotated_box(10, 10, 8, 2, 90).bounds == (9, 6, 11, 14)
    turned = convert.rotated_box(10, 10, 8, 2, 45)
    corner = max(turned.geoms[0].exterior.coords, key=lambda xy: xy[0])
    assert corner[1] > 12  # x right, y down: the right end has gone down


def test_ellipses_and_circles_are_close_to_the_curve() -> None:
    region = convert.circle((50, 50), (80, 50))
    assert region.bounds == (20, 20, 80, 80)
    assert region.area == pytest.approx(math.pi * 900, rel=2e-3)
    assert convert.ellipse(50, 50, 30, 10, 90).bounds == (40, 20, 60, 80)


def test_lines_points_and_keypoints_have_an_area() -> None:
    assert convert.line(_points((0, 50), (100, 50))).bounds == (0, 45, 100, 55)
    assert convert.dots(_points((20, 20), (60, 60))).area == pytest.approx(2 * math.pi * 25, rel=0.01)
    assert convert.keypoints(_points((10, 20), (30, 5))).bounds == (10, 5, 30, 20)
    assert convert.keypoints(_points((10, 20), (10, 40))).bounds == (5, 20, 15, 40)


@pytest.mark.parametrize(
    "bad",
    [
        None,
        [],
        "text",
        {"x": 1},
        [[1]],
        [[1, 2, 3]],
        [["1", 2]],
        [[True, 1]],
        [[math.nan, 1]],
        [[1, math.inf]],
        [[10**400, 1]],
        [[1e9, 0], [0, 1], [1, 1]],
        [[1, None]],
    ],
)
def test_points_that_are_none_are_refused(bad: Any) -> None:
    with pytest.raises(ShapeError):
        convert.point_list(bad)


def test_what_has_no_area_is_refused() -> None:
    flat = _points((0, 0), (5, 5), (9, 9))
    for shape in (
        lambda: convert.polygon(flat),
        lambda: convert.box(1, 1, 1, 5),
        lambda: convert.rotated_box(1, 1, 0, 5, 30),
        lambda: convert.ellipse(1, 1, 0, 5),
        lambda: convert.line(_points((1, 1), (1, 1))),
        lambda: convert.keypoints(np.zeros((0, 2))),
        lambda: convert.rotated_box(1, 1, 5, 5, math.nan),
        lambda: convert.on_image(convert.box(20, 20, 30, 30), 10, 10),
    ):
        with pytest.raises(ShapeError):
            shape()
