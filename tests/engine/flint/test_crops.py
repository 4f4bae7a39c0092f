"""Crops of an image: exact pixels, place, scale and reuse."""

import numpy as np
import pytest

from samdesk.base.cv import cv2
from samdesk.domain.geometry.logits import bounds
from samdesk.domain.geometry.types import Frame
from samdesk.domain.prompts import BoxPrompt, MaskPrompt, PointPrompt, PromptSet
from samdesk.engine.flint.crops import (
    PADDING_GREY,
    build_pyramid,
    can_reuse_crop,
    crop_around,
    crop_around_box,
    crop_image,
    square,
)


def smooth(height: int, width: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 255, (height, width, 3)).astype(np.float32)
    return np.clip(cv2.GaussianBlur(noise, (0, 0), 6) * 3 - 255, 0, 255).astype(np.uint8)


def test_a_crop_at_full_scale_has_the_images_pixels() -> None:
    image = smooth(100, 160)
    crop = crop_image(build_pyramid(image), square(20.0, 10.0, 64.0), 64)
    assert np.array_equal(crop, image[10:74, 20:84])


def test_pixels_outside_the_image_are_grey() -> None:
    crop = crop_image(build_pyramid(smooth(40, 40)), square(-20.0, -20.0, 80.0), 80)
    assert (crop[:19] == PADDING_GREY).all()
    assert (crop[:, 61:] == PADDING_GREY).all()
    assert not (crop[21:59, 21:59] == PADDING_GREY).all()


@pytest.mark.parametrize("side", [33.0, 64.0, 250.0, 900.0, 2000.0])
def test_a_crop_of_any_scale_is_in_place(side: float) -> None:
    """A disc in the image appears where the frame puts it, whatever pyramid level is used."""
    image = np.zeros((1500, 2100, 3), np.uint8)
    radius = side / 8
    cv2.circle(image, (1000, 700), round(radius), (255, 255, 255), -1, cv2.LINE_AA)
    frame = square(1000.5 - side * 0.4, 700.5 - side * 0.6, side)
    crop = crop_image(build_pyramid(image), frame, 320)[..., 0].astype(np.float64)
    crop[crop <= PADDING_GREY] = 0  # outside the image
    rows, columns = np.mgrid[:320, :320] + 0.5
    x, y = (crop * columns).sum() / crop.sum(), (crop * rows).sum() / crop.sum()
    assert abs(x - 320 * 0.4) < 0.4
    assert abs(y - 320 * 0.6) < 0.4


def test_downscaling_averages_pixels() -> None:
    stripes = np.zeros((1280, 1280, 3), np.uint8)
    stripes[:, ::2] = 255
    crop = crop_image(build_pyramid(stripes), square(0.0, 0.0, 1280.0), 320)
    assert abs(int(crop.min()) - 127) < 20
    assert abs(int(crop.max()) - 127) < 20


def test_a_crop_is_one_and_a_half_times_the_box() -> None:
    frame = crop_around_box(PromptSet(box=BoxPrompt(100, 100, 300, 200)))
    assert frame == square(50.0, 0.0, 300.0)
    wide = crop_around_box(PromptSet((PointPrompt(350, 150),), BoxPrompt(300, 200, 100, 100)))
    assert wide.x0 + wide.side > 350
    assert crop_around(5, 5, 6, 6).side == 24.0


def test_bounds_of_a_mask() -> None:
    logits = np.full((10, 20), -1.0, np.float32)
    logits[2:4, 5:15] = 1
    assert bounds(logits, Frame(100, 50, 40, 20)) == (110, 54, 130, 58)
    assert bounds(np.full((4, 4), -1.0, np.float32), Frame(0, 0, 4)) is None


def test_a_crop_is_reused_only_if_it_contains_mask_and_points() -> None:
    whole, own = square(0.0, 0.0, 640.0), square(100.0, 100.0, 200.0)
    logits = np.full((256, 256), -5.0, np.float32)
    logits[64:192, 64:192] = 5

    def reusable(frame: Frame, x: float, y: float, mask: np.ndarray = logits) -> bool:
        prompts = PromptSet((PointPrompt(x, y),), mask=MaskPrompt(mask, frame))
        return can_reuse_crop(frame, whole, prompts)

    assert reusable(own, 200, 200)
    assert not reusable(own, 500, 200)  # a point outside the crop
    assert not reusable(whole, 200, 200)  # the whole image is not a crop
    assert not reusable(Frame(100, 100, 200), 200, 200)  # another model's frame
    full = np.full((256, 256), 5.0, np.float32)
    assert not reusable(own, 200, 200, full)  # cut off by the crop
    speck = np.full((256, 256), -5.0, np.float32)
    speck[128:131, 128:131] = 5
    assert not reusable(own, 200, 200, speck)  # too small on it
