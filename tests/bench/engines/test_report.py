"""The comparison of engines as text and as JSON."""

from __future__ import annotations

import json

from samdesk.bench.engines.measure import EngineRow
from samdesk.bench.engines.report import EngineComparison
from samdesk.bench.machine import Machine
from samdesk.engine.protocols import ModelInfo

MACHINE = Machine("Example 9000", 2, "Linux", "3.11.7", "2.9.0", 1, 2)


def row(title: str, random: bool = False, **times: list[float]) -> EngineRow:
    return EngineRow(
        title.lower(), ModelInfo(title.lower(), title, "cpu", "CPU, 1 thread", "fp32"), random, times
    )


def compared(*rows: EngineRow, loads: tuple[float | None, float | None] = (0.1, 1.0)) -> EngineComparison:
    return EngineComparison(MACHINE, [("a.jpg", 640, 480)], 5, loads, rows)


def lines_with(text: str, word: str) -> list[str]:
    return [" ".join(line.split()) for line in text.splitlines() if word in line]


def test_ratios_are_relative_to_the_first_engine() -> None:
    text = str(
        compared(row("Flint", box=[40.0, 42.0, 50.0]), row("MobileSAM", True, box=[84.0, 84.0, 1284.0]))
    )
    assert "Flint 42.0 ms 48.4 ms 3" in lines_with(text, "Flint")
    assert "MobileSAM, random weights 84.0 ms 1,044 ms 3 x 2.00" in lines_with(text, "MobileSAM")
    assert "first mask from a box" in text


def test_measures_that_no_engine_supports_are_left_out() -> None:
    text = str(compared(row("Flint", box=[40.0]), row("Finder", detect=[80.0])))
    assert "encode" not in text
    assert lines_with(text, "Finder")[-1] == "Finder 80.0 ms 80.0 ms 1"


def test_the_conditions_of_the_measurement_are_reported() -> None:
    text = str(compared(row("Flint", box=[40.0])))
    for words in ("2 cores of Example 9000", "torch 2.9.0 with 1 thread", "5 rounds over 1 image (640 x 480 ",
                  "load average 0.1 before, 1.0 after.", "CPU, 1 thread, fp32"):  # fmt: skip
        assert words in text
    assert "too long" not in text


def test_a_busy_machine_is_reported() -> None:
    assert "too long" in str(compared(row("Flint", box=[40.0]), loads=(4.0, 4.0)))
    assert "load average" not in str(compared(row("Flint", box=[40.0]), loads=(None, None)))


def test_json_has_all_values() -> None:
    found = json.loads(json.dumps(compared(row("Flint", box=[40.0, 42.0]), row("B", box=[82.0])).as_json()))
    assert found["machine"]["load_before"] == 0.1
    assert found["photos"] == [{"name": "a.jpg", "width": 640, "height": 480}]
    assert found["engines"][1]["measures"]["box"] == {
        "median_ms": 82.0, "p90_ms": 82.0, "times": 1, "against_first": 2.0
    }  # fmt: skip
