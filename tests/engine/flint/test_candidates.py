"""Candidates of a single point: best first, each different from the others."""

import numpy as np

from samdesk.domain.geometry.types import Frame
from samdesk.engine.flint.candidates import CropMask, bounds_around, distinct_crops, select_candidates
from samdesk.engine.flint.crops import square


def rectangle(frame: Frame, x0: float, y0: float, x1: float, y1: float, score: float) -> CropMask:
    """Returns the mask of a rectangle, in image pixels, on a crop."""
    at = (np.arange(160) + 0.5) * frame.side / 160
    across, down = at + frame.x0, at + frame.y0
    inside = ((down > y0) & (down < y1))[:, None] & ((across > x0) & (across < x1))[None]
    return CropMask(np.where(inside, 5.0, -5.0).astype(np.float32), frame, score)


NEAR, FAR = square(100.0, 100.0, 100.0), square(0.0, 0.0, 400.0)


def test_the_same_mask_on_two_crops_is_one_candidate() -> None:
    user = rectangle(FAR, 110, 110, 190, 190, 0.9)
    again = rectangle(NEAR, 110, 110, 190, 190, 0.8)
    shirt = rectangle(NEAR, 130, 130, 170, 160, 0.7)
    assert [r.score for r in select_candidates([again, shirt, user])] == [0.9, 0.7]


def test_at_most_three_candidates_best_first() -> None:
    found = [rectangle(NEAR, 105, 105, 105 + 15 * n, 105 + 15 * n, 0.1 * n) for n in range(1, 7)]
    selected = select_candidates(found)
    assert [round(r.score, 1) for r in selected] == [0.6, 0.5, 0.4]


def test_empty_masks_are_dropped_unless_all_are_empty() -> None:
    empty, user = rectangle(NEAR, 0, 0, 0, 0, 0.95), rectangle(NEAR, 110, 110, 150, 150, 0.4)
    assert select_candidates([empty, user]) == [user]
    assert select_candidates([empty, empty]) == [empty]


def test_similar_crops_are_one() -> None:
    close = square(102.0, 101.0, 101.0)
    assert distinct_crops([NEAR, close, FAR], 3) == [NEAR, FAR]
    assert distinct_crops([NEAR, FAR, square(300.0, 0.0, 50.0)], 2) == [NEAR, FAR]


def test_bounds_around_points_have_a_margin() -> None:
    assert bounds_around([(10, 20), (30, 5)], 4) == (6, 1, 34, 24)
