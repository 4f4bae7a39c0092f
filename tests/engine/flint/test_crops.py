"""What a look shows, to the pixel."""

import numpy as np
import pytest

from samdesk.base.cv import cv2
from samdesk.domain.geometry.logits import bounds
from samdesk.domain.geometry.types import Frame
from samdesk.domain.prompts import BoxPrompt, MaskPrompt, PointPrompt, PromptSet
from samdesk.engine.flint.crops import GREY, around, around_box, cut_out, keeps, pyramid, square


def smooth(height: int, width: int) -> np.ndarray:
    rng = np.random.default_rng(0)
    noise = rng.integers(0, 255, (height, width, 3)).astype(np.float32)
    return np.clip(cv2.GaussianBlur(noise, (0, 0), 6) * 3 - 255, 0, 255).astype(np.uint8)


def test_a_look_of_the_photos_own_pixels_is_the_photo() -> None:
    photo = smooth(100, 160)
    look = cut_out(pyramid(photo), square(20.0, 10.0, 64.0), 64)
    assert np.array_equal(look, photo[10:74, 20:84])


def test_beyond_the_photo_it_is_grey() -> None:
    look = cut_out(pyramid(smooth(40, 40)), square(-20.0, -20.0, 80.0), 80)
    assert (look[:19] == GREY).all()
    assert (look[:, 61:] == GREY).all()
    assert not (look[21:59, 21:59] == GREY).all()


@pytest.mark.parametrize("side", [33.0, 64.0, 250.0, 900.0, 2000.0])
def test_a_look_at_any_scale_is_in_place(side: float) -> None:
    """A mark at a known place of the photo lies where the frame says, whatever level it is cut from."""
    photo = np.zeros((1500, 2100, 3), np.uint8)
    radius = side / 8
    cv2.circle(photo, (1000, 700), round(radius), (255, 255, 255), -1, cv2.LINE_AA)
    frame = square(1000.5 - side * 0.4, 700.5 - side * 0.6, side)
    look = cut_out(pyramid(photo), frame, 320)[..., 0].astype(np.float64)
    look[look <= GREY] = 0  # beyond the photo
    rows, columns = np.mgrid[:320, :320] + 0.5
    x, y = (look * columns).sum() / look.sum(), (look * rows).sum() / look.sum()
    assert abs(x - 320 * 0.4) < 0.4
    assert abs(y - 320 * 0.6) < 0.4


def test_a_large_photo_is_averaged_not_sampled() -> None:
    stripes = np.zeros((1280, 1280, 3), np.uint8)
    stripes[:, ::2] = 255
    look = cut_out(pyramid(stripes), square(0.0, 0.0, 1280.0), 320)
    assert abs(int(look.min()) - 127) < 20
    assert abs(int(look.max()) - 127) < 20


def test_a_close_look_leaves_half_as_much_room_as_the_box_is_long() -> None:
    frame = around_box(PromptSet(box=BoxPrompt(100, 100, 300, 200)))
    assert frame == square(50.0, 0.0, 300.0)
    wide = around_box(PromptSet((PointPrompt(350, 150),), BoxPrompt(300, 200, 100, 100)))
    assert wide.x0 + wide.side > 350
    assert around(5, 5, 6, 6).side == 24.0


def test_the_bounds_of_a_mask_are_those_of_its_cells() -> None:
    logits = np.full((10, 20), -1.0, np.float32)
    logits[2:4, 5:15] = 1
    assert bounds(logits, Frame(100, 50, 40, 20)) == (110, 54, 130, 58)
    assert bounds(np.full((4, 4), -1.0, np.float32), Frame(0, 0, 4)) is None


def test_a_correction_stays_on_its_look_only_while_all_of_it_is_there() -> None:
    whole, own = square(0.0, 0.0, 640.0), square(100.0, 100.0, 200.0)
    logits = np.full((256, 256), -5.0, np.float32)
    logits[64:192, 64:192] = 5

    def stays(frame: Frame, x: float, y: float, mask: np.ndarray = logits) -> bool:
        prompts = PromptSet((PointPrompt(x, y),), mask=MaskPrompt(mask, frame))
        return keeps(frame, whole, prompts)

    assert stays(own, 200, 200)
    assert not stays(own, 500, 200)  # a click beyond the look
    assert not stays(whole, 200, 200)  # a look at the whole photo is not close
    assert not stays(Frame(100, 100, 200), 200, 200)  # another model's frame
    full = np.full((256, 256), 5.0, np.float32)
    assert not stays(own, 200, 200, full)  # cut off by the look
    speck = np.full((256, 256), -5.0, np.float32)
    speck[128:131, 128:131] = 5
    assert not stays(own, 200, 200, speck)  # too small on it
