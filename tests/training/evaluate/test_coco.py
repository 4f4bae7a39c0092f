"""COCO files: the instances are those that COCO's own tools decode."""

import json
from pathlib import Path

import numpy as np
import pytest

from samdesk.domain.geometry import regions
from samdesk.training.evaluate.coco import read_coco
from samdesk.training.evaluate.splits import split_by_name
from samdesk.training.samples import TrainingImage
from tests.helpers.coco import decode, raster_iou


def write(folder: Path, data: object) -> Path:
    (folder / "instances.json").write_text(json.dumps(data), "utf-8")
    return folder


def small(**annotation: object) -> dict[str, object]:
    row = {"image_id": 7, "category_id": 3, "segmentation": [[2, 2, 12, 2, 12, 8, 2, 8]], "iscrowd": 0}
    return {
        "images": [{"id": 7, "file_name": "a.jpg", "width": 30, "height": 20}],
        "categories": [{"id": 3, "name": "cat"}, {"id": 1, "name": "ant"}],
        "annotations": [{**row, **annotation}],
    }


def test_a_file_is_read_with_its_classes_in_order_of_their_ids(tmp_path: Path) -> None:
    images, names = read_coco(write(tmp_path, small()))
    assert names == ("ant", "cat")
    assert [(i.key, i.image_hw, i.path) for i in images] == [
        ("a.jpg", (20, 30), tmp_path / "images" / "a.jpg")
    ]
    assert [(x.label, x.region.area) for x in images[0].instances] == [(1, 60.0)]


def test_crowds_and_images_without_instances_are_left_out(tmp_path: Path) -> None:
    crowd = small(iscrowd=1, segmentation={"counts": [0, 600], "size": [20, 30]})
    assert read_coco(write(tmp_path, crowd))[0] == []


@pytest.mark.parametrize("data", [[], {}, {"images": []}, {**small(), "annotations": [{"image_id": 7}]}])
def test_a_file_that_is_not_coco_is_refused(tmp_path: Path, data: object) -> None:
    with pytest.raises(ValueError, match="not a COCO annotation file"):
        read_coco(write(tmp_path, data))


def test_real_instances_have_the_masks_of_coco(coco64: Path) -> None:
    images, _ = read_coco(coco64)
    data = json.loads((coco64 / "instances.json").read_text("utf-8"))
    ids = {row["file_name"]: row["id"] for row in data["images"]}
    checked = 0
    for image in images[:20]:
        rows = [a for a in data["annotations"] if a["image_id"] == ids[image.key] and not a["iscrowd"]]
        for instance, row in zip(image.instances, rows, strict=True):
            mask = decode(row["segmentation"], *image.image_hw)
            if mask.sum() > 1000:
                assert raster_iou(regions.rasterize(instance.region, *image.image_hw), mask) > 0.97
                checked += 1
    assert checked > 40


def test_an_image_keeps_its_part_of_the_split() -> None:
    images = [TrainingImage(f"{n:05d}.jpg", Path(), (10, 10), ()) for n in range(800)]
    split = split_by_name(images)
    assert 75 <= len(split.held_out) <= 125
    assert 30 <= len(split.calibration) <= 70
    parts = [{i.key for i in part} for part in (split.train, split.calibration, split.held_out)]
    assert not parts[0] & parts[1] | parts[0] & parts[2] | parts[1] & parts[2]
    assert sum(map(len, parts)) == 800
    fewer = split_by_name(images[::3])
    assert {i.key for i in fewer.held_out} == parts[2] & {i.key for i in images[::3]}
    assert np.array_equal([i.key for i in split_by_name(images).train], [i.key for i in split.train])
