"""How fast a teaching goes, and how long it will take."""

from __future__ import annotations

from pathlib import Path

import pytest

from samdesk.io.taught import DETECTOR, MASKS, Taught, Teaching
from samdesk.training.expected import expected_seconds
from samdesk.training.pace import Pace
from tests.helpers.flint_files import weights_file


class Clock:
    def __init__(self) -> None:
        self.now = 0.0

    def __call__(self) -> float:
        return self.now


def test_pace_counts_from_where_it_began() -> None:
    clock = Clock()
    pace = Pace(clock)
    assert (pace.rate, pace.left(100)) == (0.0, None)
    pace.step(50)  # it goes on in the middle
    assert (pace.rate, pace.left(100)) == (0.0, None)
    for step in range(51, 71):
        clock.now += 2.0
        pace.step(step)
    assert pace.rate == pytest.approx(0.5)
    assert pace.left(100) == pytest.approx(60.0)
    assert pace.left(0) is None
    for step in range(71, 130):
        clock.now += 0.5
        pace.step(step)
    assert pace.rate == pytest.approx(2.0), "only the last steps count"
    pace.step(1)
    assert pace.rate == 0.0, "another job"


def test_the_last_teaching_here_says_how_long(tmp_path: Path) -> None:
    taught = Taught.read(tmp_path)
    usual = expected_seconds(MASKS, 20, taught, cores=2)
    assert expected_seconds(MASKS, 20, taught, cores=16) < usual
    assert expected_seconds(DETECTOR, 400, taught, 2) > expected_seconds(DETECTOR, 20, taught, 2)
    weights = weights_file(tmp_path / "w.safetensors", "head.a")
    taught.add(Teaching("", MASKS, 1.0, (), 15, 5, 100.0), weights)
    taught = Taught.read(tmp_path)
    assert expected_seconds(MASKS, 20, taught, cores=2) == 100.0
    assert expected_seconds(MASKS, 40, taught, cores=2) == 200.0
    assert expected_seconds(MASKS, 10, taught, cores=2) == 100.0
