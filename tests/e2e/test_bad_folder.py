"""A folder with images of every bad kind: all good ones are labelled, all bad ones reported with a reason."""

from __future__ import annotations

import json
import os
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from typer.testing import CliRunner

from samdesk.app import Services
from samdesk.batch.models import Loaders
from samdesk.batch.plan import AutoAnnotatePlan
from samdesk.batch.report import BatchSummary
from samdesk.cli.main import cli
from samdesk.dataset.dataset import Dataset
from samdesk.domain.document import ImageKey
from samdesk.domain.edits import Edit, Transaction
from samdesk.domain.review import ReviewChange
from tests.e2e.conftest import OpenWindow
from tests.helpers.finding import ColourModels
from tests.helpers.make import photo, truncated_image

LONG = "l" * 246 + ".png"
"""The longest name of a file on most disks is 255 bytes; here it has 250."""
GOOD = ("0.png", "16bit.png", "cmyk.jpg", "für 日本.png", LONG, "wide.png")
BAD = {
    "truncated.jpg": "truncated",
    "zero.jpg": "the file is empty",
    "text.jpg": "not an image",
    "link loop.png": "",
    "~vanishes.png": "no longer exists",
    "~~replaced.png": "replaced during the run",
}
"""Image -> a part of the reason. The last two come after all others, with 30 good ones between."""
MANY = tuple(f"m{i}.png" for i in range(30))


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    images = tmp_path / "images"
    for i, name in enumerate(("0.png", "für 日本.png", LONG, "~vanishes.png", "~~replaced.png", *MANY)):
        photo(images / name, 64, 48, seed=i)
    drawn = np.asarray(Image.open(photo(images / "16bit.png", 64, 48)).convert("L"))
    Image.fromarray(drawn.astype(np.uint16) << 8).save(images / "16bit.png")
    Image.open(images / "0.png").convert("CMYK").save(images / "cmyk.jpg")
    Image.new("RGB", (20000, 50)).save(images / "wide.png")
    truncated_image(images / "truncated.jpg", 0.5)
    (images / "zero.jpg").touch()
    (images / "text.jpg").write_text("not an image\n" * 100)
    (images / "link loop.png").symlink_to(images / "link loop.png")
    (images / "loop").symlink_to(images)
    return tmp_path


def spoiling(images: Path) -> ColourModels:
    """Models; one image vanishes while the first is at work, one is replaced once it was read."""

    def before(call: int) -> None:
        if call == 1:
            (images / "~vanishes.png").unlink()
        if call == len(GOOD) + len(MANY) + 1:
            other = photo(images.parent / "other.png", 90, 200)
            other.replace(images / "~~replaced.png")

    return ColourModels(before=before)


def check(failed: dict[str, str], labels: Path) -> None:
    """Checks the reasons by image, and that each good image, no other, has a label file."""
    assert set(failed) == set(BAD)
    assert {key: reason for key, reason in failed.items() if BAD[key] not in reason} == {}
    written = {p.name for p in labels.glob("*.txt")}
    assert written == {f"{os.path.splitext(name)[0]}.txt" for name in (*GOOD, *MANY)}  # noqa: PTH122
    for name in (*GOOD, *MANY):
        lines = (labels / name).with_suffix(".txt").read_text().splitlines()
        assert len(lines) == (0 if name in ("wide.png", "16bit.png") else 2), f"{name} is black or grey"


@pytest.mark.parametrize("store", [False, True], ids=["label files", "store"])
def test_on_the_command_line(folder: Path, monkeypatch: pytest.MonkeyPatch, store: bool) -> None:
    shelf = spoiling(folder / "images")
    monkeypatch.setattr(Loaders, "real", lambda *_, **_named: shelf.loaders)
    if store:
        dataset = Dataset.open(folder)
        edit = Edit(review=ReviewChange.SET_UNREVIEWED)
        dataset.commit(Transaction("Work", ((ImageKey("images/0.png"), edit),)))
        dataset.close()
    report = folder / "report.json"
    result = CliRunner().invoke(cli, ["annotate", str(folder), "--report", str(report)])
    assert result.exit_code == 1, result.output
    found = json.loads(report.read_text())
    assert found["annotated"] == len(GOOD) + len(MANY)
    check({Path(f["image"]).name: f["reason"] for f in found["failed"]}, folder / "labels")
    assert f"{len(BAD)} failed" in result.stdout
    assert "failed 1: the file is empty" in result.stderr
    assert "failed: images/zero.jpg: " in result.stderr


def test_in_the_window(folder: Path, open_window: OpenWindow) -> None:
    user = open_window(Services(loaders=spoiling(folder / "images").loaders))
    user.open(folder)
    summaries: list[BatchSummary] = []
    client = user.desk.workers.batch
    client.finished.connect(summaries.append)
    client.start(AutoAnnotatePlan("colour.pt", "inner.pt"))
    user.until(lambda: bool(summaries))
    user.until_saved()
    check({Path(f.key).name: f.message for f in summaries[0].failed}, folder / "labels")


@pytest.mark.skipif(os.name == "nt" or os.geteuid() == 0, reason="root may read all files")
def test_images_and_label_folders_without_permission(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(Loaders, "real", lambda *_, **_named: ColourModels().loaders)
    images = folder / "images"
    (images / "m1.png").chmod(0)
    photo(images / "sub" / "1.png")
    (folder / "labels" / "sub").mkdir(parents=True)
    (folder / "labels" / "sub").chmod(0o500)
    try:
        result = CliRunner().invoke(cli, ["annotate", str(images)])
        assert result.exit_code == 1
        assert "failed: m1.png: the file" in result.stderr
        assert "failed: sub/1.png: " in result.stderr
        assert (folder / "labels" / "m2.txt").exists()
    finally:
        (folder / "labels" / "sub").chmod(0o700)


def test_a_folder_in_place_of_a_label_file_stops_no_other(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(Loaders, "real", lambda *_, **_named: ColourModels().loaders)
    (folder / "labels" / "m1.txt").mkdir(parents=True)
    result = CliRunner().invoke(cli, ["annotate", str(folder / "images"), "--existing", "replace"])
    assert result.exit_code == 1
    assert "m1.png: " in result.stderr
    assert (folder / "labels" / "m2.txt").is_file()
