"""Simulated prompts are where they should be."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from samdesk.training.evaluate.simulate import (
    correction_point,
    deepest_point,
    jittered,
    random_point,
    tight_box,
)

SIDE = 40


def disc(x: float, y: float, radius: float) -> np.ndarray:
    row, column = np.mgrid[:SIDE, :SIDE] + 0.5
    return (column - x) ** 2 + (row - y) ** 2 <= radius**2


def test_the_deepest_pixel_of_a_disc_is_its_middle() -> None:
    at = deepest_point(disc(15.5, 22.5, 9))
    assert at is not None
    assert np.hypot(at[0] - 15.5, at[1] - 22.5) <= 1.0


def test_the_first_point_of_a_ring_is_not_in_its_hole() -> None:
    ring = disc(20, 20, 15) & ~disc(20, 20, 8)
    at = deepest_point(ring)
    assert at is not None
    assert ring[int(at[1]), int(at[0])]


def test_an_empty_area_has_no_point() -> None:
    nothing = np.zeros((SIDE, SIDE), np.bool_)
    assert deepest_point(nothing) is None
    assert random_point(nothing, np.random.default_rng(0)) is None
    assert correction_point(nothing, nothing) is None
    assert correction_point(disc(20, 20, 9), disc(20, 20, 9)) is None


@given(st.integers(0, 10_000))
def test_a_random_point_is_inside(seed: int) -> None:
    rng = np.random.default_rng(seed)
    area = rng.random((SIDE, SIDE)) < 0.2
    at = random_point(area, rng)
    assert at is None or area[int(at[1]), int(at[0])]


def test_a_missing_part_gets_an_include_point_and_an_extra_part_an_exclude_point() -> None:
    target, drawn = disc(20, 20, 12), disc(20, 20, 12)
    drawn[:, :16] = False
    missing = correction_point(target, drawn)
    assert missing is not None
    x, y, positive = missing
    assert positive
    assert target[int(y), int(x)]
    assert not drawn[int(y), int(x)]
    extra = correction_point(disc(10, 10, 4), disc(10, 10, 4) | disc(28, 28, 8))
    assert extra is not None
    assert not extra[2]
    assert np.hypot(extra[0] - 28, extra[1] - 28) <= 1.0


@settings(max_examples=50)
@given(st.integers(0, 10_000), st.floats(0, 0.3))
def test_a_jittered_box_is_valid_and_close(seed: int, share: float) -> None:
    box = np.array([10.0, 20.0, 50.0, 40.0])
    moved = jittered(box, share, np.random.default_rng(seed))
    assert moved[0] < moved[2]
    assert moved[1] < moved[3]
    assert np.all(np.abs(moved - box) <= 0.3 * np.array([40, 20, 40, 20]) + 1)


def test_a_tight_box_is_the_bounding_box() -> None:
    mask = np.zeros((SIDE, SIDE), np.bool_)
    mask[5:9, 12:30] = True
    assert tight_box(mask).tolist() == [12, 5, 30, 9]
    assert tight_box(np.zeros((4, 4), np.bool_)).tolist() == [0, 0, 0, 0]
