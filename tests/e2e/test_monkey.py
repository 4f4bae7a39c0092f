"""A short run of the monkey; longer ones: ``python -m tests.e2e.monkey --seed 7 --events 1500``."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication

from tests.e2e.monkey.driver import drive
from tests.e2e.monkey.window import MonkeyError, same
from tests.helpers.gated import GatedPredictor

EVENTS = 300


@pytest.mark.parametrize("seed", [11, 12])
def test_random_events_lose_nothing(qapp: QApplication, tmp_path: Path, seed: int) -> None:
    predictor = GatedPredictor(radius=12.0)
    drive(tmp_path / "images", seed, EVENTS, lambda *_: predictor)


def test_what_differs_is_a_fault() -> None:
    with pytest.raises(MonkeyError, match="only there: cat"):
        same("0.png", ["cat", "dog"], ["dog"])
    same("0.png", ["dog"], ["dog"])
