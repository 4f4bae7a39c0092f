"""``samdesk export``: options, presets, exit codes."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from samdesk.cli.main import main
from samdesk.dataset.dataset import Dataset
from samdesk.domain.document import ImageKey
from tests.dataset.dataset_kit import draw, photos, with_labels


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    photos(tmp_path / "data", "a.jpg", "b.jpg")
    dataset = Dataset.open(tmp_path / "data")
    with_labels(dataset, "cat", "dog")
    draw(dataset, ImageKey("a.jpg"), label=1)
    dataset.close()
    return tmp_path


def _run(*arguments: str | Path) -> int:
    with pytest.raises(SystemExit) as ended:
        main(["export", *map(str, arguments)])
    return int(ended.value.code or 0)


def test_options_and_presets(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    data, out = folder / "data", folder / "out"
    options = ("--format", "coco", "--label", "dog=animal", "--empty", "drop", "--save-preset", "mine")
    assert _run(data, "--out", out, *options, "--json") == 0
    report = json.loads(capsys.readouterr().out)
    assert (report["images_out"], report["instances_out"], report["images_dropped"]) == (1, 1, 1)
    assert _run(data, "--out", out, "--preset", "mine") == 2
    assert "is there already" in capsys.readouterr().err
    (data / "b.jpg").write_bytes(b"")
    assert _run(data, "--out", out, "--preset", "mine", "--empty", "keep", "--overwrite") == 1
    assert "1 image not exported:" in capsys.readouterr().out
    (file,) = (path for path in out.rglob("*.json") if path.name != "export-report.json")
    assert [category["name"] for category in json.loads(file.read_text())["categories"]] == ["animal"]


def test_wrong_options_are_refused_in_words(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    for options, words in (
        (("--format", "nothing"), "no format 'nothing'"),
        (("--images", "move"), "Use copy, hardlink, symlink, leave"),
        (("--label", "bird"), "There is no label 'bird'"),
        (("--search", "class:bird"), "bird"),
        (("--preset", "none"), "There is no preset 'none'"),
    ):
        assert _run(folder / "data", "--out", folder / "out", *options) == 2
        assert words in capsys.readouterr().err
    assert not (folder / "out").exists()
