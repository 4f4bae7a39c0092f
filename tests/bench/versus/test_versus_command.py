"""``samdesk bench``: the table, the JSON file, the Markdown file, and its error messages."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from click.testing import Result
from typer.testing import CliRunner

from samdesk.cli.main import cli

BULK = (
    "bulk_renumber_new", "bulk_renumber_read", "bulk_next_image",
    "bulk_save_one", "bulk_delete_all_gap", "bulk_undo_gap", "bulk_first_image",
)  # fmt: skip
FRAMES = tuple(
    f"frames_{what}_{size}"
    for what in ("brush", "vertex", "cut", "merge", "grow", "pan", "zoom", "crowd_hover", "crowd_select")
    for size in ("1080p", "2160p")
)
SCALE = (
    "scale_open", "scale_search", "scale_count", "scale_review_start", "scale_review_next",
    "scale_sheet_open", "scale_sheet_frame",
)  # fmt: skip
QUICK_ROWS = {
    *(f"next_mask_{kind}_{p}" for kind in ("point", "box", "points_mask") for p in ("fp32", "auto")),
    *(f"decoder_{kind}_{p}" for kind in ("point", "box", "points_mask") for p in ("fp32", "auto")),
    *(f"{what}_{p}" for what in ("hover", "first_mask", "encode") for p in ("fp32", "auto")),
    "boxes_1", "boxes_1_fp32", "boxes_8", "boxes_8_fp32",
    "switch_from_device", "switch_from_host", "switch_from_disk",
    "click_to_region_2mp", "click_other_work_2mp", "click_other_work_noise",
    "start_window", "start_first_image", "start_first_click", "heartbeat_gap_max", "memory_paging",
    *(f"busy_{count}_{what}" for count in (0, 1) for what in ("click", "click_flint", "detect_flint")),
    *BULK, *SCALE, *FRAMES, "batch_device_12",
}  # fmt: skip
STARTS = ("start_window", "start_first_image", "start_first_click")
WITHOUT_REFERENCE = {
    "click_other_work_noise", "heartbeat_gap_max", "memory_paging", *STARTS, *BULK, *SCALE, *FRAMES,
    "busy_0_click_flint", "busy_1_click_flint", "batch_device_12",
}  # fmt: skip


def bench(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["bench", *map(str, arguments)])


def values_of(file: Path) -> dict[str, Any]:
    found: dict[str, Any] = json.loads(file.read_text("utf-8"))
    return found


def test_every_row_is_measured(image: Path, tmp_path: Path) -> None:
    done = bench(image, "--quick", "--json", tmp_path / "bench.json", "--markdown", tmp_path / "bench.md")
    assert done.exit_code == 0, done.output
    values = values_of(tmp_path / "bench.json")
    rows = {row["name"]: row for row in values["rows"]}
    assert set(rows) == QUICK_ROWS
    for name, row in rows.items():
        assert row["samdesk_ms"] > 0
        assert row["note"]
        assert name in done.output
        if name in WITHOUT_REFERENCE:
            assert row["reference_ms"] is row["ratio"] is None
        else:
            assert row["ratio"] == pytest.approx(row["reference_ms"] / row["samdesk_ms"])
            assert row["samdesk_p95_ms"] >= row["samdesk_ms"]
    for kind in ("point", "box", "points_mask"):
        assert rows[f"next_mask_{kind}_fp32"]["logit_max_difference"] < 1e-4
        assert rows[f"next_mask_{kind}_auto"]["iou_median"] > 0.9
    assert rows["encode_auto"]["iou_median"] > 0.9
    assert 0 < rows["start_window"]["samdesk_ms"] < rows["start_first_click"]["samdesk_ms"]
    assert 0 < rows["start_window"]["resident_mb"] < rows["start_first_click"]["resident_mb"]
    assert rows["click_other_work_noise"]["rings_max"] > 10
    for name in ("busy_1_click", "busy_1_detect_flint"):
        quiet = rows[name.replace("1", "0")]
        assert rows[name]["samdesk_slowdown"] == rows[name]["samdesk_ms"] / quiet["samdesk_ms"]
        assert rows[name]["reference_slowdown"] == rows[name]["reference_ms"] / quiet["reference_ms"]
    assert values["machine"]["torch"]
    assert values["models"] == [
        {"title": "MobileSAM", "random": True, "precisions": values["models"][0]["precisions"]}
    ]
    assert "random weights" in done.output
    assert (tmp_path / "bench.md").read_text("utf-8").count("| `") == len(rows)


def test_one_figure_can_be_repeated_at_one_precision_with_another_model(image: Path, tmp_path: Path) -> None:
    done = bench(
        image, "--quick", "--model", "sam2_t.pt", "--precision", "fp32", "--only", "next_mask_point",
        "--json", tmp_path / "bench.json",
    )  # fmt: skip
    assert done.exit_code == 0, done.output
    (row,) = values_of(tmp_path / "bench.json")["rows"]
    assert row["name"] == "next_mask_point_fp32_sam2_t"
    assert row["logit_max_difference"] < 1e-4


def test_a_model_without_an_ultralytics_predictor_is_reported(image: Path) -> None:
    done = bench(image, "--model", "flint", "--quick")
    assert done.exit_code == 2
    assert "Ultralytics has no predictor for flint. Measure it with --engines." in done.output


def test_an_unknown_row_is_reported(image: Path) -> None:
    done = bench(image, "--quick", "--only", "nothing")
    assert done.exit_code == 2
    assert "No row has a name like nothing." in done.output


def test_a_missing_model_is_reported(image: Path) -> None:
    done = bench(image, "--quick", "--model", "nowhere.pt", "--only", "encode")
    assert done.exit_code == 2
    assert "'nowhere.pt' is neither a known model nor a file." in done.output


def test_an_unknown_device_is_reported(image: Path) -> None:
    done = bench(image, "--quick", "--device", "cuda:99")
    assert done.exit_code == 2
    assert "There is no device 'cuda:99'" in done.output
