"""Prompts and masks between image pixels and a SAM network's input and output."""

from __future__ import annotations

import os
import subprocess
import sys

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from samdesk.domain.geometry import regions
from samdesk.domain.geometry.contours import logits_to_region, region_to_logits
from samdesk.domain.geometry.types import FloatArray, Frame, Region
from samdesk.domain.prompts import MaskPrompt
from samdesk.engine.sam.prompts import candidates, mask_on_frame, to_input

HEIGHT, WIDTH = 3000, 4000
HW = (HEIGHT, WIDTH)
WHOLE = Frame(0.0, 0.0, 4000.0)
ROW, COLUMN = np.mgrid[:256, :256]


def disc(x: float, y: float, radius: float, frame: Frame) -> FloatArray:
    """Logits of a disc, in image pixels, with an edge as soft as a cell of the frame."""
    px, py = (
        frame.x0 + (COLUMN + 0.5) * frame.width / 256,
        frame.y0 + (ROW + 0.5) * frame.height / 256,
    )
    return np.clip((radius - np.hypot(px - x, py - y)) / (frame.side / 256) * 4, -10, 10).astype(np.float32)


def drawn(logits: FloatArray, frame: Frame) -> Region:
    return logits_to_region(logits, frame, HW)


def moved(logits: FloatArray, old: Frame, new: Frame) -> FloatArray:
    result = mask_on_frame(MaskPrompt(logits, old), new, image_hw=HW)
    assert result.shape == (256, 256)
    assert result.dtype == np.float32
    return result


VIEWS = st.builds(
    Frame,
    st.integers(0, 1800).map(float),
    st.integers(0, 800).map(float),
    st.integers(500, 2200).map(float),
)
PLACES = st.floats(0.3, 0.7)


@settings(max_examples=60, deadline=None)
@given(view=VIEWS, u=PLACES, v=PLACES, size=st.floats(0.1, 0.25))
def test_a_mask_of_the_whole_image_keeps_its_place_in_a_view(
    view: Frame, u: float, v: float, size: float
) -> None:
    x, y, radius = view.x0 + u * view.side, view.y0 + v * view.side, size * view.side
    whole = disc(x, y, radius, WHOLE)
    there = drawn(moved(whole, WHOLE, view), view)
    assert there.centroid.coords[0] == pytest.approx((x, y), abs=0.1 * WHOLE.side / 256)
    assert regions.iou(there, drawn(whole, WHOLE)) > 0.97


@settings(max_examples=60, deadline=None)
@given(view=VIEWS, u=PLACES, v=PLACES, size=st.floats(0.15, 0.25))
def test_a_mask_of_a_view_keeps_its_place_in_the_whole_image_and_back(
    view: Frame, u: float, v: float, size: float
) -> None:
    x, y, radius = view.x0 + u * view.side, view.y0 + v * view.side, size * view.side
    close = disc(x, y, radius, view)
    whole = moved(close, view, WHOLE)
    there = drawn(whole, WHOLE)
    assert there.centroid.coords[0] == pytest.approx((x, y), abs=0.1 * WHOLE.side / 256)
    # Half a cell of the whole image around the outline.
    assert regions.iou(there, drawn(close, view)) > 1 - 2 * 0.5 * (WHOLE.side / 256) / radius
    back = drawn(moved(whole, WHOLE, view), view)
    assert back.centroid.coords[0] == pytest.approx((x, y), abs=0.1 * WHOLE.side / 256)
    assert regions.iou(back, there) > 0.9


@settings(max_examples=40, deadline=None)
@given(view=VIEWS, other=VIEWS)
def test_cells_outside_the_old_frame_are_unset(view: Frame, other: Frame) -> None:
    result = moved(np.full((256, 256), 7, np.float32), view, other)
    x = other.x0 + (COLUMN + 0.5) * other.side / 256
    y = other.y0 + (ROW + 0.5) * other.side / 256
    reach = other.side / 256  # a cell on the border is partly covered
    inside = (x > view.x0 + reach) & (x < view.x0 + view.side - reach)
    inside &= (y > view.y0 + reach) & (y < view.y0 + view.side - reach)
    outside = (x < view.x0 - reach) | (x > view.x0 + view.side + reach)
    outside |= (y < view.y0 - reach) | (y > view.y0 + view.side + reach)
    np.testing.assert_allclose(result[inside], 7, atol=1e-4)
    assert (result[outside] == -10).all()
    assert result.min() >= -10.001
    assert result.max() <= 7.001


def test_a_frame_of_a_few_cells_of_the_whole_image_keeps_its_area() -> None:
    tiny = Frame(1111.0, 777.0, 64.0)  # four cells of the image, 64 of the view's in each
    result = moved(np.full((256, 256), 10, np.float32), tiny, WHOLE)
    cell = WHOLE.side / 256
    covered = np.sum((result.astype(np.float64) + 10) / 20) * cell**2
    assert covered == pytest.approx(tiny.side**2, rel=1e-3)
    y, x = np.unravel_index(result.argmax(), result.shape)
    assert tiny.x0 <= (x + 0.5) * cell <= tiny.x0 + tiny.side
    assert tiny.y0 <= (y + 0.5) * cell <= tiny.y0 + tiny.side


def test_a_frame_shifted_by_whole_cells_keeps_the_values() -> None:
    logits = np.random.default_rng(0).normal(size=(256, 256)).astype(np.float32)
    old, new = Frame(100.0, 200.0, 512.0), Frame(120.0, 188.0, 512.0)  # 10 cells right, 6 up
    result = moved(logits, old, new)
    np.testing.assert_allclose(result[6:, :246], logits[:250, 10:], atol=1e-5)
    assert (result[:6] == -10).all()
    assert (result[:, 246:] == -10).all()


def test_the_same_frame_keeps_the_logits() -> None:
    logits = disc(2000, 1500, 500, WHOLE)
    assert mask_on_frame(MaskPrompt(logits, WHOLE), WHOLE) is logits


def test_cells_of_a_padded_image_have_the_size_sam_gives_them() -> None:
    hw = (333, 2000)  # 170.5 of 1024 input pixels, which SAM rounds to 171
    whole, view = Frame(0.0, 0.0, 2000.0), Frame(1600.0, 33.0, 300.0)
    band = regions.from_box(1650, 200, 1850, 310)
    logits = region_to_logits(band, whole, hw)
    result = mask_on_frame(MaskPrompt(logits, whole), view, image_hw=hw)
    there = logits_to_region(result, view, hw)
    exact = logits_to_region(logits, whole, hw)
    assert there.bounds == pytest.approx(exact.bounds, abs=0.2)
    plain = logits_to_region(mask_on_frame(MaskPrompt(logits, whole), view), view, hw)
    assert abs(plain.bounds[3] - exact.bounds[3]) > 0.5


@pytest.mark.parametrize("shape", [(256, 256), (64, 64), (160, 160), (1, 1)])
@pytest.mark.parametrize("side", [1, 64, 256])
def test_masks_of_any_size(shape: tuple[int, int], side: int) -> None:
    logits = np.full(shape, 4, np.float32)
    result = mask_on_frame(MaskPrompt(logits, WHOLE), Frame(0.0, 0.0, 4000.0, 2000.0), side)
    assert result.shape == (side, side)
    np.testing.assert_allclose(result, 4, atol=1e-4)


@pytest.mark.parametrize("new", [Frame(0.0, 0.0, 1.0), Frame(5000.0, 0.0, 100.0), Frame(-9.0, -9.0, 9.0)])
@pytest.mark.parametrize("odd", [np.nan, np.inf, -np.inf])
def test_non_finite_logits_and_odd_frames_give_finite_logits(new: Frame, odd: float) -> None:
    logits = disc(2000, 1500, 500, WHOLE)
    logits[100:120, 100:120] = odd
    for frame in (new, Frame(900.0, 700.0, 2000.0)):
        assert np.isfinite(mask_on_frame(MaskPrompt(logits, WHOLE), frame)).all()
    if new.x0 != 0:
        assert (mask_on_frame(MaskPrompt(logits, WHOLE), new) == -10).all()


@given(x=st.floats(-1e4, 2e4), y=st.floats(-1e4, 2e4), x0=st.floats(0, 1e4), y0=st.floats(0, 1e4))
def test_prompts_are_scaled_from_the_corner_of_the_frame(x: float, y: float, x0: float, y0: float) -> None:
    scale = (0.5, 0.25)
    result = to_input(np.array([[x, y], [x0, y0]]), Frame(x0, y0, 512.0), scale)
    assert result.dtype == np.float32
    np.testing.assert_allclose(result[0], [(x - x0) * 0.5, (y - y0) * 0.25], rtol=1e-5, atol=1e-4)
    np.testing.assert_array_equal(result[1], [0, 0])


def test_candidates_keep_their_order_and_have_a_stability() -> None:
    soft = disc(2000, 1500, 900, WHOLE) / 8
    masks = np.stack([disc(2000, 1500, 900, WHOLE), soft, np.full((256, 256), -9, np.float32)])
    found = candidates(masks, np.array([0.9, 0.8, 0.7], np.float32), WHOLE, HW)
    assert [c.score for c in found] == pytest.approx([0.9, 0.8, 0.7])
    assert found[0].stability > 0.95 > found[1].stability > 0
    assert found[2].stability == 0
    assert found[2].region().is_empty
    assert all(c.frame == WHOLE and c.image_hw == HW for c in found)
    assert found[0].region().area == pytest.approx(np.pi * 900**2, rel=0.01)


_THREADS = """
import time
import numpy as np
from samdesk.domain.geometry.types import Frame
from samdesk.domain.prompts import MaskPrompt
from samdesk.engine.sam.prompts import mask_on_frame

def seconds_of_others(work):
    work()
    time.sleep(0.2)  # until OpenBLAS's threads sleep
    before = time.process_time() - time.thread_time()
    for _ in range(50):
        work()
    return time.process_time() - time.thread_time() - before

logits = np.random.default_rng(0).normal(size=(160, 160)).astype(np.float32)
mask = MaskPrompt(logits, Frame(0, 0, 320, 320))
large = np.ones((300, 300), np.float32)
found = []
print(seconds_of_others(lambda: found.append(mask_on_frame(mask, Frame(-40, -30, 500, 500), 64))))
print(seconds_of_others(lambda: large @ large), found[0].tobytes().hex())
"""


def test_a_mask_prompt_wakes_no_threads_of_numpy() -> None:
    """They spin while they wait; a program that uses samdesk may have some."""
    results = []
    for threads in ("4", "1"):
        environment = {**os.environ, "OPENBLAS_NUM_THREADS": threads}
        done = subprocess.run(
            [sys.executable, "-c", _THREADS], env=environment, capture_output=True, text=True, check=True
        )
        mask, large, values = done.stdout.split()
        assert float(mask) < 0.005
        if threads == "4" and (os.cpu_count() or 1) > 1:
            assert float(large) > 0.005  # else nothing is shown
        results.append(values)
    assert results[0] == results[1]
