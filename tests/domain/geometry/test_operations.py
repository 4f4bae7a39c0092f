"""Brush, boolean tools, cuts and morphology on generated regions: properties, rasters, refusals, cost."""

from __future__ import annotations

import time
from itertools import pairwise

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import LineString
from shapely.geometry.base import BaseGeometry

from samdesk.domain.geometry import boolean, cut, morphology, regions, reshape, strokes
from samdesk.domain.geometry.types import BoolArray, Region
from samdesk.domain.geometry.vertices import VertexRef

W, H = 64, 48
IMAGE = shapely.box(0, 0, W, H)


@st.composite
def any_region(draw: st.DrawFn) -> Region:
    """Discs, boxes and holes, some across the image's edge: parts, holes and cut-off sides."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    region = regions.EMPTY
    for _ in range(rng.integers(1, 5)):
        blob = shapely.buffer(shapely.points(rng.uniform([0, 0], [W, H])), rng.uniform(3, 16))
        region = boolean.union(region, regions.clip(regions.clean(blob), W, H))
    hole = shapely.buffer(shapely.points(rng.uniform([0, 0], [W, H])), rng.uniform(1, 8))
    holed = boolean.subtract(region, regions.clean(hole))
    return holed if regions.is_drawable(holed) else region


@st.composite
def any_line(draw: st.DrawFn) -> np.ndarray:
    rng = np.random.default_rng(draw(st.integers(0, 2**32 - 1)))
    return rng.uniform([-10, -10], [W + 10, H + 10], size=(rng.integers(1, 6), 2))


few = settings(max_examples=25, deadline=None)


def check(region: Region) -> None:
    assert isinstance(region, shapely.MultiPolygon)
    assert region.is_valid, shapely.is_valid_reason(region)
    assert region.is_empty or (region.bounds[0] >= 0 and region.bounds[1] >= 0)
    assert region.is_empty or (region.bounds[2] <= W and region.bounds[3] <= H)


def raster(region: Region) -> BoolArray:
    return regions.rasterize(region, H, W)


def same_but_for_edges(got: Region, expected: BoolArray, *outlines: Region) -> None:
    """Pixels may differ where an outline passes within a pixel of their centre."""
    ys, xs = np.nonzero(raster(got) != expected)
    edges = shapely.union_all([outline.boundary for outline in outlines])
    assert (shapely.distance(edges, shapely.points(xs + 0.5, ys + 0.5)) <= 1.0).all()


def covers(outer: BaseGeometry, inner: BaseGeometry) -> bool:
    return bool(shapely.difference(inner, outer).area < 0.01)


def same_shape(a: Region, b: Region, area: float = 1e-3) -> None:
    assert shapely.symmetric_difference(a, b).area < area


@few
@given(any_region(), any_region())
def test_boolean_tools_agree_with_rasters_and_undo_each_other(a: Region, b: Region) -> None:
    in_a, in_b = raster(a), raster(b)
    for got, expected in (
        (boolean.union(a, b), in_a | in_b),
        (boolean.subtract(a, b), in_a & ~in_b),
        (boolean.intersect(a, b), in_a & in_b),
    ):
        check(got)
        same_but_for_edges(got, expected, a, b)
    rest = boolean.subtract(b, a)
    assert not boolean.overlaps(a, rest)
    same_shape(boolean.union(rest, boolean.intersect(a, b)), b, 0.01)


@few
@given(any_region(), any_line(), st.floats(0.5, 12))
def test_the_brush_paints_and_erases_the_buffered_line(
    region: Region, line: np.ndarray, radius: float
) -> None:
    stroke = strokes.stroke(line, radius, W, H)
    check(stroke)
    exact = shapely.buffer(
        LineString(line) if len(line) > 1 else shapely.points(line[0]), radius, quad_segs=64
    )
    exact = shapely.intersection(exact, IMAGE)
    within = strokes.ROUND_WITHIN + strokes.LINE_WITHIN + strokes.BEND_WITHIN * radius
    assert covers(shapely.buffer(exact, within), stroke)
    assert covers(shapely.buffer(stroke, within), exact)
    painted, erased = strokes.paint(region, stroke), strokes.erase(region, stroke)
    check(painted)
    check(erased)
    same_but_for_edges(painted, raster(region) | raster(stroke), region, stroke)
    same_but_for_edges(erased, raster(region) & ~raster(stroke), region, stroke)


@few
@given(any_line(), st.integers(0, 9))
def test_a_stroke_of_a_pen_covers_the_discs_at_its_points_and_what_lies_between(
    line: np.ndarray, seed: int
) -> None:
    radii = np.random.default_rng(seed).uniform(0.5, 9, len(line))  # pen pressure
    stroke = strokes.stroke(line, radii, W, H)
    check(stroke)
    discs = shapely.buffer(shapely.points(line), radii, quad_segs=64)
    hulls = [shapely.convex_hull(shapely.union(a, b)) for a, b in pairwise(discs)]
    exact = shapely.intersection(shapely.union_all([*discs, *hulls]), IMAGE)
    assert covers(shapely.buffer(exact, 0.01), stroke)
    # What is cut off at the border is missing there at an angle, so farther away.
    inside = shapely.intersection(exact, shapely.buffer(IMAGE, -0.5))
    assert covers(shapely.buffer(stroke, strokes.ROUND_WITHIN + 1e-6), inside)


@few
@given(any_region(), any_line())
def test_pieces_of_a_cut_have_neither_gap_nor_overlap(region: Region, line: np.ndarray) -> None:
    pieces = cut.cut(region, line)
    if pieces is None:
        return
    assert len(pieces) >= 2
    for piece in pieces:
        check(piece)
        assert piece.area >= 1
    assert sum(piece.area for piece in pieces) == pytest.approx(region.area, abs=0.02)
    same_shape(boolean.union(*pieces), region, 0.02)


@few
@given(any_region(), st.floats(-6, 6))
def test_growing_and_shrinking_agree_with_distances(region: Region, pixels: float) -> None:
    grown = morphology.grow(region, pixels, W, H)
    check(grown)
    outside = shapely.difference(IMAGE, region)
    ys, xs = np.mgrid[:H, :W] + 0.5
    centres = shapely.points(xs, ys)
    signed = shapely.distance(region, centres) - shapely.distance(outside, centres)
    clear = np.abs(signed - pixels) > 0.15
    np.testing.assert_array_equal(raster(grown)[clear], (signed < pixels)[clear])


@few
@given(any_region(), st.floats(0.2, 6))
def test_smoothing_and_simplifying_keep_parts_holes_and_most_of_the_area(region: Region, by: float) -> None:
    for adjusted in (morphology.smooth(region, by, W, H), morphology.simplify(region, by)):
        check(adjusted.region)
        assert regions.is_drawable(adjusted.region)
        assert adjusted.iou == pytest.approx(regions.iou(adjusted.region, region))
    simple = morphology.simplify(region, by)
    assert simple.vertices <= morphology.vertex_count(region)
    assert len(simple.region.geoms) == len(region.geoms)


@few
@given(any_region(), any_region(), st.floats(0.5, 5))
def test_snapping_leaves_no_overlap_and_no_gap(region: Region, neighbour: Region, distance: float) -> None:
    snapped = reshape.snap(region, [neighbour], distance, W, H)
    check(snapped)
    assert not boolean.overlaps(snapped, neighbour)
    own = boolean.subtract(region, neighbour)
    assert covers(snapped, own)
    assert covers(shapely.buffer(own, distance + 0.2), snapped)


def box(x0: float, y0: float, x1: float, y1: float) -> Region:
    return regions.from_box(x0, y0, x1, y1)


def areas(pieces: tuple[Region, ...] | None) -> list[float] | None:
    return None if pieces is None else [round(piece.area, 1) for piece in pieces]


TWO = boolean.union(box(0, 0, 10, 40), box(20, 0, 30, 30))
RING = boolean.subtract(box(0, 0, 40, 40), box(10, 10, 30, 30))


@pytest.mark.parametrize(
    ("region", "line", "expected"),
    [
        (box(0, 0, 40, 40), [(-5, 10), (45, 10)], [1200, 400]),
        (box(0, 0, 40, 40), [(5, 10), (35, 10)], [1200, 400]),  # both ends stop short: extended
        (box(0, 0, 40, 40), [(-5, 10), (15, 10)], None),  # much less than half the way across
        (box(0, 0, 40, 40), [(-5, 10), (22, 10)], [1200, 400]),
        (box(0, 0, 40, 40), [(-5, 45), (45, 45)], None),  # misses
        (box(0, 0, 40, 40), [(-5, 0.05), (45, 0.05)], None),  # only a sliver
        (box(0, 0, 40, 40), [(5, 5)], None),
        (box(0, 0, 40, 40), [(5, 5), (5, 5)], None),
        (box(0, 0, 40, 40), [(10, 10), (30, 10), (30, 30), (10, 30), (10, 9)], [1200, 400]),  # a loop
        (TWO, [(15, -5), (15, 45)], [400, 300]),  # between two parts
        (TWO, [(15, 50), (15, 60)], None),
        (TWO, [(-5, 20), (35, 20)], [400, 300]),  # through both: one annotation on either side
        (TWO, [(-5, 20), (12, 20)], [500, 200]),  # the other part goes with the nearest piece
        (RING, [(20, -5), (20, 45)], [600, 600]),  # through the hole
        (RING, [(20, -5), (20, 20)], None),  # opens the ring, but it still hangs together
        (regions.EMPTY, [(0, 0), (9, 9)], None),
    ],
)
def test_cuts(region: Region, line: list[tuple[float, float]], expected: list[float] | None) -> None:
    assert areas(cut.cut(region, line)) == expected


def test_a_lasso_that_overshoots_its_start_has_no_hole() -> None:
    ring = [(10, 10), (40, 10), (40, 40), (10, 40), (10, 8), (14, 8), (14, 16), (8, 16)]
    inside = strokes.lasso(ring, W, H)
    check(inside)
    assert not inside.geoms[0].interiors
    assert regions.contains(inside, 12, 12)
    assert strokes.lasso([(0, 0), (9, 9)], W, H).is_empty
    assert strokes.lasso([(0, 0), (9, 9), (18, 18)], W, H).is_empty
    assert strokes.lasso([(-9, -9), (99, -9), (99, 99), (-9, 99)], W, H).area == pytest.approx(W * H)


def test_strokes_of_nothing() -> None:
    assert strokes.stroke([], 5, W, H).is_empty
    assert strokes.stroke([(-20, -20)], 5, W, H).is_empty
    assert strokes.stroke([(5, 5), (5, 5)], 4, W, H).area == pytest.approx(np.pi * 16, rel=0.03)


def test_holes_and_specks_up_to_an_area() -> None:
    holed = boolean.subtract(box(0, 0, 40, 40), box(2, 2, 4, 4), box(10, 10, 20, 20))
    specked = boolean.union(holed, box(12, 12, 18, 18), box(50, 10, 51, 11))
    assert morphology.fill_holes(specked, 4).area == pytest.approx(specked.area + 4)
    filled = morphology.fill_holes(specked)  # the part inside the hole becomes one with what is around it
    check(filled)
    assert filled.area == pytest.approx(1601)
    assert len(filled.geoms) == 2
    assert len(morphology.drop_specks(specked, 1).geoms) == 2
    assert len(morphology.drop_specks(specked, 1e9).geoms) == 1  # the largest part always stays
    plain = box(0, 0, 3, 3)
    assert morphology.fill_holes(plain) is plain
    assert morphology.drop_specks(plain, 1e9) is plain


def test_the_edge_of_the_image_is_no_outline() -> None:
    at_edge = box(0, 10, 30, 30)
    same_shape(morphology.grow(at_edge, -2, W, H), box(0, 12, 28, 28), 2.0)
    assert morphology.grow(at_edge, -2, W, H).bounds[0] == 0
    assert morphology.grow(box(0, 0, W, H), -5, W, H).equals(box(0, 0, W, H))
    smooth = morphology.smooth(at_edge, 3, W, H).region
    assert smooth.bounds[0] == 0
    assert morphology.grow(box(20, 20, 24, 24), -2, W, H).is_empty


def test_a_stretch_of_an_outline_is_redrawn() -> None:
    square = box(10, 10, 30, 30)
    out = reshape.redraw(square, [(29, 15), (40, 15), (40, 25), (31, 25)], 2, W, H)
    assert out is not None
    assert out.area == pytest.approx(500)
    inward = reshape.redraw(square, [(30, 25), (20, 25), (20, 15), (30, 15)], 2, W, H)
    assert inward is not None
    assert inward.area == pytest.approx(300)
    around = reshape.redraw(square, [(30, 12), (30, 5), (5, 5), (5, 35), (30, 35), (30, 28)], 2, W, H)
    assert around is not None  # most of the outline
    assert around.area == pytest.approx(25 * 30)
    hole = reshape.redraw(RING, [(10, 15), (5, 15), (5, 25), (10, 25)], 2, W, H)
    assert hole is not None
    assert hole.area == pytest.approx(1150)
    assert reshape.redraw(square, [(29, 15), (60, 15)], 2, W, H) is None  # ends too far
    assert reshape.redraw(RING, [(0, 20), (10, 20)], 2, W, H) is None  # from one ring to another
    assert reshape.redraw(square, [(30, 15)], 2, W, H) is None


def test_a_soft_drag_moves_what_is_near_less_and_what_is_far_not_at_all() -> None:
    square = box(10, 10, 40, 40)
    corner = next(i for i, xy in enumerate(square.geoms[0].exterior.coords) if xy == (40, 40))
    dragged = reshape.soft_move(square, VertexRef(0, 0, corner), 46, 46, 12)
    check(regions.clean(dragged))
    assert dragged.bounds[2:] == (46, 46)
    assert regions.contains(dragged, 43, 41)
    assert not regions.contains(dragged, 40.5, 25)
    assert regions.contains(dragged, 39.5, 25)


def test_snapping_closes_a_gap_and_removes_an_overlap() -> None:
    left = box(0, 0, 20, 48)
    for edge in (22, 18):
        snapped = reshape.snap(box(edge, 5, 40, 45), [left], 3, W, H)
        shared = shapely.length(shapely.intersection(snapped.boundary, left.boundary))
        assert 40 <= shared <= 46  # at its ends it is rounded within the distance
    far = box(30, 5, 40, 45)
    assert reshape.snap(far, [left], 3, W, H) is far
    assert reshape.snap(box(5, 15, 10, 20), [left], 3, W, H).is_empty


def jagged(vertices_wanted: int) -> Region:
    """A blob with a rough outline, as a mask of a large image has."""
    rng = np.random.default_rng(1)
    angle = np.linspace(0, 2 * np.pi, vertices_wanted, endpoint=False)
    radius = 900 * (1 + 0.15 * np.sin(5 * angle)) + np.convolve(
        rng.normal(size=vertices_wanted), [0.5, 0.5], "same"
    )
    return regions.clean(
        shapely.polygons(np.column_stack([1200 + radius * np.cos(angle), 1200 + radius * np.sin(angle)]))
    )


@pytest.mark.parametrize("tool", ["cut", "union", "grow", "shrink", "brush"])
def test_a_region_of_5000_vertices_is_changed_within_50_ms(tool: str) -> None:
    region, side = jagged(5000), 3000
    other = regions.translate(region, 400, 300)
    operations = {
        "cut": lambda: cut.cut(region, [(100, 1200), (1200, 1300), (2400, 1200)]),
        "union": lambda: boolean.union(region, other),
        "grow": lambda: morphology.grow(region, 5, side, side),
        "shrink": lambda: morphology.grow(region, -5, side, side),
        "brush": lambda: boolean.union(region, strokes.stroke([(200, 300), (1200, 320)], 40, side, side)),
    }
    assert morphology.vertex_count(region) >= 5000
    spent = []
    for _ in range(3):
        start = time.thread_time()
        operations[tool]()
        spent.append(time.thread_time() - start)
    assert min(spent) < (0.008 if tool == "brush" else 0.05)
