"""The few candidates of a lone click: the best first, each really another one."""

import numpy as np

from samdesk.domain.geometry.types import Frame
from samdesk.engine.flint.candidates import Reading, bounds_around, distinct_looks, worth_showing
from samdesk.engine.flint.crops import square


def reading(frame: Frame, x0: float, y0: float, x1: float, y1: float, score: float) -> Reading:
    """A rectangle, in image pixels, drawn on a look."""
    at = (np.arange(160) + 0.5) * frame.side / 160
    across, down = at + frame.x0, at + frame.y0
    inside = ((down > y0) & (down < y1))[:, None] & ((across > x0) & (across < x1))[None]
    return Reading(np.where(inside, 5.0, -5.0).astype(np.float32), frame, score)


NEAR, FAR = square(100.0, 100.0, 100.0), square(0.0, 0.0, 400.0)


def test_the_same_mask_on_two_looks_is_one_reading() -> None:
    person = reading(FAR, 110, 110, 190, 190, 0.9)
    again = reading(NEAR, 110, 110, 190, 190, 0.8)
    shirt = reading(NEAR, 130, 130, 170, 160, 0.7)
    assert [r.score for r in worth_showing([again, shirt, person])] == [0.9, 0.7]


def test_no_more_than_three_are_shown_and_the_best_first() -> None:
    found = [reading(NEAR, 105, 105, 105 + 15 * n, 105 + 15 * n, 0.1 * n) for n in range(1, 7)]
    shown = worth_showing(found)
    assert [round(r.score, 1) for r in shown] == [0.6, 0.5, 0.4]


def test_an_empty_mask_is_shown_only_where_there_is_no_other() -> None:
    empty, person = reading(NEAR, 0, 0, 0, 0, 0.95), reading(NEAR, 110, 110, 150, 150, 0.4)
    assert worth_showing([empty, person]) == [person]
    assert worth_showing([empty, empty]) == [empty]


def test_looks_that_are_nearly_the_same_are_one_look() -> None:
    close = square(102.0, 101.0, 101.0)
    assert distinct_looks([NEAR, close, FAR], 3) == [NEAR, FAR]
    assert distinct_looks([NEAR, FAR, square(300.0, 0.0, 50.0)], 2) == [NEAR, FAR]


def test_around_points_there_is_room() -> None:
    assert bounds_around([(10, 20), (30, 5)], 4) == (6, 1, 34, 24)
