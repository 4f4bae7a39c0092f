from __future__ import annotations

import numpy as np
import pytest
import shapely
import shapely.affinity
from hypothesis import example, given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray
from shapely.geometry import LineString, MultiPolygon, Point, Polygon

from samdesk.domain.geometry import regions
from samdesk.domain.geometry.types import Region
from samdesk.formats.yolo import yolo_ring
from samdesk.formats.yolo.bridges import join_rings, split_ring
from samdesk.formats.yolo.fill import even_odd
from samdesk.formats.yolo.yolo_ring import region_to_ring, ring_to_region
from tests.helpers.trained import trained_mask

WIDTH, HEIGHT = 97, 61


def square(x: float, y: float, side: float) -> NDArray[np.float64]:
    return np.array([(x, y), (x + side, y), (x + side, y + side), (x, y + side)], dtype=np.float64)


def holes(region: Region) -> int:
    return sum(len(part.interiors) for part in region.geoms)


def written(region: Region, width: int = WIDTH, height: int = HEIGHT, inset: float = 0.5) -> list[str]:
    """The numbers of a line."""
    ring = region_to_ring(region, width, height, inset) / [width, height]
    return [f"{value:.6g}" for value in ring.reshape(-1)]


def read(line: list[str], width: int = WIDTH, height: int = HEIGHT) -> Region:
    ring = np.array(line, dtype=np.float64).reshape(-1, 2) * [width, height]
    return regions.clip(ring_to_region(ring), width, height)


def test_the_ring_runs_through_the_centres_of_the_boundary_pixels() -> None:
    ring = region_to_ring(regions.from_box(10, 20, 30, 40), 100, 100)
    assert {tuple(p) for p in ring.tolist()} == {(10.5, 20.5), (29.5, 20.5), (29.5, 39.5), (10.5, 39.5)}
    assert ring_to_region(ring).equals(shapely.box(10, 20, 30, 40))


def test_a_pixel_exact_region_trains_exactly_its_pixels() -> None:
    mask = np.zeros((40, 60), dtype=np.bool_)
    mask[5:30, 8:50] = True
    mask[10:20, 20:30] = False
    mask[33:38, 40:55] = True
    ring = region_to_ring(regions.from_mask(mask), 60, 40) / [60, 40]
    trained = trained_mask(ring, 60, 40)
    # Only the bridge between the two parts is painted beside them.
    assert trained[mask].all()
    assert np.count_nonzero(trained & ~mask) <= 8


def test_parts_and_holes_come_back() -> None:
    cut = MultiPolygon([shapely.box(10, 10, 18, 18), shapely.box(25, 25, 33, 30)])
    island = shapely.box(12, 12, 15, 15)
    parts = [shapely.box(5, 5, 40, 40).difference(cut), shapely.box(50, 10, 60, 30), island]
    region = regions.clean(shapely.union_all(parts))
    back = read(written(region))
    assert len(back.geoms) == 3
    assert holes(back) == 2
    assert regions.iou(back, region) > 0.9999


def test_what_would_vanish_keeps_a_form_one_pixel_wide() -> None:
    for thin in (
        regions.from_box(10, 10, 50, 10.4),
        regions.from_box(10, 10, 10.3, 50),
        regions.from_box(20, 20, 20.2, 20.2),
        regions.clean(LineString([(5, 5), (40, 30), (80, 33)]).buffer(0.3)),
        regions.from_box(0, 0, 0.2, 40),
        regions.from_box(96.9, 60.9, 97, 61),
    ):
        line = written(thin)
        back = read(line)
        assert regions.is_drawable(back)
        assert back.distance(thin) < 0.6
        assert back.hausdorff_distance(thin) < 1.5
        assert written(back) == line


def test_a_vanishing_part_beside_a_large_one_stays() -> None:
    region = regions.clean(shapely.union_all([shapely.box(5, 5, 30, 30), shapely.box(40, 10, 60, 10.6)]))
    assert len(read(written(region)).geoms) == 2


RADII = st.lists(st.floats(0.05, 1.0), min_size=3, max_size=14)
PLACE = st.tuples(st.floats(0, WIDTH), st.floats(0, HEIGHT))


@st.composite
def blobs(draw: st.DrawFn) -> Region:
    """A star, often with needles and notches."""
    radii = np.array(draw(RADII)) * draw(st.floats(0.3, 40))
    turns = np.arange(len(radii)) * 2 * np.pi / len(radii) + draw(st.floats(0, 6))
    x, y = draw(PLACE)
    return regions.from_ring(np.column_stack([x + radii * np.cos(turns), y + radii * np.sin(turns)]))


@st.composite
def lines(draw: st.DrawFn) -> Region:
    """A drawn line, mostly less than a pixel wide."""
    points = draw(st.lists(PLACE, min_size=2, max_size=5))
    with np.errstate(all="ignore"):  # GEOS divides by the length of a needle
        return regions.clean(LineString(points).buffer(draw(st.floats(0.05, 1.5)), quad_segs=2))


@st.composite
def rugged(draw: st.DrawFn) -> Region:
    """Parts, holes, needles and lines together, cut at the image's border."""
    parts = draw(st.lists(st.one_of(blobs(), lines()), min_size=1, max_size=4))
    cut = draw(st.lists(blobs(), max_size=2))
    region = regions.clean(shapely.union_all(parts).difference(shapely.union_all(cut)))
    return regions.clip(region, WIDTH, HEIGHT)


INSETS = st.sampled_from([0.25, 0.375, 0.5, 0.625, 1.25, 2.0, 3.125, 7.5])


@settings(max_examples=130, deadline=None)
@given(rugged(), INSETS | st.just(0.5))
def test_write_read_write_gives_the_same_text(region: Region, inset: float) -> None:
    if not regions.is_drawable(region):
        return
    line = written(region, inset=inset)
    assert len(line) >= 6
    back = read(line)
    assert back.is_valid
    assert written(back, inset=inset) == line


@pytest.mark.parametrize(("width", "height"), [(1, 1), (1, 9), (9, 1), (2, 2)])
def test_images_of_a_pixel_or_two(width: int, height: int) -> None:
    line = written(regions.from_box(0, 0, width, height), width, height)
    back = read(line, width, height)
    assert back.area == pytest.approx(width * height)
    assert written(back, width, height) == line


@settings(max_examples=150, deadline=None)
@given(PLACE, st.floats(1e-9, 0.5), st.floats(1e-9, 0.5), st.floats(0, 3), INSETS)
def test_the_smallest_speck_has_a_line(
    place: tuple[float, float], width: float, height: float, turn: float, inset: float
) -> None:
    box = shapely.affinity.rotate(shapely.box(0, 0, width, height), turn, use_radians=True)
    speck = regions.clip(regions.translate(regions.clean(box), *place), WIDTH, HEIGHT)
    if regions.is_drawable(speck):
        line = written(speck, inset=inset)
        assert len(line) >= 6
        assert written(read(line), inset=inset) == line


@settings(max_examples=40, deadline=None)
@given(rugged(), st.integers(1, 9))
def test_the_text_does_not_depend_on_where_a_ring_starts(region: Region, turn: int) -> None:
    turned = []
    for part in region.geoms:
        rings = [np.asarray(ring.coords)[:-1] for ring in (part.exterior, *part.interiors)]
        shell, *inner = [np.roll(ring, turn, axis=0) for ring in rings]
        turned.append(Polygon(shell, inner))
    if regions.is_drawable(region):
        assert written(MultiPolygon(turned[::-1])) == written(region)


@settings(max_examples=60, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(3, 14), st.floats(0.1, 0.9), INSETS)
@example(0, 14, 0.5, 0.5)
def test_masks_of_pixels_are_stable_too(seed: int, side: int, share: float, inset: float) -> None:
    mask = np.random.default_rng(seed).random((side, side)) < share
    if not mask.any():
        return
    inset = max(0.25, min(inset, side // 2 / 2))
    line = written(regions.from_mask(mask), side, side, inset)
    assert written(read(line, side, side), side, side, inset) == line


@pytest.mark.parametrize("width", [320, 6000, 24000])
def test_stable_at_any_image_size(width: int) -> None:
    region = regions.clean(
        Point(width / 2, width / 2)
        .buffer(width / 3)
        .difference(Point(width / 2, width / 3).buffer(width / 9))
    )
    line = written(region, width, width)
    back = read(line, width, width)
    assert holes(back) == 1
    assert written(back, width, width) == line
    assert regions.iou(back, region) > 0.99


def test_bridges_are_the_shortest_and_are_walked_there_and_back() -> None:
    rings = [square(0, 0, 10), square(14, 0, 10), square(30, 0, 4)]
    walked = join_rings(rings)
    steps = {
        (tuple(a), tuple(b)) for a, b in zip(walked.tolist(), np.roll(walked, -1, 0).tolist(), strict=True)
    }
    both = {frozenset(step) for step in steps if step[::-1] in steps}
    assert both == {frozenset([(10.0, 0.0), (14.0, 0.0)]), frozenset([(24.0, 0.0), (30.0, 0.0)])}
    assert sorted(sorted(map(tuple, ring.tolist())) for ring in split_ring(walked)) == sorted(
        sorted(map(tuple, ring.tolist())) for ring in rings
    )


@pytest.mark.parametrize("start", range(10))
def test_a_ring_is_split_wherever_it_starts(start: int) -> None:
    walked = np.roll(join_rings([square(0, 0, 20), square(5, 5, 4)]), start, axis=0)
    region = even_odd(split_ring(walked))
    assert region.area == pytest.approx(400 - 16)


def test_many_parts_hang_on_one_ring() -> None:
    rings = [square(4 * (i % 40), 4 * (i // 40), 2) for i in range(1200)]
    assert len(split_ring(join_rings(rings))) == 1200


def test_crossing_rings_are_filled_even_odd_as_the_trainer_does() -> None:
    region = even_odd([square(0, 0, 10), square(5, 5, 10)])
    assert region.area == pytest.approx(200 - 2 * 25)
    pentagram = [(np.sin(4 * np.pi * i / 5) * 20 + 30, np.cos(4 * np.pi * i / 5) * 20 + 30) for i in range(5)]
    assert not regions.contains(ring_to_region(pentagram), 30, 30)


def test_foreign_rings() -> None:
    assert ring_to_region(np.zeros((0, 2))).is_empty
    line = ring_to_region([(10, 10), (30, 10), (10, 10)])  # the trainer paints a line of one pixel
    assert line.area == pytest.approx(21)
    assert line.bounds == (9.5, 9.5, 30.5, 10.5)
    assert ring_to_region([(10, 10), (10, 10), (10, 10)]).bounds == (9.5, 9.5, 10.5, 10.5)
    spike = ring_to_region([(0, 0), (10, 0), (10, 10), (50, 10), (10, 10), (0, 10)])
    assert spike.bounds == (-0.5, -0.5, 10.5, 10.5)
    assert len(region_to_ring(regions.EMPTY, 10, 10)) == 0


def test_polygons_of_other_tools_gain_half_a_pixel_around() -> None:
    region = ring_to_region(np.asarray(Polygon(square(10, 10, 20)).exterior.coords))
    assert region.bounds == (9.5, 9.5, 30.5, 30.5)


def test_a_mask_of_dust_keeps_its_largest_parts() -> None:
    sides = np.linspace(1, 5, 1600)
    specks = [
        shapely.box(x, y, x + side, y + side)
        for (x, y), side in zip(np.ndindex(40, 40), sides, strict=True)
        for x, y in [(10 * x, 10 * y)]
    ]
    blob = shapely.box(410, 410, 600, 600)
    read = ring_to_region(region_to_ring(regions.clean(MultiPolygon([*specks, blob])), 640, 640))
    assert regions.contains(read, 500, 500)
    assert 100 < len(read.geoms) <= 200


def test_noise_is_written_in_seconds_not_minutes() -> None:
    noise = np.random.default_rng(0).normal(size=(96, 96)) > 0
    large = shapely.affinity.scale(regions.from_mask(noise), 8, 8, origin=(0, 0))
    ring = region_to_ring(regions.clean(large), 768, 768)
    assert len(ring) < 40_000


def test_a_long_tangled_outline_is_written_as_it_is_read(monkeypatch: pytest.MonkeyPatch) -> None:
    """Its outline of pixels was longer than what is written without coarsening it."""
    monkeypatch.setattr(yolo_ring, "_MOST_VERTICES", 600)
    points = np.random.default_rng(0).random((45, 2)) * [150, 110]
    region = ring_to_region(points)
    ring = region_to_ring(region, 150, 110)
    again = region_to_ring(ring_to_region(ring), 150, 110)
    assert np.array_equal(again, ring)
    assert 100 < len(ring) < 700
