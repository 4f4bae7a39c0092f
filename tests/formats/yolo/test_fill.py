"""Outlines that cross themselves very often are read in bounded steps, and as the trainer fills them."""

from __future__ import annotations

import numpy as np
import pytest
import shapely
from numpy.typing import NDArray

from samdesk.base.cv import cv2
from samdesk.domain.geometry import regions
from samdesk.domain.geometry.types import BoolArray, Region
from samdesk.formats.yolo import fill, segmentation
from samdesk.formats.yolo.yolo_ring import region_to_ring, ring_to_region

W, H = 640, 480


def shuffled(count: int, width: int = W, height: int = H) -> NDArray[np.float64]:
    """The vertices of an outline in random order."""
    return np.random.default_rng(count).random((count, 2)) * [width, height]


def trained(ring: NDArray[np.float64], width: int = W, height: int = H) -> BoolArray:
    """What the trainer fills: vertices truncated to pixels, even-odd, boundary included."""
    mask = np.zeros((height, width), dtype=np.uint8)
    cv2.fillPoly(mask, [np.floor(ring).astype(np.int32)], 1)
    return mask.view(np.bool_)


def farthest(mask: BoolArray, from_mask: BoolArray) -> float:
    """The largest distance of a pixel of one mask from the other mask, pixels."""
    distance = cv2.distanceTransform((~from_mask).astype(np.uint8), cv2.DIST_C, 3)
    return float(distance[mask].max(initial=0.0))


@pytest.mark.parametrize("count", [40, 100, 150, 300, 420, 1000, 5000])
def test_a_tangled_outline_is_what_the_trainer_fills_within_a_pixel(count: int) -> None:
    ring = shuffled(count)
    region = ring_to_region(ring)
    got, wanted = regions.rasterize(region, H, W), trained(ring)
    assert shapely.is_valid(region)
    assert farthest(got, wanted) <= 1
    assert farthest(wanted, got) <= 1
    assert abs(int(got.sum()) - int(wanted.sum())) < 0.02 * W * H


@pytest.mark.parametrize(("count", "width", "height"), [(300, 9000, 7000), (20_000, W, H), (200_000, W, H)])
def test_more_than_can_be_painted_is_painted_on_larger_pixels(count: int, width: int, height: int) -> None:
    region = ring_to_region(shuffled(count, width, height))
    assert shapely.is_valid(region)
    assert shapely.get_num_coordinates(region) <= fill.MOST_CORNERS * 1.1
    assert region.area > 0.4 * width * height
    x0, y0, x1, y1 = region.bounds
    assert x0 >= -1
    assert y0 >= -1
    assert x1 <= width + 64
    assert y1 <= height + 64


def test_the_exact_fill_is_used_up_to_a_number_of_crossings() -> None:
    zigzag = np.array([(x, y) for x in range(0, 4000, 2) for y in (10 + x % 3, 400)], dtype=np.float64)
    assert not fill.is_tangled([np.vstack([zigzag, [(4000, 500), (0, 500)]])])
    assert not fill.is_tangled([shuffled(40)])
    assert fill.is_tangled([shuffled(300)])
    assert fill.is_tangled([shuffled(50), shuffled(51), shuffled(52), shuffled(53)])


def test_an_outline_that_does_not_cross_itself_is_exact_however_long() -> None:
    angle = np.linspace(0, 2 * np.pi, 50_000, endpoint=False)
    radius = 200 + 3 * np.sin(400 * angle)
    ring = np.stack([320 + radius * np.cos(angle), 240 + radius * np.sin(angle)], axis=1)
    region = ring_to_region(ring)
    exact = shapely.buffer(shapely.Polygon(ring), 0.5, join_style="mitre", mitre_limit=2.0)
    assert regions.iou(region, regions.clean(exact)) > 0.9999
    assert shapely.get_num_coordinates(region) > 30_000


def test_spikes_without_area_are_lines() -> None:
    ends = shuffled(2000)
    ring = np.stack([np.broadcast_to([320.0, 240.0], ends.shape), ends], axis=1).reshape(-1, 2)
    region = ring_to_region(ring)
    got = regions.rasterize(region, H, W)
    assert farthest(got, trained(ring)) <= 1
    assert farthest(trained(ring), got) <= 1


def test_a_tangled_line_is_read_and_written_in_bounded_size() -> None:
    points = " ".join(f"{v:.6g}" for v in (shuffled(420) / [W, H]).reshape(-1))
    parsed = segmentation.parse(f"0 {points}\n1 0.2 0.2 0.6 0.2 0.6 0.7\n", W, H)
    assert not parsed.problems
    tangled, plain = (line.region for line in parsed.lines)
    assert tangled.bounds[0] >= 0
    assert tangled.bounds[2] <= W
    assert len(region_to_ring(tangled, W, H)) <= 30_000
    assert len(region_to_ring(plain, W, H)) < 10


def test_the_fill_of_pixels_has_no_diagonal_gaps_and_keeps_what_is_set() -> None:
    noise = np.random.default_rng(0).random((60, 80)) < 0.4
    joined = fill._without_diagonals(noise)
    assert not (noise & ~joined).any()
    assert farthest(joined, noise) <= 1
    region: Region = regions.from_mask(joined)
    assert np.array_equal(regions.rasterize(region, 60, 80), joined)
