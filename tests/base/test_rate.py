"""The rate of a job and the time left, on a clock of the test's own."""

from __future__ import annotations

import pytest

from samdesk.base.rate import Rate


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_it_counts_from_where_the_job_began() -> None:
    clock = Clock()
    rate = Rate(clock)
    assert (rate.per_second, rate.seconds(100)) == (0.0, None)
    rate.step(50)  # it goes on in the middle
    assert (rate.per_second, rate.seconds(50)) == (0.0, None)
    for step in range(51, 71):
        clock.now += 2.0
        rate.step(step)
    assert rate.per_second == pytest.approx(0.5)
    assert rate.seconds(30) == pytest.approx(60.0)
    for step in range(71, 130):
        clock.now += 0.5
        rate.step(step)
    assert rate.per_second == pytest.approx(2.0), "only the last steps count"
    rate.step(1)
    assert rate.per_second == 0.0, "another job"


def test_one_slow_step_does_not_make_the_estimate_jump() -> None:
    clock = Clock()
    rate = Rate(clock)
    for step in range(21):
        rate.step(step)
        clock.now += 0.1
    clock.now += 0.9
    rate.step(21)
    left = rate.seconds(10)
    assert left is not None
    assert 1.0 < left < 3.0


def test_many_small_steps_are_taken_together() -> None:
    clock = Clock()
    rate = Rate(clock, min_interval=0.25)
    for step in range(1000):
        rate.step(step * 64)
        clock.now += 0.01
    assert rate.per_second == pytest.approx(6400)
    assert rate.seconds(64_000) == pytest.approx(10)
