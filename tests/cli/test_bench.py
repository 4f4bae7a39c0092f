"""``samdesk bench --engines`` with Flint, and its error messages."""

from __future__ import annotations

import json
from pathlib import Path

from click.testing import Result
from typer.testing import CliRunner

from samdesk.bench.engines.contestants import engines
from samdesk.bench.engines.measure import MEASURES
from samdesk.cli.main import cli


def bench(*arguments: object) -> Result:
    return CliRunner().invoke(cli, ["bench", "--engines", *map(str, arguments)])


def test_flint_is_measured_on_every_operation(image: Path, tmp_path: Path) -> None:
    done = bench(image.parent, "--model", "flint", "--rounds", 1, "--json", tmp_path / "bench.json")
    assert done.exit_code == 0, done.output
    for words in ("Flint", "load average", "1 round over 1 image (160 x 120 pixels)", *MEASURES.values()):
        assert words in done.output
    found = json.loads((tmp_path / "bench.json").read_text("utf-8"))
    (flint,) = found["engines"]
    assert set(flint["measures"]) == set(MEASURES)
    assert {m: v["times"] for m, v in flint["measures"].items()} == {
        "load": 1, "encode": 1, "box": 5, "correction": 5, "click": 5, "hover": 15, "boxes": 1, "region": 5,
        "detect": 1,
    }  # fmt: skip
    assert all(0 < v["median_ms"] <= v["p90_ms"] for v in flint["measures"].values())
    assert flint["precision"]
    assert flint["device_title"]


def test_a_missing_model_is_reported(image: Path) -> None:
    done = bench(image, "--model", "flint", "--model", "nowhere.pt")
    assert done.exit_code == 2
    assert "'nowhere.pt' is neither a known model nor a file." in done.output


def test_a_folder_without_images_is_reported(tmp_path: Path) -> None:
    done = bench(tmp_path)
    assert done.exit_code == 2
    assert f"There are no images in {tmp_path}." in done.output.replace("\n", "")


def test_a_broken_image_is_reported(tmp_path: Path) -> None:
    (tmp_path / "broken.jpg").write_bytes(b"no photo at all")
    done = bench(tmp_path, "--model", "flint")
    assert done.exit_code == 2
    assert "broken.jpg" in done.output


def test_a_sam_model_without_weights_has_random_ones(tmp_path: Path) -> None:
    flint, sam, cut = engines(("flint", "mobile_sam.pt", "grabcut"), "", "cpu", "fp32", tmp_path)
    assert (flint.random, sam.random, cut.random) == (False, True, False)
    assert [e.load_detector is not None for e in (flint, sam, cut)] == [True, False, False]
    assert sam.load is not None
    assert sam.load().info.title == "MobileSAM"


def test_a_detector_is_a_further_engine(tmp_path: Path) -> None:
    _, finder = engines(("flint",), "yolo11n.pt", "cpu", "fp32", tmp_path)
    assert finder.name == "yolo11n.pt"
    assert finder.load is None
    assert finder.load_detector is not None


def test_help_of_training_needs_no_torch(tmp_path: Path) -> None:
    for command, word in (("train", "--encoder-rate"), ("evaluate", "--least-area")):
        done = CliRunner().invoke(cli, [command, "--help"], env={"COLUMNS": "140"})
        assert done.exit_code == 0, done.output
        assert word in done.output
