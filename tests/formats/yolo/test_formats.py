"""The three YOLO formats: written, read by Ultralytics' own code, and read back."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
import pytest
import shapely
import shapely.affinity
import yaml
from PIL import Image

from samdesk.domain.annotation import CROWD
from samdesk.domain.geometry import regions
from samdesk.formats.base import DeclaredLabels, Format, ImageRecord, InstanceRecord, WriteContext
from samdesk.formats.registry import find_format
from tests.helpers.format_files import images, problems, read, write

SEG, DET, OBB = (find_format(f"yolo-{kind}") for kind in ("seg", "det", "obb"))
NAMES = ("cat", "dog")
SIZES = {"images/train/a": (200, 160), "images/val/ü b": (200, 160), "a": (200, 160)}
RING = regions.clean(shapely.box(20, 20, 120, 120).difference(shapely.box(50, 50, 90, 90)))
PARTS = regions.clean(shapely.union_all([shapely.box(10, 10, 60, 60), shapely.box(80, 20, 140, 90)]))
EDGE = regions.clip(regions.clean(shapely.affinity.rotate(shapely.box(150, 5, 230, 60), 40)), 200, 160)
TURNED = regions.clean(shapely.affinity.rotate(shapely.box(60, 60, 140, 90), 30))


def record(name: str, split: Any, *instances: InstanceRecord) -> ImageRecord:
    return ImageRecord(name, 200, 160, instances, split, path=f"images/{split}/{name}")


def two_images() -> list[ImageRecord]:
    crowd = InstanceRecord("dog", RING, attributes=((CROWD, True),), annotation_id="crowd")
    first = InstanceRecord("dog", RING, annotation_id="ring"), InstanceRecord("cat", PARTS), crowd
    return [
        record("a.jpg", "train", *first),
        record(
            "ü b.png",
            "val",
            InstanceRecord("cat", TURNED),
            InstanceRecord("dog", RING),
            InstanceRecord("cat", EDGE),
        ),
    ]


def trained(folder: Path, files: dict[str, bytes]) -> list[Any]:
    """What Ultralytics' reader makes of the label files: [image file or None, boxes, shape, ...]."""
    data = pytest.importorskip("ultralytics.data.utils")
    found = []
    for name, content in files.items():
        path = folder / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content)
        if name.startswith("labels/"):
            image = folder / "a.png"
            Image.new("RGB", (200, 160)).save(image)
            found.append(list(data.verify_image_label((str(image), str(path), "", False, 2, 0, 0, False))))
    return found


@pytest.mark.parametrize("row", [SEG, DET, OBB], ids=lambda row: row.id)
def test_ultralytics_loads_every_line(row: Format, tmp_path: Path) -> None:
    files, encoded = write(row, two_images(), WriteContext(NAMES, splits=("train", "val")))
    assert sorted(files) == ["data.yaml", "labels/train/a.txt", "labels/val/ü b.txt"]
    found = trained(tmp_path, files)
    assert [item[0] is not None and item[9] for item in found] == ["", ""]  # no message: nothing is dropped
    assert [item[1][:, 0].tolist() for item in found] == [[1, 0], [0, 1, 0]]
    assert [len(item[3]) for item in found] == ([0, 0] if row is DET else [2, 3])
    assert [w.losses[0].code for image in encoded for w in image.instances if not w.written] == ["crowd"]
    for item, image in zip(found, two_images(), strict=True):
        for row_, instance in zip(item[1], image.instances, strict=False):
            x0, y0, x1, y1 = instance.region.bounds
            wide = 12 if row is OBB else 1  # a rotated box may be larger than the box
            middle = [(x0 + x1) / 2, (y0 + y1) / 2]
            np.testing.assert_allclose(row_[1:3] * [200, 160], middle, atol=wide)


@pytest.mark.parametrize("row", [SEG, DET, OBB], ids=lambda row: row.id)
def test_what_was_written_is_read_and_written_alike(row: Format) -> None:
    context = WriteContext(NAMES, splits=("train", "val"))
    first, _ = write(row, two_images(), context)
    items = read(row, first, SIZES)
    assert items[0] == DeclaredLabels(NAMES, file="data.yaml")
    found = images(items)
    assert [(r.name, r.split, r.file) for r in found] == [
        ("images/train/a", "train", "labels/train/a.txt"),
        ("images/val/ü b", "val", "labels/val/ü b.txt"),
    ]
    again = [
        record(before.name, r.split, *r.instances) for before, r in zip(two_images(), found, strict=True)
    ]
    assert write(row, again, context)[0] == first
    (ring, parts), (turned, *_) = ([i.region for i in r.instances] for r in found)
    if row is SEG:
        assert ring.equals(RING)
        assert parts.equals(PARTS)
    elif row is DET:
        np.testing.assert_allclose(ring.bounds, RING.bounds)
        assert {i.shape for r in found for i in r.instances} == {"box"}
    else:
        assert regions.iou(turned, TURNED) > 0.999
        assert {i.shape for r in found for i in r.instances} == {"rotated box"}


def test_the_report_has_the_mask_that_trains_and_what_is_bridged() -> None:
    _, (first, second) = write(SEG, two_images(), WriteContext(NAMES))
    ring, parts, crowd = first.instances
    assert ring.annotation_id == "ring"
    assert [(loss.code, loss.text) for loss in ring.losses] == [("bridged", "a hole")]
    assert [(loss.code, loss.text) for loss in parts.losses] == [("bridged", "2 parts")]
    assert min(w.iou or 0 for w in (ring, parts, *second.instances)) > 0.97
    assert not crowd.written
    same = record("a.jpg", None, InstanceRecord("cat", RING), InstanceRecord("cat", RING))
    _, (image,) = write(SEG, [same], WriteContext(NAMES))
    assert [w.written for w in image.instances] == [True, False]  # the trainer drops the second


@pytest.mark.parametrize(
    ("splits", "wanted", "says"),
    [
        ((None,), {"train": "images", "val": "images"}, "There is no split"),
        (("train", "val", "test"), {"train": "images/train", "val": "images/val", "test": "images/test"}, ""),
        (("train",), {"train": "images/train", "val": "images/train"}, 'No image is in the split "val"'),
        (("val",), {"train": "images/val", "val": "images/val"}, 'No image is in the split "train"'),
    ],
)
def test_data_yaml_says_where_val_is_not_another_split(
    splits: tuple[Any, ...], wanted: dict[str, str], says: str
) -> None:
    files, _ = write(SEG, [record(f"{i}.jpg", split) for i, split in enumerate(splits)], WriteContext(NAMES))
    text = files["data.yaml"].decode()
    assert yaml.safe_load(text) == {**wanted, "names": {0: "cat", 1: "dog"}}
    assert text.startswith(f"# {says}") if says else "#" not in text


def test_images_that_stay_in_place_are_listed() -> None:
    image = ImageRecord("a.jpg", 200, 160, path="/photos/a.jpg", split="train")
    files, _ = write(SEG, [image], WriteContext(NAMES, splits=("train",)))
    assert files["train.txt"] == b"/photos/a.jpg\n"
    assert yaml.safe_load(files["data.yaml"])["train"] == "train.txt"
    assert b"left in place" in files["data.yaml"]


def test_lines_of_other_programs_and_bad_ones() -> None:
    text = "0 0.5 0.5 0.25 0.5 0.4 0.4 1\n1 0.1 0.1 0.4 0.1 0.4 0.4\n0 x 0.5 0.5 0.5\n9999 0.5 0.5 0.1 0.1\n"
    yaml_text = "train: train.txt\nval: val.txt\nkpt_shape: [1, 3]\nnames: [cat, dog]\n"
    content = {
        "data.yaml": yaml_text.encode(),
        "val.txt": b"./images/a.jpg\n",
        "labels/a.txt": text.encode(),
        "labels/gone.txt": b"0 0.5 0.5 0.1 0.1\n",
    }
    items = read(SEG, content, {"images/a": (200, 160)})
    assert [(p.file, p.record) for p in problems(items)] == [
        ("labels/a.txt", "line 3"),
        ("labels/a.txt", "line 4"),
        ("labels/gone.txt", ""),
    ]
    (found,) = [item for item in items if isinstance(item, ImageRecord)]
    assert [(i.label, i.shape, i.record) for i in found.instances] == [
        ("cat", "keypoints", "line 1"),
        ("dog", "polygon", "line 2"),
    ]
    assert found.split == "val"
    assert found.instances[0].region.bounds == (75, 40, 125, 120)


@pytest.mark.parametrize("place", ["", "labels/", "valid/labels/"])
def test_names_come_from_a_list_beside_the_labels(place: str) -> None:
    content = {f"{place}classes.txt": b"cat\ndog\n\n", f"{place}a.txt": b"1 0.5 0.5 0.2 0.2\n"}
    (found,) = images(read(DET, content, SIZES))
    assert [i.label for i in found.instances] == ["dog"]
    assert found.split == ("val" if place.startswith("valid") else None)


def test_a_line_tells_its_format() -> None:
    outline, box = b"0 0.1 0.1 0.5 0.1 0.5 0.5\n", b"\n1 .5 0.5 1e-1 0.2\n"
    assert SEG.recognise("labels/a.txt", outline)
    assert DET.recognise("a.TXT", box)
    assert OBB.recognise("a.txt", b"0 0 0 1 0 1 1 0 1\n")
    for word in (b"inf", b"nan", b"1e999"):  # no class id
        assert not any(row.recognise("a.txt", word + b" 0 0 1 0 1 1 0 1\n") for row in (SEG, DET, OBB))
    for row in (SEG, DET, OBB):
        for name, head in (
            ("classes.txt", outline),
            ("a.json", outline),
            ("a.txt", b"cat\ndog\n"),
            ("a.txt", b""),
        ):
            assert not row.recognise(name, head)
