"""A data.yaml that samdesk writes gives the trainer each image in its split, and nothing else."""

from __future__ import annotations

from pathlib import Path

import pytest

from samdesk.dataset.dataset import Dataset
from samdesk.dataset.trainer.paths import LISTING, training_paths
from samdesk.images.sources import scan
from tests.dataset.dataset_kit import draw, photos, with_labels
from tests.dataset.trainer_reader import trained


def annotate_all(folder: Path) -> None:
    """Draws a box on every image of a folder."""
    dataset = Dataset.open(folder)
    if not dataset.labels:
        with_labels(dataset, "cat")
    for key in dataset.keys:
        draw(dataset, key)
    dataset.close()


@pytest.mark.parametrize(
    ("train", "val"),
    [
        ("images/train", "images/val"),
        ("train/images", "valid/images"),
        ("train", "val"),
        ("images/training", "images/validation"),
    ],
)
def test_split_folders_become_the_splits_of_data_yaml(tmp_path: Path, train: str, val: str) -> None:
    photos(tmp_path, f"{train}/a.png", f"{train}/more/b.png", f"{val}/c.png")
    annotate_all(tmp_path)
    assert trained(tmp_path / "data.yaml", "train").classes == {
        f"{train}/a.png": [0],
        f"{train}/more/b.png": [0],
    }
    assert trained(tmp_path / "data.yaml", "val").classes == {f"{val}/c.png": [0]}


def test_a_test_folder_is_the_test_split(tmp_path: Path) -> None:
    photos(tmp_path, "images/train/a.png", "images/val/b.png", "images/test/c.png")
    annotate_all(tmp_path)
    assert trained(tmp_path / "data.yaml", "test").classes == {"images/test/c.png": [0]}


@pytest.mark.parametrize("opened", ["images", "images/train", "train/images"])
def test_splits_are_found_from_inside_one_of_them(tmp_path: Path, opened: str) -> None:
    train, val = (
        ("train/images", "valid/images") if opened == "train/images" else ("images/train", "images/val")
    )
    photos(tmp_path, f"{train}/a.png", f"{val}/b.png")
    annotate_all(tmp_path / opened)
    assert trained(tmp_path / "data.yaml", "train").classes == {f"{train}/a.png": [0]}
    assert f"{val}/b.png" in (trained(tmp_path / "data.yaml", "val").classes or {})


def test_images_outside_the_split_folders_make_one_split_of_all(tmp_path: Path) -> None:
    photos(tmp_path, "images/train/a.png", "images/val/b.png", "images/c.png")
    annotate_all(tmp_path)
    everything = {"images/train/a.png": [0], "images/val/b.png": [0], "images/c.png": [0]}
    assert trained(tmp_path / "data.yaml", "train").classes == everything
    assert trained(tmp_path / "data.yaml", "val").classes == everything


def test_images_beside_the_images_folder_are_trained_too(tmp_path: Path) -> None:
    photos(tmp_path, "images/a.png", "extra/b.png")
    annotate_all(tmp_path)
    assert trained(tmp_path / "data.yaml").classes == {"images/a.png": [0], "extra/b.png": [0]}


def test_a_linked_images_folder_is_trained_with_its_labels(tmp_path: Path) -> None:
    photos(tmp_path / "pool", "a.png")
    (tmp_path / "set").mkdir()
    try:
        (tmp_path / "set/images").symlink_to(tmp_path / "pool")
    except OSError:
        pytest.skip("no links here")
    annotate_all(tmp_path / "set")
    assert trained(tmp_path / "set/data.yaml").classes == {"images/a.png": [0]}


def test_the_outputs_of_runs_are_no_images_of_the_dataset(tmp_path: Path) -> None:
    photos(tmp_path, "a.png", "more/b.png")
    photos(tmp_path, "runs/segment/train/results.png", "runs/segment/train/val_batch0_pred.png")
    photos(tmp_path, "runs/segment/predict/a.png", "mine/train_batch0.png")
    (tmp_path / "mine/args.yaml").write_text("task: segment\nmode: train\n")
    assert scan(tmp_path) == ["a.png", "more/b.png"]
    annotate_all(tmp_path)
    assert trained(tmp_path / "data.yaml").classes == {"a.png": [0], "more/b.png": [0]}
    assert trained(tmp_path / "data.yaml", "val").classes == {"a.png": [0], "more/b.png": [0]}
    photos(tmp_path, "c.png")
    dataset = Dataset.open(tmp_path)
    draw(dataset, dataset.keys[1])
    dataset.close()
    assert (tmp_path / LISTING).read_text("utf-8") == "./a.png\n./c.png\n./more/b.png\n"
    assert trained(tmp_path / "data.yaml").classes == {"a.png": [0], "c.png": [0], "more/b.png": [0]}


def test_a_folder_called_runs_is_not_a_run(tmp_path: Path) -> None:
    photos(tmp_path, "runs/monday/a.png")
    (tmp_path / "runs/args.yaml").write_text("speed: 3\n")
    assert scan(tmp_path) == ["runs/monday/a.png"]
    assert training_paths(tmp_path, ["runs/monday/a.png"]).splits == {"train": ".", "val": "."}


def test_one_split_of_several_names_its_siblings(tmp_path: Path) -> None:
    photos(tmp_path, "images/train/a.png", "images/val/b.png")
    (tmp_path / "images/test").mkdir()  # empty: the trainer would refuse it
    paths = training_paths(tmp_path / "images/train", ["a.png"])
    assert (paths.root, paths.splits) == (tmp_path, {"train": "images/train", "val": "images/val"})
