"""Changes outside samdesk: images resized, names that are not UTF-8, a missing folder, a restart."""

from __future__ import annotations

import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from samdesk.dataset import queries
from samdesk.dataset.dataset import Dataset, StoreError
from samdesk.domain.edits import update
from samdesk.domain.geometry.regions import translate
from tests.dataset.dataset_kit import SIZE, draw, files, photos, user, with_labels


def save_photo(path: Path, width: int, height: int) -> None:
    Image.fromarray(np.zeros((height, width, 3), np.uint8)).save(path)


def numbers(label_file: Path) -> list[list[float]]:
    return [[float(word) for word in line.split()] for line in label_file.read_text().splitlines()]


def test_a_conflict_is_reported_again_after_a_restart(tmp_path: Path) -> None:
    (key,) = photos(tmp_path, "a.png")
    dataset = Dataset.open(tmp_path)
    with_labels(dataset, "cat")
    draw(dataset, key)
    (tmp_path / "a.txt").write_text("0 0.1 0.1 0.2 0.1 0.2 0.2\n")
    dataset.load(key)
    draw(dataset, key, 30)
    dataset.close()
    dataset = Dataset.open(tmp_path)
    dataset.load(key)
    dataset.load(key)
    assert [(n.kind, n.key) for n in dataset.notices()] == [("changed-outside", key)]  # once
    dataset.resolve(key, "mine")
    assert len(numbers(tmp_path / "a.txt")) == 2
    dataset.close()


def test_labels_are_scaled_with_a_resized_image(tmp_path: Path) -> None:
    (key,) = photos(tmp_path, "a.png")
    dataset = Dataset.open(tmp_path)
    with_labels(dataset, "cat")
    drawn = draw(dataset, key)
    dataset.commit(user(key, update([replace(drawn, region=translate(drawn.region, 5, 0))])))
    before = numbers(tmp_path / "a.txt")
    dataset.close()
    save_photo(tmp_path / "a.png", SIZE[0] * 2, SIZE[1] * 2)
    dataset = Dataset.open(tmp_path)
    document = dataset.load(key)
    assert (document.width, document.height) == (SIZE[0] * 2, SIZE[1] * 2)
    assert document.annotations[0].region.bounds == (30, 16, 70, 46)
    assert "scaled" in dataset.notices()[0].message
    # what is drawn now is where it was drawn, and what was there trains as before
    draw(dataset, key, 100)
    lines = numbers(tmp_path / "a.txt")
    assert lines[0] == pytest.approx(before[0], abs=0.01)
    assert max(lines[1][1::2]) == pytest.approx(120 / 128, abs=0.01)
    dataset.undo()
    dataset.undo()  # a step from before the photo was resized
    assert dataset.load(key).annotations[0].region.bounds == (20, 16, 60, 46)
    dataset.close()
    again = Dataset.open(tmp_path)
    assert again.load(key).annotations[0].region.bounds == (20, 16, 60, 46)
    assert again.notices() == []
    again.close()


def test_an_unedited_label_file_stays_as_it_is_when_its_image_is_resized(tmp_path: Path) -> None:
    key, other = photos(tmp_path, "a.png", "b.png")
    (tmp_path / "a.txt").write_text("0 0.5 0.5 0.25 0.25\n")
    dataset = Dataset.open(tmp_path)
    dataset.load(key)
    save_photo(tmp_path / "a.png", SIZE[0] * 2, SIZE[1] * 2)
    assert dataset.load(key).annotations[0].region.bounds == pytest.approx((48, 36, 80, 60), abs=1)
    dataset.commit(user(key, update(dataset.load(key).annotations)))
    save_photo(tmp_path / "a.png", *SIZE)
    assert dataset.load(key).annotations[0].region.bounds == pytest.approx((24, 18, 40, 30), abs=1)
    draw(dataset, other)
    assert (tmp_path / "a.txt").read_text() == "0 0.5 0.5 0.25 0.25\n"
    dataset.close()


def test_saving_fails_when_the_folder_is_missing(tmp_path: Path) -> None:
    (key,) = photos(tmp_path / "photos", "a.png")
    dataset = Dataset.open(tmp_path / "photos")
    with_labels(dataset, "cat")
    draw(dataset, key)
    (tmp_path / "photos").rename(tmp_path / "elsewhere")
    with pytest.raises(StoreError, match="is missing"):
        draw(dataset, key, 30)
    assert not (tmp_path / "photos").exists()
    (tmp_path / "elsewhere").rename(tmp_path / "photos")
    draw(dataset, key, 30)
    assert len(numbers(tmp_path / "photos" / "a.txt")) == 2
    dataset.close()


def test_a_store_whose_folder_is_missing_can_be_saved_elsewhere(tmp_path: Path) -> None:
    (key,) = photos(tmp_path / "photos", "a.png")
    dataset = Dataset.open(tmp_path / "photos")
    with_labels(dataset, "cat")
    draw(dataset, key)
    (tmp_path / "photos").rename(tmp_path / "elsewhere")
    dataset.save_store_to(tmp_path / "rescued" / "dataset.db")
    draw(dataset, key, 30)
    dataset.close()
    assert not (tmp_path / "photos").exists()
    again = Dataset.open(tmp_path / "elsewhere", store_path=tmp_path / "rescued" / "dataset.db")
    assert len(again.load(key).annotations) == 2
    again.close()


@pytest.mark.skipif(sys.platform != "linux", reason="names are text there")
def test_an_image_whose_name_is_not_utf_8_is_left_out_and_reported(tmp_path: Path) -> None:
    (key,) = photos(tmp_path, "a.png")
    photos(tmp_path, "b.png")
    os.rename(tmp_path / "b.png", os.fsencode(tmp_path) + b"/caf\xe9.png")  # noqa: PTH104
    dataset = Dataset.open(tmp_path)
    assert dataset.keys == (key,)
    (notice,) = dataset.notices()
    assert "caf?.png" in notice.message
    with_labels(dataset, "cat")
    draw(dataset, key)
    assert queries.summaries(dataset, dataset.keys)[0].count == 1
    assert set(files(tmp_path)) == {"a.txt", "data.yaml"}
    dataset.close()
