"""A short run of the heartbeat measurement with Flint."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image
from pytestqt.qtbot import QtBot

from samdesk.bench.heartbeat import Phase, measure


def test_the_main_thread_stays_responsive_while_the_program_is_busy(qtbot: QtBot, tmp_path: Path) -> None:
    rows, columns = np.mgrid[:240, :320]
    for i in range(4):
        pixels = np.full((240, 320, 3), (30, 60, 30), np.uint8)
        pixels[np.hypot(columns - 120 - 5 * i, rows - 110) < 90] = (220, 180, 40)
        pixels += np.random.default_rng(i).integers(0, 20, pixels.shape, np.uint8)
        Image.fromarray(pixels).save(tmp_path / f"{i}.png")
    report = measure(tmp_path, "flint", seconds=3.0)
    assert report.failures == []
    assert report.counts["images"] >= 1
    assert report.counts["click masks"] >= 1
    assert report.counts["saved"] >= 1
    assert len(report.phases[-1].gaps_ms) > 10


def test_a_phase_is_printed_with_its_longest_gap() -> None:
    phase = Phase("working", [5.0] * 99 + [80.0])
    assert "longest   80.0 ms" in str(phase)
    assert "100 beats" in str(phase)
