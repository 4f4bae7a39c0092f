"""Rows, and the table as text, Markdown and JSON."""

from __future__ import annotations

import json

import pytest

from samdesk.bench.machine import Machine
from samdesk.bench.versus.rows import BenchRow, RowSpec, make_row, without_network_ms
from samdesk.bench.versus.settings import BenchSettings
from samdesk.bench.versus.table import ComparedModel, Comparison
from samdesk.bench.versus.timing import Timing

MACHINE = Machine("Example 9000", 2, "Linux", "3.11.7", "2.9.0", 1, 2, "avx512_bf16", "8.4.0")


def never(_turn: int) -> Timing:
    raise AssertionError


def compared(*rows: BenchRow, random: bool = True, load: float = 0.1) -> Comparison:
    models = [ComparedModel("MobileSAM", random, {"fp32": "fp32", "auto": "bf16"})]
    return Comparison(MACHINE, "2026-01-31", models, 2, "24 drawn shapes", 5, (load, 1.0), rows)


def line_of(text: str, name: str) -> str:
    return next(" ".join(line.split()) for line in text.splitlines() if line.startswith(name))


def test_a_row_has_the_medians_and_their_ratio() -> None:
    samdesk = [Timing(ms, ms - 1) for ms in (10.0, 11.0, 90.0)]
    reference = [Timing(ms, 30.0) for ms in (40.0, 44.0, 45.0)]
    found = make_row(RowSpec("click", never, never, "a click"), samdesk, reference)
    assert (found.samdesk_ms, found.reference_ms, found.ratio) == (11.0, 44.0, 4.0)
    assert found.extra["samdesk_p95_ms"] == pytest.approx(82.1)
    assert (found.extra["samdesk_network_ms"], found.extra["reference_network_ms"]) == (10.0, 30.0)
    assert found.with_network_times().remark == "networks alone 10.0 ms, 30.0 ms"


def test_a_row_can_report_a_part_of_the_time() -> None:
    found = make_row(
        RowSpec("other", never, never, reference_part=without_network_ms), [Timing(2.0)], [Timing(50.0, 40.0)]
    )
    assert (found.samdesk_ms, found.reference_ms, found.ratio) == (2.0, 10.0, 5.0)


def test_json_has_the_documented_keys() -> None:
    rows = (
        BenchRow("encode_fp32", 500.0, 1500.0, "an image", "found so"),
        BenchRow("heartbeat_gap_max", 21.0, None),
    )
    values = json.loads(json.dumps(compared(*rows).as_json()))
    assert values["machine"]["processor"] == "Example 9000"
    encode, heartbeat = values["rows"]
    assert encode == {
        "name": "encode_fp32", "samdesk_ms": 500.0, "reference_ms": 1500.0, "ratio": 3.0,
        "note": "an image; found so",
    }  # fmt: skip
    assert (heartbeat["reference_ms"], heartbeat["ratio"]) == (None, None)
    assert values["models"][0]["random"] is True


def test_the_conditions_of_the_measurement_are_reported() -> None:
    rows = [BenchRow(f"encode_{p}", 500.0, 1500.0, "from pixels", f"IoU of {p}") for p in ("fp32", "auto")]
    text = str(compared(*rows))
    for words in (
        "2 cores of Example 9000, Linux, avx512_bf16.", "Ultralytics 8.4.0", "random weights",
        "auto is bf16", "24 drawn shapes", "load average 0.1 before, 1.0 after.",
        "encode_fp32, encode_auto: from pixels", "encode_auto: IoU of auto",
    ):  # fmt: skip
        assert words in text
    assert line_of(text, "encode_fp32") == "encode_fp32 500 ms 1,500 ms x 3.0"
    assert "too long" not in text
    assert "too long" in str(compared(load=3.0))
    assert "random" not in str(compared(random=False))


def test_the_markdown_table_has_one_line_per_row() -> None:
    page = compared(BenchRow("boxes_32", 3.456, None, "left out", "0.11 ms a box")).markdown()
    assert "| `boxes_32` | 3.46 ms |  |  |  |  | 0.11 ms a box |" in page
    assert "2026-01-31" in page
    assert "left out" not in page


@pytest.mark.parametrize(
    ("only", "wanted"),
    [
        ((), True),
        (("next_mask_point",), True),
        (("next_mask",), True),
        (("*_mask_*_fp32",), True),
        (("boxes", "next"), True),
        (("next_mask_poin",), False),
        (("mask_point",), False),
    ],
)
def test_rows_are_selected_by_name(only: tuple[str, ...], wanted: bool) -> None:
    assert BenchSettings(only=only).selects("next_mask_point_fp32") is wanted
