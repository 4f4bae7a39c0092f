from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import shapely
from shapely.geometry import Point

from samdesk.domain import contours, regions
from samdesk.domain.cv import cv2
from samdesk.domain.geometry import BoolArray, FloatArray, Frame, Region
from tests.helpers.coco import instances, raster_iou

SIZES = [(480, 640), (427, 640), (640, 333), (1500, 2000), (37, 50)]


def soft_noise(seed: int) -> FloatArray:
    """Logits with many parts and holes at every border."""
    rng = np.random.default_rng(seed)
    coarse = rng.normal(size=(16, 16)).astype(np.float32)
    return np.ascontiguousarray(cv2.resize(coarse, (256, 256), interpolation=cv2.INTER_CUBIC) * 5)


def coverage_logits(mask: BoolArray) -> tuple[FloatArray, Frame]:
    """A mask as SAM would say it: antialiased down to the grid of its padded square, -10..10."""
    height, width = mask.shape
    side = max(height, width)
    padded = np.zeros((side, side), dtype=np.float32)
    padded[:height, :width] = mask
    return cv2.resize(padded, (256, 256), interpolation=cv2.INTER_AREA) * 20 - 10, Frame(0, 0, side)


def region_iou(logits: FloatArray, frame: Frame, hw: tuple[int, int]) -> float:
    region = contours.logits_to_region(logits, frame, hw)
    assert region.is_valid
    assert regions.clip(region, hw[1], hw[0]) is region
    return raster_iou(regions.rasterize(region, *hw), contours.logits_to_raster(logits, frame, hw))


@pytest.mark.parametrize("hw", SIZES)
def test_a_padded_frame_is_upsampled_as_meta_does(hw: tuple[int, int]) -> None:
    torch = pytest.importorskip("torch")
    sam = pytest.importorskip("segment_anything.modeling")
    scale = 1024 / max(hw)
    resized = (int(hw[0] * scale + 0.5), int(hw[1] * scale + 0.5))
    model = SimpleNamespace(image_encoder=SimpleNamespace(img_size=1024))
    logits = soft_noise(1)
    meta = sam.Sam.postprocess_masks(model, torch.from_numpy(logits)[None, None], resized, hw)[0, 0].numpy()
    ours = contours.logits_to_raster(logits, Frame(0, 0, max(hw)), hw)
    assert np.count_nonzero(ours != (meta > 0)) <= 2e-6 * meta.size  # rounding on the very edge


@pytest.mark.parametrize("hw", SIZES)
def test_a_stretched_frame_is_upsampled_as_sam_2_does(hw: tuple[int, int]) -> None:
    torch = pytest.importorskip("torch")
    logits = soft_noise(2)
    meta = torch.nn.functional.interpolate(
        torch.from_numpy(logits)[None, None], hw, mode="bilinear", align_corners=False
    )[0, 0].numpy()
    ours = contours.logits_to_raster(logits, Frame(0, 0, hw[1], hw[0]), hw)
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
    assert not contours.logits_to_raster(nothing, Frame(0, 0, 640), (480, 640)).any()
    zero = np.zeros((256, 256), np.float32)
    assert contours.logits_to_region(zero, Frame(0, 0, 640), (480, 640)).is_empty


def test_a_view_inside_the_image_lands_where_it_looked() -> None:
    frame = Frame(300, 100, 128)
    logits = np.full((256, 256), -10, np.float32)
    logits[64:128, 32:96] = 10
    region = contours.logits_to_region(logits, frame, (480, 640))
    np.testing.assert_allclose(region.bounds, (316, 132, 348, 164), atol=0.3)
    raster = contours.logits_to_raster(logits, frame, (480, 640))
    assert raster_iou(regions.rasterize(region, 480, 640), raster) > 0.995
    outside = contours.logits_to_raster(np.full((256, 256), 9, np.float32), Frame(600, 440, 128), (480, 640))
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


def test_cost_does_not_grow_with_the_photo() -> None:
    logits = soft_noise(3)
    small = contours.logits_to_region(logits, Frame(0, 0, 640), (480, 640))
    large = contours.logits_to_region(logits, Frame(0, 0, 64_000), (48_000, 64_000))
    vertices = [len(shapely.get_coordinates(region)) for region in (small, large)]
    assert vertices[1] < 1.5 * vertices[0]
