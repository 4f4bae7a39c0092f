"""What samdesk finds in a data.yaml is what the trainer itself makes of it, and a fix makes it train."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any

import numpy as np
import pytest
import yaml
from PIL import Image

from samdesk.dataset.dataset import Dataset
from samdesk.dataset.store.errors import StoreError
from samdesk.dataset.trainer.checks import CHECKS
from samdesk.dataset.trainer.fix import TrainingReport
from samdesk.dataset.trainer.reading import read_as_trainer
from samdesk.dataset.trainer.training import check_training, fix_data_yaml, training_facts
from samdesk.images.reader import trainer_drops
from tests.dataset.dataset_kit import draw, photos, with_labels
from tests.dataset.trainer_reader import trained

SQUARE = "0.2 0.2 0.6 0.2 0.6 0.7 0.2 0.7"

REFUSED = {
    "names and nc only (supervision)": "names: [cat, dog]\nnc: 2\n",
    "train only (CVAT)": "path: ./\ntrain: images\nnames:\n  0: cat\n  1: dog\n",
    "a gap": "train: images\nval: images\nnames:\n  0: cat\n  2: dog\n",
    "ids from 1": "train: images\nval: images\nnames:\n  1: cat\n  2: dog\n",
    "nc differs": "train: images\nval: images\nnc: 5\nnames: [cat, dog]\n",
    "path is gone": "path: /home/other/YOLODataset\ntrain: images\nval: images\nnames: [cat, dog]\n",
    "path is relative": "path: .\ntrain: images\nval: images\nnames: [cat, dog]\n",
    "no valid folder": "train: images\nval: ../valid/images\nnames: [cat, dog]\n",
    "a number as train": "train: 3\nval: images\nnames: [cat, dog]\n",
    "an empty val folder": "train: images\nval: empty\nnames: [cat, dog]\n",
    "empty values": "train:\nval:\nnames: [cat, dog]\n",
    "an absolute path that is gone": "train: /nowhere/images\nval: images\nnames: [cat, dog]\n",
    "names are gone": "train: images\nval: images\nnames: []\nnc: 0\n",
}
if os.sep == "/":
    REFUSED["backslashes"] = "train: .\\images\nval: .\\images\nnames: [cat, dog]\n"

ACCEPTED = {
    "as samdesk writes it": "train: images\nval: images\nnames:\n  0: cat\n  1: dog\n",
    "a list": "train: [images, more]\nval: [images]\nnames: [cat, dog]\n",
    "validation": "train: images\nvalidation: more\nnames: [cat, dog]\n",
    "text ids and nc": "train: images\nval: images\nnc: 2.0\nnames: {'0': cat, '1': dog}\n",
    "one folder above too many": "train: ../images\nval: ../more\nnames: [cat, dog]\n",
    "a list of images": "train: some.txt\nval: images\nnames: [cat, dog]\n",
    "all": "train: .\nval: .\nnames: [cat, dog]\n",
    "names from nc": "train: images\nval: images\nnc: 2\n",
}


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A dataset with two labelled images and one that is not; the current folder is another one."""
    photos(tmp_path / "set", "images/a.png", "images/b.png", "more/c.png")
    for name in ("labels/a.txt", "labels/b.txt"):
        (tmp_path / "set/labels").mkdir(exist_ok=True)
        (tmp_path / "set" / name).write_text(f"1 {SQUARE}\n", "utf-8")
    (tmp_path / "set/empty").mkdir()
    (tmp_path / "set/some.txt").write_text("./images/b.png\nimages/a.png\n", "utf-8")
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    return tmp_path / "set"


def checked(folder: Path) -> TrainingReport:
    dataset = Dataset.open(folder)
    try:
        return check_training(training_facts(dataset))
    finally:
        dataset.close()


def fixed(folder: Path) -> TrainingReport:
    """Applies the fix and returns what is found after it."""
    dataset = Dataset.open(folder)
    try:
        report = check_training(training_facts(dataset))
        assert report.fix is not None
        fix_data_yaml(dataset, report.fix)
        return check_training(training_facts(dataset))
    finally:
        dataset.close()


def messages(report: TrainingReport) -> dict[str, str]:
    return {finding.code: finding.message for finding in report.findings}


@pytest.mark.parametrize("form", [*REFUSED, *ACCEPTED])
def test_a_data_yaml_is_read_as_the_trainer_reads_it(folder: Path, form: str) -> None:
    text = {**REFUSED, **ACCEPTED}[form]
    file = folder / "data.yaml"
    file.write_text(text, "utf-8")
    reading = read_as_trainer(yaml.safe_load(text), file)
    by_trainer = {split: trained(file, split) for split in ("train", "val")}
    assert bool(reading.refusals) == any(found.error for found in by_trainer.values()) == (form in REFUSED)
    if form in ACCEPTED:
        for split, found in by_trainer.items():
            reached = {
                key
                for key in ("images/a.png", "images/b.png", "more/c.png")
                if reading.places[split].path(str(folder / key)) is not None
            }
            assert reached == set(found.classes or {}), split


@pytest.mark.parametrize("form", [form for form in REFUSED if form != "names are gone"])
def test_a_fix_makes_a_refused_data_yaml_train(folder: Path, form: str) -> None:
    file = folder / "data.yaml"
    file.write_text("# made by hand\n" + REFUSED[form] + "license: CC0  # kept\n", "utf-8")
    found = next(finding for finding in checked(folder).findings if finding.code == "refused")
    assert found.message.startswith("The trainer refuses data.yaml: ")
    assert found.fixable
    assert "refused" not in messages(fixed(folder))
    train, val = trained(file), trained(file, "val")
    assert (train.error, val.error) == ("", "")
    assert {key: train.classes[key] for key in ("images/a.png", "images/b.png")} == {  # type: ignore[index]
        "images/a.png": [1],
        "images/b.png": [1],
    }
    expected = {
        "nc differs": ("cat", "dog", "class_2", "class_3", "class_4"),
        "a gap": ("cat", "class_1", "dog"),
        "ids from 1": ("class_0", "cat", "dog"),
    }
    assert train.names == expected.get(form, ("cat", "dog"))
    text = file.read_text("utf-8")
    assert text.startswith("# made by hand\n")
    assert "license: CC0  # kept\n" in text
    assert "path:" not in text


@pytest.mark.parametrize("form", ["names: [cat, dog]", "nc: 2", "names: [cat, dog]\npath: /gone"])
def test_classes_that_data_yaml_lacks_are_reported_and_added(folder: Path, form: str) -> None:
    file = folder / "data.yaml"
    file.write_text(f"train: images\nval: images\n{form}\n", "utf-8")
    (folder / "labels/b.txt").write_text(f"4 {SQUARE}\n", "utf-8")
    report = checked(folder)
    if "path" not in form:
        found = next(finding for finding in report.findings if finding.code == "missing-classes")
        assert found.message == (
            "data.yaml has 2 classes, but class ids up to 4 are in use: "
            "the trainer drops images with the others."
        )
        assert found.fixable
        assert trained(file).classes == {"images/a.png": [1]}
    fixed(folder)
    assert trained(file).classes == {"images/a.png": [1], "images/b.png": [4]}
    assert checked(folder).findings == ()


def test_the_opening_reports_a_refused_data_yaml_once_and_the_old_one_is_kept(folder: Path) -> None:
    file = folder / "data.yaml"
    file.write_text(REFUSED["nc differs"], "utf-8")
    dataset = Dataset.open(folder)
    with_labels(dataset, "bird")  # makes the store
    texts = [notice.message for notice in dataset.notices() if notice.kind == "training"]
    dataset.close()
    assert texts == ["The trainer refuses data.yaml: its nc is 5, but it names 2 classes."]
    file.write_text("train: images\nnames: [cat, dog, bird]\n", "utf-8")
    fixed(folder)
    kept = list((folder / ".samdesk/replaced").iterdir())
    assert [path.read_text("utf-8") for path in kept] == ["train: images\nnames: [cat, dog, bird]\n"]


def test_a_read_only_dataset_is_not_fixed(folder: Path) -> None:
    (folder / "data.yaml").write_text(REFUSED["nc differs"], "utf-8")
    first, second = Dataset.open(folder), Dataset.open(folder)
    report = check_training(training_facts(second))
    assert report.fix is not None
    with pytest.raises(StoreError, match="read-only"):
        fix_data_yaml(second, report.fix)
    first.close()
    second.close()
    assert (folder / "data.yaml").read_text("utf-8") == REFUSED["nc differs"]


def test_annotated_images_that_no_split_reaches(folder: Path) -> None:
    (folder / "more/c.txt").write_text(f"0 {SQUARE}\n", "utf-8")
    (folder / "data.yaml").write_text("train: images\nval: more\nnames: [cat, dog]\n", "utf-8")
    assert "unreached" not in messages(checked(folder))
    (folder / "data.yaml").write_text("train: images\nval: images\nnames: [cat, dog]\n", "utf-8")
    assert messages(checked(folder))["unreached"] == (
        "1 annotated image is neither in the train nor in the val folder of data.yaml: more/c.png."
    )
    fixed(folder)
    assert trained(folder / "data.yaml").classes == {
        "images/a.png": [1],
        "images/b.png": [1],
        "more/c.png": [0],
    }
    # A split that the user has made is the user's: it is reported and left alone.
    (folder / "data.yaml").write_text("train: images\nval: some.txt\nnames: [cat, dog]\n", "utf-8")
    report = checked(folder)
    assert "unreached" in messages(report)
    assert report.fix is None


def test_a_linked_images_folder_is_reported_and_fixed(tmp_path: Path) -> None:
    photos(tmp_path / "pool", "a.png", "b.png")
    (tmp_path / "set/labels").mkdir(parents=True)
    (tmp_path / "set/labels/a.txt").write_text(f"0 {SQUARE}\n", "utf-8")
    try:
        (tmp_path / "set/images").symlink_to(tmp_path / "pool")
    except OSError:
        pytest.skip("no links here")
    file = tmp_path / "set/data.yaml"
    file.write_text("train: images\nval: images\nnames: [cat]\n", "utf-8")
    assert [classes for classes in (trained(file).classes or {}).values() if classes] == []
    assert (
        "looks for the labels of 1 annotated image in another folder"
        in messages(checked(tmp_path / "set"))["labels-elsewhere"]
    )
    assert "labels-elsewhere" not in messages(fixed(tmp_path / "set"))
    assert trained(file).classes == {"images/a.png": [0], "images/b.png": []}


def test_split_folders_that_an_older_data_yaml_ignores(tmp_path: Path) -> None:
    photos(tmp_path, "images/train/a.png", "images/val/b.png")
    file = tmp_path / "data.yaml"
    file.write_text("train: images\nval: images\nnames: [cat]\n", "utf-8")
    assert messages(checked(tmp_path))["splits-ignored"] == (
        "data.yaml uses all images both for training and for validation, although there are folders for "
        "each: images/train and images/val."
    )
    assert not messages(fixed(tmp_path))
    assert list(trained(file).classes or {}) == ["images/train/a.png"]
    assert list(trained(file, "val").classes or {}) == ["images/val/b.png"]


def test_plots_of_runs_that_would_be_trained_on(tmp_path: Path) -> None:
    photos(tmp_path, "a.png", "runs/segment/train/results.png", "runs/segment/train2/results.png")
    file = tmp_path / "data.yaml"
    file.write_text("train: .\nval: .\nnames: [cat]\n", "utf-8")
    assert len(trained(file).classes or {}) == 3
    assert messages(checked(tmp_path))["run-outputs"].startswith("2 plots of training runs would be trained")
    assert not messages(fixed(tmp_path))
    assert trained(file).classes == {"a.png": []}


def test_images_that_samdesk_cannot_read_are_reported(tmp_path: Path) -> None:
    photos(tmp_path, "a.png")
    for name in ("b.heic", "c.HEIC", "d.dng", "e.heif"):
        (tmp_path / name).write_bytes(b"\0\0\0\x18ftypheic" + b"\0" * 99)
    assert messages(checked(tmp_path))["unreadable"] == (
        "4 images are left out, because samdesk cannot read DNG and HEIC and HEIF: b.heic, c.HEIC and "
        "2 more. Convert them to JPEG or PNG."
    )
    (tmp_path / "data.yaml").write_text("train: .\nval: .\nnames: [cat]\n", "utf-8")
    assert "may use such images as images without objects" in messages(checked(tmp_path))["unreadable"]


def test_folders_that_cannot_be_listed_are_named(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    photos(tmp_path, "a.png", "locked/b.png", "deep/" + "x/" * 70 + "c.png")
    list_folder = os.scandir

    def refuse(path: str) -> Any:
        if str(path).endswith("locked"):
            raise PermissionError(13, "Permission denied", path)
        return list_folder(path)

    monkeypatch.setattr(os, "scandir", refuse)  # root may list any folder
    found = messages(checked(tmp_path))["unlisted"]
    assert found.startswith("2 folders could not be listed, or lie too deep; their images are missing here: ")
    assert "locked/" in found
    assert "deep/x/x/" in found


def write_image(path: Path, width: int, height: int, **options: Any) -> None:
    Image.fromarray(np.full((height, width, 3), 90, np.uint8)).save(path, **options)


def test_annotated_images_that_the_trainer_drops(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    write_image(tmp_path / "whole.png", 40, 40)
    write_image(tmp_path / "narrow.png", 9, 40)
    write_image(tmp_path / "ten.png", 10, 10)
    write_image(tmp_path / "animation.jpg", 40, 40, format="GIF")
    Image.new("1", (20000, 9000)).save(tmp_path / "huge.png")
    for name in ("whole", "narrow", "ten", "animation", "huge"):
        (tmp_path / f"{name}.txt").write_text(f"0 {SQUARE}\n", "utf-8")
    (tmp_path / "data.yaml").write_text("train: .\nval: .\nnames: [cat]\n", "utf-8")
    # samdesk lifts pillow's limit in this process; the trainer has a process of its own.
    with monkeypatch.context() as patch:
        patch.setattr(Image, "MAX_IMAGE_PIXELS", 1024 * 1024 * 1024 // 4 // 3)
        kept = set(trained(tmp_path / "data.yaml").classes or {})
    assert kept == {"whole.png", "ten.png"}
    for path in sorted(tmp_path.glob("*.[jp]*g")):
        assert bool(trainer_drops(path)) == (path.name not in kept), path.name
    assert messages(checked(tmp_path))["dropped"] == (
        "The trainer drops 3 annotated images: animation.jpg (a GIF file with the suffix .jpg), "
        "huge.png (180 MP, over its limit of 179 MP), narrow.png (9 x 40 pixels, smaller than 10)."
    )


def test_images_that_nobody_has_reviewed_are_information(tmp_path: Path) -> None:
    photos(tmp_path, "a.png", "b.png", "c.png")
    assert checked(tmp_path).findings == ()  # not begun: nothing to say
    dataset = Dataset.open(tmp_path)
    with_labels(dataset, "cat")
    draw(dataset, dataset.keys[0])
    dataset.close()
    (found,) = checked(tmp_path).findings
    assert (found.code, found.only_information, found.fixable) == ("unreviewed", True, False)
    assert found.message == (
        "2 images have no annotations and were not accepted yet: the trainer takes such images for images "
        "without objects."
    )
    assert trained(tmp_path / "data.yaml").classes == {"a.png": [0], "b.png": [], "c.png": []}


def test_the_check_ends_when_it_is_stopped(folder: Path) -> None:
    dataset = Dataset.open(folder)
    facts = training_facts(dataset)
    dataset.close()
    write_image(folder / "images/a.png", 4, 4)
    assert "dropped" in messages(check_training(facts))
    assert "dropped" not in messages(check_training(facts, lambda: True))


def test_every_check_has_a_code_of_its_own() -> None:
    assert len({check.code for check in CHECKS}) == len(CHECKS)
