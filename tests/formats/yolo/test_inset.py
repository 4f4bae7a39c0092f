from __future__ import annotations

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from samdesk.domain.geometry import regions
from samdesk.formats.yolo import segmentation, trainer_raster, yolo_ring
from samdesk.formats.yolo.inset import PLAIN_PX, inset_px, mark, unmark

BOX = np.array([(100.0, 100.0), (160, 100), (160, 130), (100, 130)])
SPECK = np.array([(100.0, 100.0), (100.25, 100), (100.25, 100.125), (100, 100.125)])


@pytest.mark.parametrize(
    ("size", "train_size", "wanted"),
    [
        ((640, 480), 640, 0.5),
        ((3200, 2400), 640, 2.5),
        ((4032, 3024), 640, 3.125),
        ((4032, 3024), 4032, 0.5),
        ((640, 480), 1280, 0.25),
        ((500, 375), 640, 0.375),
        ((80, 60), 640, 0.375),
        ((9000, 4), 640, 1.0),
        ((1, 1), 640, 0.375),
    ],
)
def test_the_inset_is_half_a_pixel_of_the_training_grid(
    size: tuple[int, int], train_size: int, wanted: float
) -> None:
    assert inset_px(*size, train_size) == wanted


@settings(max_examples=50, deadline=None)
@given(st.integers(1, 30_000), st.integers(1, 30_000), st.integers(32, 8192))
def test_a_marked_ring_says_its_inset_also_after_it_was_text(
    width: int, height: int, train_size: int
) -> None:
    inset = inset_px(width, height, train_size)
    for ring in (BOX, SPECK, BOX * [1, 20]):
        marked = mark(ring, inset)
        text = [f"{value:.6g}" for value in (marked / [width, height]).reshape(-1)]
        found, by = unmark(np.array(text, dtype=np.float64).reshape(-1, 2) * [width, height])
        assert by == inset
        assert len(found) == len(ring)


@pytest.mark.parametrize(
    "ring",
    [
        BOX,
        [(0, 0), (10, 0), (20, 0), (30, 0), (30, 30), (0, 30)],  # vertices at even distances
        [(0, 0), (8, 0), (13, 0), (40, 0), (40, 30), (0, 30)],
        [(0, 0), (0, 0), (30, 0), (30, 30), (0, 30)],
        [(0, 0), (30, 0), (30, 30), (0, 30), (0, 0)],
        [(10, 10), (30, 10), (10, 10)],
    ],
)
def test_the_outline_of_another_program_has_no_mark(ring: list[tuple[float, float]]) -> None:
    assert unmark(np.array(ring, dtype=np.float64))[1] == PLAIN_PX


def test_a_ring_that_looks_marked_by_chance_starts_elsewhere() -> None:
    chance = mark(BOX, 3.125)
    assert unmark(chance)[1] == 3.125
    written = mark(chance, PLAIN_PX)
    assert unmark(written)[1] == PLAIN_PX
    assert sorted(map(tuple, written.tolist())) == sorted(map(tuple, chance.tolist()))


@pytest.mark.parametrize("inset", [0.25, 3.125])
def test_reading_gives_back_a_region_of_pixels_exactly(inset: float) -> None:
    mask = np.zeros((160, 240), dtype=np.bool_)
    mask[20:100, 30:200] = True
    mask[50:70, 60:90] = False
    mask[120:150, 100:160] = True
    region = regions.from_mask(mask)
    ring = yolo_ring.region_to_ring(region, 240, 160, inset)
    text = [f"{value:.6g}" for value in (ring / [240, 160]).reshape(-1)]
    read = yolo_ring.ring_in_image(np.array(text, dtype=np.float64).reshape(-1, 2), 240, 160)
    assert read.equals(region)


def _photo_ring(train_size: int) -> tuple[NDArray[np.float64], regions.Region]:
    region = regions.clean(
        shapely.Point(1500, 1100).buffer(150).difference(shapely.box(1450, 1050, 1530, 1130))
    )
    text, _, stable = segmentation.LINES.line(region, (4000, 3000), 0, train_size)
    assert stable
    return np.array(text.split(), dtype=np.float64).reshape(-1, 2), region


def test_a_large_image_trains_its_mask_at_the_training_size() -> None:
    for train_size in (640, 1280):
        ring, region = _photo_ring(train_size)
        assert trainer_raster.trained_iou(ring, region, 4000, 3000, train_size) > 0.98
        (line,) = segmentation.parse(f"0 {' '.join(map(str, ring.reshape(-1)))}", 4000, 3000).lines
        assert regions.iou(line.region, region) > 0.999
    along_the_edge, region = _photo_ring(4000)
    assert trainer_raster.trained_iou(along_the_edge, region, 4000, 3000, 640) < 0.96


@pytest.mark.parametrize("size", [(64, 48), (80, 60), (160, 120), (320, 240), (640, 480), (1280, 960)])
def test_a_circle_keeps_its_vertices_and_reads_as_itself_in_an_image_of_any_size(
    size: tuple[int, int],
) -> None:
    region = regions.clean(shapely.Point(size[0] / 2, size[1] / 2).buffer(size[1] / 4, quad_segs=8))
    points, _, _ = segmentation.LINES.line(region, size, 0, 640)
    ring = np.array(points.split(), dtype=float).reshape(-1, 2)
    assert len(ring) <= 36
    assert regions.iou(yolo_ring.ring_in_image(ring, *size), region) > 0.99
