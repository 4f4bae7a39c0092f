"""The training size of a dataset: new lines are made for it, all others stay as they are."""

from __future__ import annotations

import shutil
from dataclasses import replace
from pathlib import Path

import pytest
from PIL import Image

from samdesk.dataset.dataset import Dataset
from samdesk.domain.edits import add
from samdesk.domain.geometry import regions
from samdesk.formats.yolo import segmentation
from tests.dataset.dataset_kit import drawn, user

SIZE = (1600, 1200)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "images").mkdir()
    Image.new("RGB", SIZE, "gray").save(tmp_path / "images" / "a.png")
    (tmp_path / "data.yaml").write_text("train: images\nval: images\nnames: [cat]\n")
    return tmp_path


def lines(folder: Path) -> list[str]:
    return (folder / "labels" / "a.txt").read_text("utf-8").splitlines()


def put(dataset: Dataset, x: int) -> None:
    key = dataset.keys[0]
    new = replace(drawn(dataset.labels.labels[0].id), region=regions.from_box(x, 100, x + 80, 300))
    dataset.commit(user(key, add([new])))


def test_a_new_training_size_changes_new_lines_only(folder: Path) -> None:
    dataset = Dataset.open(folder)
    put(dataset, 100)
    (first,) = lines(folder)
    dataset.settings_set("train_size", "320", durable=True)
    dataset.close()

    dataset = Dataset.open(folder)
    put(dataset, 300)
    assert dataset.conflicts == frozenset()
    assert lines(folder)[0] == first
    read = segmentation.parse("\n".join(lines(folder)), *SIZE).lines
    found = [line.region for line in read]
    assert [region.bounds for region in found] == [(100, 100, 180, 300), (300, 100, 380, 300)]
    left = [min(map(float, line.split()[1::2])) * SIZE[0] for line in lines(folder)]
    assert left == pytest.approx([101.25, 302.5], abs=0.01)  # half a pixel at 640, and at 320
    dataset.close()


def test_lines_of_any_training_size_are_read_as_they_were_drawn_without_the_store(folder: Path) -> None:
    dataset = Dataset.open(folder)
    for x, size in ((100, "640"), (300, "320"), (500, "1600")):
        dataset.settings_set("train_size", size)
        put(dataset, x)
    dataset.close()
    before = lines(folder)
    shutil.rmtree(folder / ".samdesk")

    dataset = Dataset.open(folder)
    found = dataset.load(dataset.keys[0]).annotations
    assert [a.region.bounds[0] for a in found] == [100, 300, 500]
    put(dataset, 700)
    assert lines(folder)[:3] == before
    dataset.close()
