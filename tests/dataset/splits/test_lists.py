"""train.txt, val.txt and test.txt: what the Ultralytics trainer reads, and what stays of other programs."""

from __future__ import annotations

from functools import partial
from pathlib import Path

import numpy as np
import yaml
from PIL import Image

from samdesk.dataset import plans
from samdesk.dataset.dataset import Dataset
from samdesk.dataset.trainer.settings import TrainingSettings, change_training
from samdesk.domain.document import ImageKey
from samdesk.domain.edits import Transaction, accept_image
from samdesk.domain.split import Split
from samdesk.formats.yolo.yaml_edit import NOTE
from tests.dataset.dataset_kit import draw, photos, with_labels
from tests.dataset.trainer_reader import trained


def assign(dataset: Dataset, splits: dict[ImageKey, Split | None]) -> None:
    dataset.commit_planned(partial(plans.assign_splits, splits=splits))


def lists(folder: Path) -> dict[str, list[str]]:
    found = [folder / f"{split}.txt" for split in ("train", "val", "test")]
    return {path.stem: path.read_text("utf-8").splitlines() for path in found if path.exists()}


def content(folder: Path) -> dict[str, object]:
    found: dict[str, object] = yaml.safe_load((folder / "data.yaml").read_text("utf-8"))
    return found


def test_the_trainer_loads_exactly_the_images_of_each_split(tmp_path: Path) -> None:
    folder = tmp_path / "images"
    keys = photos(folder, "Küste/ä 1.png", "b.png", "c.png", "日本.png", "left over.png")
    for orientation in range(1, 9):
        image = Image.fromarray(np.full((30, 50, 3), 20 * orientation, np.uint8))
        exif = image.getexif()
        exif[274] = orientation
        image.save(folder / f"turned {orientation}.jpg", exif=exif)
        keys.append(ImageKey(f"turned {orientation}.jpg"))
    dataset = Dataset.open(folder)
    with_labels(dataset, "x")
    for key in keys:
        draw(dataset, key, 4)
    parts: dict[Split, list[ImageKey]] = {"train": keys[5:], "val": keys[:2], "test": keys[2:4]}
    assign(dataset, {key: split for split, some in parts.items() for key in some})
    dataset.close()
    assert NOTE not in (tmp_path / "data.yaml").read_text()
    for split, some in parts.items():
        found = trained(tmp_path / "data.yaml", split)
        assert found.error == ""
        assert found.classes == {f"images/{key}": [0] for key in some}


def test_lists_follow_the_splits_and_undo_brings_the_yaml_back(tmp_path: Path) -> None:
    a, b, c = photos(tmp_path, "a.png", "b.png", "c.png")
    dataset = Dataset.open(tmp_path)
    with_labels(dataset, "x")
    before = (tmp_path / "data.yaml").read_text()
    assert NOTE in before  # val is train, and that is written beside it
    assert content(tmp_path)["train"] == content(tmp_path)["val"]
    assign(dataset, {a: "train", b: "val"})
    assert lists(tmp_path) == {"train": ["./a.png"], "val": ["./b.png"]}
    assert content(tmp_path) == {"train": "train.txt", "val": "val.txt", "names": {0: "x"}}
    assign(dataset, {b: "train", c: "test"})
    assert lists(tmp_path) == {"train": ["./a.png", "./b.png"], "test": ["./c.png"]}
    assert content(tmp_path)["val"] == "train.txt"
    assert NOTE in (tmp_path / "data.yaml").read_text()
    dataset.undo()
    assert lists(tmp_path) == {"train": ["./a.png"], "val": ["./b.png"]}
    dataset.undo()
    assert lists(tmp_path) == {}
    assert (tmp_path / "data.yaml").read_text() == before
    dataset.close()


def test_a_new_data_yaml_names_the_lists(tmp_path: Path) -> None:
    a, b = photos(tmp_path, "a.png", "b.png")
    dataset = Dataset.open(tmp_path)
    assign(dataset, {a: "train", b: "val"})
    with_labels(dataset, "x")
    assert content(tmp_path) == {"train": "train.txt", "val": "val.txt", "names": {0: "x"}}
    dataset.undo()
    dataset.undo()
    with_labels(dataset, "y")
    assert content(tmp_path)["train"] == "."
    dataset.close()


def test_what_another_program_wrote_is_replaced_only_when_asked_and_kept(tmp_path: Path) -> None:
    a, b = photos(tmp_path, "a.png", "b.png")
    theirs = "./b.png\n./a.png\n"
    (tmp_path / "train.txt").write_text(theirs)
    (tmp_path / "data.yaml").write_text("# mine\ntrain: train.txt\nval: train.txt\nnames: [x]  # one\n")
    dataset = Dataset.open(tmp_path)
    assign(dataset, {a: "train", b: "val"})
    assert (tmp_path / "train.txt").read_text() == theirs
    assert content(tmp_path)["val"] == "train.txt"
    assert [path.name for path in dataset.lists.foreign] == ["train.txt"]
    assert any("train.txt" in notice.message for notice in dataset.notices())
    dataset.lists.replace_foreign()
    assert lists(tmp_path) == {"train": ["./a.png"], "val": ["./b.png"]}
    assert (
        tmp_path / "data.yaml"
    ).read_text() == "# mine\ntrain: train.txt\nval: val.txt\nnames: [x]  # one\n"
    assert (tmp_path / ".samdesk" / "replaced" / "train.txt").read_text() == theirs
    assert dataset.lists.foreign == ()

    (tmp_path / "val.txt").write_text("./c.png\n")  # changed since
    assign(dataset, {b: "train"})
    assert lists(tmp_path) == {"train": ["./a.png", "./b.png"], "val": ["./c.png"]}
    dataset.close()


def test_lists_are_written_after_a_crash_before_them(tmp_path: Path) -> None:
    a, b = photos(tmp_path, "a.png", "b.png")
    dataset = Dataset.open(tmp_path)
    with_labels(dataset, "x")
    dataset.core.write_lists = lambda: None
    assign(dataset, {a: "train", b: "val"})
    dataset.core.rows.store.close()
    dataset.core._lock.release()
    dataset = Dataset.open(tmp_path)
    while dataset.unfinished:
        dataset.advance(0.1)
    assert lists(tmp_path) == {"train": ["./a.png"], "val": ["./b.png"]}
    assert content(tmp_path)["val"] == "val.txt"
    dataset.close()


def test_lists_may_hold_only_images_that_are_done(tmp_path: Path) -> None:
    a, b = photos(tmp_path, "a.png", "b.png")
    dataset = Dataset.open(tmp_path)
    with_labels(dataset, "x")
    assign(dataset, {a: "train", b: "train"})
    assert change_training(dataset, TrainingSettings(lists_hold="done"))
    assert lists(tmp_path) == {"train": []}
    document = dataset.load(a)
    dataset.commit(Transaction("Accept image", ((a, accept_image(document)),)))
    assert lists(tmp_path) == {"train": ["./a.png"]}
    dataset.undo()
    assert lists(tmp_path) == {"train": []}
    change_training(dataset, TrainingSettings())
    assert lists(tmp_path) == {"train": ["./a.png", "./b.png"]}
    dataset.close()


def test_an_image_named_as_a_list_keeps_its_label_file(tmp_path: Path) -> None:
    a, b = photos(tmp_path, "train.png", "b.png")
    dataset = Dataset.open(tmp_path)
    with_labels(dataset, "x")
    draw(dataset, a, 4)
    labels = (tmp_path / "train.txt").read_text()
    assign(dataset, {a: "train", b: "val"})
    assert (tmp_path / "train.txt").read_text() == labels
    assert (tmp_path / "train-images.txt").read_text() == "./train.png\n"
    assert content(tmp_path)["train"] == "train-images.txt"
    dataset.close()


def test_images_that_come_and_go_are_followed(tmp_path: Path) -> None:
    a, b = photos(tmp_path, "a.png", "b.png")
    dataset = Dataset.open(tmp_path)
    assign(dataset, {a: "train", b: "train"})
    (tmp_path / b).unlink()
    from samdesk.images.sources import survey

    dataset.set_survey(survey(tmp_path))
    while dataset.unfinished:
        dataset.advance(0.1)
    assert lists(tmp_path) == {"train": ["./a.png"]}
    dataset.close()
