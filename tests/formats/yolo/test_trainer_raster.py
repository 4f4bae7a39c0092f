"""Written datasets load in the Ultralytics trainer's own dataset loader."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from samdesk.dataset.dataset import Dataset
from samdesk.domain.edits import Transaction, accept_image, add
from samdesk.domain.geometry.regions import clean, rasterize
from tests.dataset.dataset_kit import SQUARE, drawn, photos, region, user, with_labels


def load(folder: Path) -> tuple[object, dict[int, str]]:
    """The trainer's dataset of a folder, and its class names."""
    data = pytest.importorskip("ultralytics.data.dataset")
    utils = pytest.importorskip("ultralytics.data.utils")
    info = utils.check_det_dataset(str(folder / "data.yaml"), autodownload=False)
    dataset = data.YOLODataset(
        img_path=info["train"], data=info, task="segment", augment=False, imgsz=64, prefix="", batch_size=1
    )
    return dataset, info["names"]


@pytest.mark.parametrize("layout", ["images/", ""])
def test_the_trainer_finds_everything(tmp_path: Path, layout: str) -> None:
    names = [f"{layout}{n}" for n in ("ä 1.jpg", "b.png", "c.jpg", "empty.jpg", "seen.jpg", "new.jpg")]
    folder = tmp_path / "set"
    keys = photos(folder, *names)
    (folder / "labels").mkdir()
    imported = folder / ("labels" if layout else ".") / "b.txt"
    imported.write_text(f"1 {SQUARE}\n")
    (folder / "classes.txt").write_text("cat\ndog\n")
    dataset = Dataset.open(folder)
    with_labels(dataset, "cow")
    cat, _, cow = (label.id for label in dataset.labels)
    holed = clean(region(4, 4, 30, 30).difference(region(10, 10, 8, 8)))
    split = clean(region(2, 2, 8, 8).union(region(40, 20, 10, 10)))
    dataset.commit(user(keys[0], add([drawn(cow), drawn(cat, 40)])))
    dataset.commit(user(keys[2], add([replace(drawn(cow), region=holed), replace(drawn(cat), region=split)])))
    dataset.commit(user(keys[3], accept_image(dataset.load(keys[3]))))
    run = dataset.begin_run("Run")
    dataset.commit_run(run, keys[4], add([]))  # looked at, nothing found
    dataset.end_run(run)
    labels = dataset.labels
    dataset.commit(Transaction("Move", labels=labels.move(cow, 0), labels_before=labels))
    dataset.close()

    loaded, class_names = load(folder)
    assert class_names == {0: "cow", 1: "cat", 2: "dog"}
    by_name = {Path(entry["im_file"]).name: entry for entry in loaded.labels}  # type: ignore[attr-defined]
    assert set(by_name) == {Path(n).name for n in names}  # none corrupt
    assert by_name["ä 1.jpg"]["cls"].ravel().tolist() == [0, 1]
    assert by_name["b.png"]["cls"].ravel().tolist() == [2]
    assert by_name["c.jpg"]["cls"].ravel().tolist() == [0, 1]
    assert by_name["empty.jpg"]["cls"].size == by_name["seen.jpg"]["cls"].size == 0
    assert all(len(e["segments"]) == len(e["cls"]) for e in by_name.values())
    cache = np.load(next(tmp_path.rglob("*.cache")), allow_pickle=True).item()
    found, missing, empty, corrupt, total = cache["results"]
    assert (found, missing, empty, corrupt, total) == (5, 1, 2, 0, 6)  # the new photo has no file yet
    again = Dataset.open(folder)
    mask = rasterize(again.load(keys[2]).annotations[0].region, 48, 64)
    assert not mask[13, 13]
    assert mask[6, 6]
    again.close()
