from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import Point

from samdesk.base.cv import cv2
from samdesk.domain.geometry import contours, regions
from samdesk.domain.geometry.cells import cell_size
from samdesk.domain.geometry.rasters import logits_to_raster
from samdesk.domain.geometry.types import BoolArray, FloatArray, Frame, Region
from tests.helpers.coco import instances, raster_iou

SIZES = [(480, 640), (427, 640), (640, 333), (1500, 2000), (37, 50)]


ROW, COLUMN = np.mgrid[:256, :256]
RADIUS = np.hypot(ROW - 127.5, COLUMN - 127.5)


def soft_noise(seed: int, detail: int = 16) -> FloatArray:
    """Logits with many parts and holes at every border; with a detail of 256 every cell differs."""
    rng = np.random.default_rng(seed)
    coarse = rng.normal(size=(detail, detail)).astype(np.float32)
    return np.ascontiguousarray(cv2.resize(coarse, (256, 256), interpolation=cv2.INTER_CUBIC) * 5)


def binary(mask: BoolArray) -> FloatArray:
    return np.where(mask, 8, -8).astype(np.float32)


def outlines(region: Region) -> int:
    return len(region.geoms) + sum(len(part.interiors) for part in region.geoms)


def coverage_logits(mask: BoolArray) -> tuple[FloatArray, Frame]:
    """A mask as SAM's logits: antialiased on the grid of its padded square, -10..10."""
    height, width = mask.shape
    side = max(height, width)
    padded = np.zeros((side, side), dtype=np.float32)
    padded[:height, :width] = mask
    return cv2.resize(padded, (256, 256), interpolation=cv2.INTER_AREA) * 20 - 10, Frame(0, 0, side)


def region_iou(logits: FloatArray, frame: Frame, hw: tuple[int, int]) -> float:
    region = contours.logits_to_region(logits, frame, hw)
    assert region.is_valid
    assert regions.clip(region, hw[1], hw[0]) is region
    return raster_iou(regions.rasterize(region, *hw), logits_to_raster(logits, frame, hw))


@pytest.mark.parametrize("hw", SIZES)
def test_a_padded_frame_is_upsampled_as_meta_does(hw: tuple[int, int]) -> None:
    torch = pytest.importorskip("torch")
    sam = pytest.importorskip("segment_anything.modeling")
    scale = 1024 / max(hw)
    resized = (int(hw[0] * scale + 0.5), int(hw[1] * scale + 0.5))
    model = SimpleNamespace(image_encoder=SimpleNamespace(img_size=1024))
    logits = soft_noise(1)
    meta = sam.Sam.postprocess_masks(model, torch.from_numpy(logits)[None, None], resized, hw)[0, 0].numpy()
    ours = logits_to_raster(logits, Frame(0, 0, max(hw)), hw)
    assert np.count_nonzero(ours != (meta > 0)) <= 2e-6 * meta.size  # rounding on the very edge


@pytest.mark.parametrize("hw", SIZES)
def test_a_stretched_frame_is_upsampled_as_sam_2_does(hw: tuple[int, int]) -> None:
    torch = pytest.importorskip("torch")
    logits = soft_noise(2)
    meta = torch.nn.functional.interpolate(
        torch.from_numpy(logits)[None, None], hw, mode="bilinear", align_corners=False
    )[0, 0].numpy()
    ours = logits_to_raster(logits, Frame(0, 0, hw[1], hw[0]), hw)
    assert np.count_nonzero(ours != (meta > 0)) <= 2e-6 * meta.size


@pytest.mark.parametrize("hw", SIZES[:4])
@pytest.mark.parametrize("stretched", [False, True])
def test_a_region_matches_the_upsampled_mask(hw: tuple[int, int], stretched: bool) -> None:
    frame = Frame(0, 0, hw[1], hw[0]) if stretched else Frame(0, 0, max(hw))
    for seed in range(3):
        assert region_iou(soft_noise(seed), frame, hw) > 0.995


def test_holes_and_parts_come_through() -> None:
    disc = Point(200, 200).buffer(120).difference(Point(200, 200).buffer(50))
    region = regions.clean(shapely.union_all([disc, shapely.box(400, 100, 500, 300)]))
    logits = contours.region_to_logits(region, Frame(0, 0, 640), (480, 640))
    back = contours.logits_to_region(logits, Frame(0, 0, 640), (480, 640))
    assert len(back.geoms) == 2
    assert sum(len(part.interiors) for part in back.geoms) == 1
    assert regions.iou(region, back) > 0.99


def test_every_coco_mask_agrees_with_meta(coco64: Path) -> None:
    ious = []
    for instance in instances(coco64, 1000):
        logits, frame = coverage_logits(instance.mask)
        hw = (instance.mask.shape[0], instance.mask.shape[1])
        ious.append(region_iou(logits, frame, hw))
    assert len(ious) > 200
    assert np.median(ious) >= 0.995
    assert min(ious) >= 0.98


def test_the_whole_image_gives_the_whole_image() -> None:
    region = contours.logits_to_region(np.full((256, 256), 3.0, np.float32), Frame(0, 0, 640), (480, 640))
    assert region.symmetric_difference(shapely.box(0, 0, 640, 480)).area < 1e-6
    nothing = np.full((256, 256), -3.0, np.float32)
    assert contours.logits_to_region(nothing, Frame(0, 0, 640), (480, 640)).is_empty
    assert not logits_to_raster(nothing, Frame(0, 0, 640), (480, 640)).any()
    zero = np.zeros((256, 256), np.float32)
    assert contours.logits_to_region(zero, Frame(0, 0, 640), (480, 640)).is_empty


def test_a_view_inside_the_image_is_placed_at_its_origin() -> None:
    frame = Frame(300, 100, 128)
    logits = np.full((256, 256), -10, np.float32)
    logits[64:128, 32:96] = 10
    region = contours.logits_to_region(logits, frame, (480, 640))
    np.testing.assert_allclose(region.bounds, (316, 132, 348, 164), atol=0.3)
    raster = logits_to_raster(logits, frame, (480, 640))
    assert raster_iou(regions.rasterize(region, 480, 640), raster) > 0.995
    outside = logits_to_raster(np.full((256, 256), 9, np.float32), Frame(600, 440, 128), (480, 640))
    assert outside.sum() == 40 * 40


@pytest.mark.parametrize("frame", [Frame(0, 0, 640), Frame(0, 0, 640, 480), Frame(100, 50, 400)])
def test_a_region_opens_again_as_the_same_region(frame: Frame) -> None:
    region: Region = regions.clean(Point(280, 220).buffer(90).union(shapely.box(150, 200, 300, 260)))
    logits = contours.region_to_logits(region, frame, (480, 640))
    assert logits.shape == (256, 256)
    assert logits.dtype == np.float32
    assert logits.min() == -10
    assert logits.max() == 10
    assert regions.iou(contours.logits_to_region(logits, frame, (480, 640)), region) > 0.99


def test_stability_is_the_iou_of_two_thresholds() -> None:
    logits = np.array([[2.0, 0.5], [-0.5, -2.0]], dtype=np.float32)
    assert contours.stability_score(logits) == pytest.approx(1 / 3)
    assert contours.stability_score(np.full((2, 2), -5.0, np.float32)) == 0


def test_cost_does_not_grow_with_the_image() -> None:
    logits = soft_noise(3)
    small = contours.logits_to_region(logits, Frame(0, 0, 640), (480, 640))
    large = contours.logits_to_region(logits, Frame(0, 0, 64_000), (48_000, 64_000))
    vertices = [len(shapely.get_coordinates(region)) for region in (small, large)]
    assert vertices[1] < 1.5 * vertices[0]


# Whole photos, views of them, looks past their edges, stretched or not, down to 2 pixels wide.
FRAMES = st.builds(
    Frame,
    st.floats(-60, 180),
    st.floats(-60, 140),
    st.floats(2, 400),
    st.one_of(st.none(), st.floats(2, 300)),
)
DETAIL = st.sampled_from([2, 5, 16, 40])


@settings(max_examples=60, deadline=None)
@given(frame=FRAMES, seed=st.integers(0, 10_000), detail=DETAIL, bias=st.floats(-8, 8))
def test_region_and_raster_show_the_same_pixels(frame: Frame, seed: int, detail: int, bias: float) -> None:
    hw = (150, 200)
    logits = soft_noise(seed, detail) + np.float32(bias)
    region = contours.logits_to_region(logits, frame, hw)
    raster = logits_to_raster(logits, frame, hw)
    assert region.is_valid
    assert regions.clip(region, hw[1], hw[0]) is region
    others = np.count_nonzero(regions.rasterize(region, *hw) != raster)
    moved = max(0.1, 0.04 * max(cell_size(logits.shape, frame, hw)))
    assert others <= 8 + region.length * 2 * moved  # 8: corners, in a frame of 2 x 158 pixels


@settings(max_examples=25, deadline=None)
@given(
    x=st.integers(0, 11_000),
    y=st.integers(0, 7_000),
    side=st.integers(64, 4_000),
    seed=st.integers(0, 10_000),
)
def test_a_view_of_a_100_mp_image_is_the_same_region_elsewhere(x: int, y: int, side: int, seed: int) -> None:
    side = min(side, 12_247 - x, 8_165 - y)
    logits = soft_noise(seed)
    there = contours.logits_to_region(logits, Frame(x, y, side), (8_165, 12_247))
    here = contours.logits_to_region(logits, Frame(0, 0, side), (side, side))
    assert there.is_valid
    assert regions.iou(regions.translate(there, -x, -y), here) > 1 - 1e-6
    assert regions.clip(there, x + side, y + side) is there


@pytest.mark.parametrize("hw", [(1, 1), (50, 20_000), (20_000, 50), (1, 3), (8_165, 12_247)])
@pytest.mark.parametrize("stretched", [False, True])
def test_images_of_any_shape(hw: tuple[int, int], stretched: bool) -> None:
    frame = Frame(0, 0, hw[1], hw[0]) if stretched else Frame(0, 0, max(hw))
    everything = contours.logits_to_region(np.full((256, 256), 9, np.float32), frame, hw)
    assert everything.equals(shapely.box(0, 0, hw[1], hw[0]))
    nothing = contours.logits_to_region(np.full((256, 256), -9, np.float32), frame, hw)
    assert nothing.is_empty
    for seed in range(3):
        logits = soft_noise(seed)
        region = contours.logits_to_region(logits, frame, hw)
        assert region.is_valid
        assert regions.clip(region, hw[1], hw[0]) is region
        if hw[0] * hw[1] <= 1_000_000:
            raster = logits_to_raster(logits, frame, hw)
            assert abs(region.area / (hw[0] * hw[1]) - raster.mean()) < (0.02 if max(hw) > 3 else 1)


@pytest.mark.parametrize("frame", [Frame(640, 0, 100), Frame(-100, 0, 100), Frame(0, 480, 90, 20)])
def test_a_frame_beside_the_image_shows_nothing(frame: Frame) -> None:
    logits = np.full((256, 256), 9, np.float32)
    assert contours.logits_to_region(logits, frame, (480, 640)).is_empty
    assert not logits_to_raster(logits, frame, (480, 640)).any()


def test_a_frame_past_the_image_on_all_sides_is_cut_off_at_the_image() -> None:
    region = contours.logits_to_region(np.full((256, 256), 9, np.float32), Frame(-50, -70, 900), (480, 640))
    assert region.equals(shapely.box(0, 0, 640, 480))


def test_a_view_does_not_spill_over_its_frame() -> None:
    region = contours.logits_to_region(np.full((256, 256), 9, np.float32), Frame(300, 100, 128), (480, 640))
    assert region.equals(shapely.box(300, 100, 428, 228))


def test_what_is_no_number_is_no_object() -> None:
    hw, frame = (480, 640), Frame(0, 0, 640)
    disc = np.where(RADIUS < 60, 9, -9).astype(np.float32)
    wanted = contours.logits_to_region(disc, frame, hw)
    for odd in (np.nan, -np.inf):
        logits = np.where(disc > 0, disc, np.float32(odd))
        region = contours.logits_to_region(logits, frame, hw)
        assert region.is_valid
        assert regions.iou(region, wanted) > 0.95
        raster = logits_to_raster(logits, frame, hw)
        assert raster_iou(regions.rasterize(region, *hw), raster) > 0.99
    endless = np.where(disc > 0, np.float32(np.inf), np.float32(-np.inf))
    assert regions.iou(contours.logits_to_region(endless, frame, hw), wanted) > 0.99
    assert contours.logits_to_region(np.full((256, 256), np.nan, np.float32), frame, hw).is_empty
    assert not logits_to_raster(np.full((256, 256), np.nan, np.float32), frame, hw).any()


@settings(max_examples=25, deadline=None)
@given(
    seed=st.integers(0, 10_000),
    detail=st.sampled_from([8, 64, 256]),
    odd=st.lists(st.sampled_from([np.nan, np.inf, -np.inf, 0.0, 1e-30, 3e38]), min_size=1, max_size=4),
)
def test_odd_logits_give_valid_regions(seed: int, detail: int, odd: list[float]) -> None:
    logits, rng = soft_noise(seed, detail), np.random.default_rng(seed)
    for value in odd:
        logits[rng.random(logits.shape) < 0.05] = value
    region = contours.logits_to_region(logits, Frame(0, 0, 640), (480, 640))
    assert region.is_valid
    assert regions.clip(region, 640, 480) is region
    assert np.isfinite(shapely.get_coordinates(region)).all()


NOISE = {
    "white noise": soft_noise(0, 256),
    "white noise, mostly object": soft_noise(1, 256) + 3,
    "noise of some cells": soft_noise(2, 90),
    "noise of some cells, mostly none": soft_noise(3, 90) - 2,
    "checkerboard": binary((ROW + COLUMN) % 2 == 0),
    "coarse checkerboard": binary((ROW // 4 + COLUMN // 4) % 2 == 0),
    "dots": binary((ROW % 3 == 1) & (COLUMN % 3 == 1)),
    "pinholes": binary((ROW % 3 != 1) | (COLUMN % 3 != 1)),
    "stripes": binary(COLUMN % 2 == 0),
    "concentric rings": binary(RADIUS % 3 < 1.5),
    "spiral": (8 * np.cos(RADIUS * np.pi + np.arctan2(ROW - 127.5, COLUMN - 127.5))).astype(np.float32),
    "salt and pepper": np.where(np.random.default_rng(4).random((256, 256)) < 0.1, -1, 1)
    * binary(RADIUS < 100),
}


@pytest.mark.parametrize("name", NOISE)
@pytest.mark.parametrize("hw", [(480, 640), (8_165, 12_247)])
def test_noise_is_bounded(name: str, hw: tuple[int, int]) -> None:
    region = contours.logits_to_region(NOISE[name], Frame(0, 0, max(hw)), hw)
    assert region.is_valid
    assert outlines(region) <= contours.MOST_RINGS
    assert len(shapely.get_coordinates(region)) < 15_000
    assert regions.clip(region, hw[1], hw[0]) is region


def test_an_object_in_speckles_is_still_there() -> None:
    disc = contours.logits_to_region(binary(RADIUS < 100), Frame(0, 0, 256), (256, 256))
    region = contours.logits_to_region(NOISE["salt and pepper"], Frame(0, 0, 256), (256, 256))
    assert regions.iou(region, disc) > 0.9


def test_an_object_seen_through_leaves_keeps_every_part() -> None:
    tiles = (ROW % 16 < 7) & (COLUMN % 16 < 7)
    region = contours.logits_to_region(binary(tiles), Frame(0, 0, 2560), (2560, 2560))
    assert len(region.geoms) == 16 * 16
    holes = contours.logits_to_region(binary(~tiles), Frame(0, 0, 2560), (2560, 2560))
    assert sum(len(part.interiors) for part in holes.geoms) == 15 * 15
    crumbs = contours.logits_to_region(
        binary((ROW % 8 == 4) & (COLUMN % 9 == 4)), Frame(0, 0, 2560), (2560, 2560)
    )
    assert len(crumbs.geoms) == 32 * 28  # 896, below MOST_RINGS


def test_of_too_many_outlines_the_largest_stay() -> None:
    crumbs = (ROW % 4 == 2) & (COLUMN % 4 == 2)
    mask = (RADIUS < 60) & (RADIUS > 30) | crumbs & (RADIUS > 62)
    region = contours.logits_to_region(binary(mask), Frame(0, 0, 256), (256, 256))
    assert outlines(region) == contours.MOST_RINGS
    band = max(region.geoms, key=lambda part: part.area)
    assert len(band.interiors) == 1
    assert band.area == pytest.approx(np.pi * (60**2 - 30**2), rel=0.02)


def test_no_real_mask_comes_near_the_caps(coco64: Path) -> None:
    counts = []
    for instance in instances(coco64, 0):
        logits, frame = coverage_logits(instance.mask)
        region = contours.logits_to_region(logits, frame, (instance.mask.shape[0], instance.mask.shape[1]))
        counts.append((outlines(region), len(shapely.get_coordinates(region))))
    assert len(counts) > 400
    assert max(rings for rings, _ in counts) < contours.MOST_RINGS / 10
    assert max(vertices for _, vertices in counts) < 2_000
