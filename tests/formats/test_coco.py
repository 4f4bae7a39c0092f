"""COCO instances: what is read of real and broken files, and what is written."""

from __future__ import annotations

import contextlib
import io
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from shapely.geometry import MultiPolygon, Polygon

from samdesk.domain.annotation import CROWD
from samdesk.domain.geometry import regions
from samdesk.formats.base import DeclaredLabels, ImageRecord, InstanceRecord, ReadProblem, WriteContext
from samdesk.formats.coco import FORMAT
from samdesk.testing.memory import MemoryFiles, MemoryFolder

COCO64 = Path(__file__).parents[3] / "shared" / "data" / "coco64" / "instances.json"

RING = MultiPolygon([Polygon([(2, 2), (18, 2), (18, 12), (2, 12)], [[(5, 5), (9, 5), (9, 9), (5, 9)]])])
PARTS = MultiPolygon([Polygon([(1, 1), (4.25, 1), (4, 4)]), Polygon([(10, 10), (15, 10), (15, 14.5)])])
FILE: dict[str, Any] = {
    "images": [
        {"id": 7, "file_name": "b/ü.jpg", "width": 40, "height": 20, "license": 3},
        {"id": 5, "file_name": "a.jpg", "width": 40, "height": 20},
    ],
    "categories": [
        {"id": 9, "name": "dog", "supercategory": "animal"},
        {"id": 3, "name": "Müll"},
        {"id": 4, "name": "unused"},
    ],
    "annotations": [
        {"id": 1, "image_id": 5, "category_id": 9, "segmentation": [[1, 1, 9, 1, 9, 9]], "iscrowd": 0},
        {"id": 2, "image_id": 7, "category_id": 3, "bbox": [2, 3, 4, 5], "score": 0.5, "occluded": True},
        {
            "id": 99,
            "image_id": 5,
            "category_id": 9,
            "iscrowd": 1,
            "segmentation": {"size": [20, 40], "counts": [20, 20, 760]},
            "attributes": {"colour": "red"},
        },
    ],
}


def items_of(value: Any, name: str = "instances.json") -> list[Any]:
    data = value if isinstance(value, bytes) else json.dumps(value).encode()
    return list(FORMAT.read(MemoryFiles({name: data})))


def images_of(value: Any) -> dict[str, ImageRecord]:
    return {item.name: item for item in items_of(value) if isinstance(item, ImageRecord)}


def problems_of(value: Any) -> list[tuple[str, str]]:
    return [(item.record, item.message) for item in items_of(value) if isinstance(item, ReadProblem)]


def written(records: list[ImageRecord], names: tuple[str, ...], **options: str) -> dict[str, bytes]:
    context = WriteContext(
        names, options=options, splits=tuple(dict.fromkeys(r.split for r in records if r.split))
    )
    folder = MemoryFolder()
    FORMAT.write.assemble([FORMAT.write.encode(record, context) for record in records], context, folder)
    return folder.files


def test_a_file_is_read_whole() -> None:
    items = items_of(FILE, "instances_val2017.json")
    assert items[0] == DeclaredLabels(("Müll", "unused", "dog"), file="instances_val2017.json")
    first, second = items[1:]
    assert (first.name, first.width, first.height, first.split) == ("b/ü.jpg", 40, 20, "val")
    assert dict(first.attributes) == {"id": 7, "license": 3}
    (box,) = first.instances
    assert (box.label, box.shape, box.score, box.region.bounds) == ("Müll", "box", 0.5, (2, 3, 6, 8))
    assert dict(box.attributes) == {"id": 2, "occluded": True}
    polygon, crowd = second.instances
    assert (polygon.record, polygon.region.area) == ("annotations[0]", 32)
    assert (crowd.shape, crowd.region.bounds, crowd.is_crowd) == ("mask", (1, 0, 2, 20), True)
    assert dict(crowd.attributes) == {"id": 99, CROWD: True, "colour": "red", "supercategory": "animal"}


def test_a_bad_record_costs_only_itself() -> None:
    box = {"category_id": 1, "bbox": [1, 1, 5, 5]}
    masks = [
        {"size": [20, 40], "counts": [5, 5]},
        {"size": [40, 20], "counts": [800]},
        {"size": [20, 40], "counts": "o"},
        {"size": [20, 40], "counts": [0, -5, 805]},
    ]
    bad = [
        box,
        {"image_id": 8, **box},
        {"image_id": 1, "category_id": 2, "bbox": [1, 1, 5, 5]},
        {"image_id": 1, "category_id": 1, "bbox": [1, 1, 5]},
        {"image_id": 1, "category_id": 1, "bbox": [100, 100, 5, 5]},
        {"image_id": 1, "category_id": 1, "segmentation": [[1, 1, 5, "x", 3, 3]]},
        {"image_id": 1, "category_id": 1, "segmentation": [[1, 1, 5, float("inf"), 3, 3]]},
        "no object",
        *({"image_id": 1, "category_id": 1, "segmentation": mask} for mask in masks),
    ]
    value = {
        "images": [
            {"id": 1, "file_name": "a.jpg", "width": 40, "height": 20},
            {"id": 1, "file_name": "b"},
            {},
        ],
        "categories": [{"id": 1, "name": "dog"}, {"id": 1, "name": "cat"}],
        "annotations": [*bad, {"image_id": 1, **box}],
    }
    (image,) = images_of(value).values()
    assert [instance.record for instance in image.instances] == [f"annotations[{len(bad)}]"]
    records = [record for record, _ in problems_of(value)]
    wanted = ["images[1]", "images[2]", "categories[1]", *(f"annotations[{n}]" for n in range(len(bad)))]
    assert sorted(records) == sorted(wanted)


def test_what_is_before_a_break_is_read_and_the_break_is_told() -> None:
    data = json.dumps(FILE).encode()
    cut = data[: data.index(b'"occluded"')]
    (image,) = [r for r in images_of(cut).values() if r.instances]
    assert [i.label for i in image.instances] == ["dog"]
    assert problems_of(cut) == [("", "it breaks off; what follows is not read")]
    assert "not JSON" in problems_of(b'{"images": nonsense, "annotations": []}')[0][1]
    assert problems_of(b"")[0][0] == ""


@pytest.mark.parametrize("masks", ["auto", "polygons", "rle"])
def test_written_and_read_it_is_the_same_and_stays_so(masks: str) -> None:
    attributes = (("colour", "red"), ("id", 12), (CROWD, True), ("keypoints", "[1,2,2]"))
    instances = (
        InstanceRecord("dog", RING, annotation_id="x", score=0.25, note="why"),
        InstanceRecord("dog", regions.from_box(1, 1, 5, 5), attributes=tuple(sorted(attributes))),
        InstanceRecord("Müll", PARTS, attributes=(("supercategory", "waste"),)),
    )
    records = [
        ImageRecord("b/ü.jpg", 40, 20, instances, split="train"),
        ImageRecord("a.jpg", 40, 20, split="val"),
    ]
    files = written(records, ("dog", "unused", "Müll"), masks=masks)
    assert sorted(files) == ["annotations/instances_train.json", "annotations/instances_val.json"]
    again = files
    for _ in range(2):
        items = [item for name, data in again.items() for item in items_of(data, name)]
        read = [item for item in items if isinstance(item, ImageRecord)]
        again = written(read, ("dog", "unused", "Müll"), masks=masks)
        assert again == files
    assert [(r.name, r.split) for r in read] == [("b/ü.jpg", "train"), ("a.jpg", "val")]
    assert {item.names for item in items if isinstance(item, DeclaredLabels)} == {("dog", "unused", "Müll")}
    ring, crowd, parts = read[0].instances
    assert (ring.score, ring.note, crowd.is_crowd) == (0.25, "why", True)
    assert dict(crowd.attributes) == dict(attributes)
    assert dict(parts.attributes)["supercategory"] == "waste"
    # A hole is kept exactly, in RLE or behind a bridge; the corner of a triangle only by polygons.
    assert regions.iou(ring.region, RING) == 1.0
    if masks != "rle":
        assert parts.region.equals(PARTS)


def test_the_report_tells_a_bridge_and_what_is_too_small_for_a_pixel() -> None:
    speck = regions.from_box(1.6, 1.6, 1.9, 1.9)
    instances = (InstanceRecord("dog", RING), InstanceRecord("dog", speck))
    record = ImageRecord("a.jpg", 40, 20, instances)
    outcome = FORMAT.write.encode(record, WriteContext(("dog",), options={"masks": "polygons"})).instances
    assert [loss.code for loss in outcome[0].losses] == ["bridged"]
    assert (outcome[0].iou or 0.0) > 0.8
    assert outcome[1].written
    outcome = FORMAT.write.encode(record, WriteContext(("dog",))).instances
    assert (outcome[0].losses, outcome[0].iou) == ((), 1.0)


def test_area_and_box_are_those_of_pycocotools() -> None:
    record = ImageRecord("a.jpg", 40, 20, (InstanceRecord("dog", RING), InstanceRecord("dog", PARTS)))
    (data,) = written([record], ("dog",)).values()
    ring, parts = json.loads(data)["annotations"]
    assert (ring["area"], ring["bbox"]) == (144, [2.0, 2.0, 16.0, 10.0])
    assert parts["bbox"] == [1.0, 1.0, 14.0, 13.5]
    assert parts["area"] == pytest.approx(regions.rasterize(PARTS, 20, 40).sum(), abs=6)


def test_cocos_own_evaluation_finds_no_difference() -> None:
    if not COCO64.exists():
        pytest.skip("needs the images of coco64")
    from pycocotools.coco import COCO
    from pycocotools.cocoeval import COCOeval

    data = COCO64.read_bytes()
    records = list(images_of(data).values())
    names = next(item.names for item in items_of(data) if isinstance(item, DeclaredLabels))
    (ours,) = written(records, names).values()
    with contextlib.redirect_stdout(io.StringIO()):
        truth, found = COCO(), COCO()
        truth.dataset, found.dataset = json.loads(data), json.loads(ours)
        truth.createIndex()
        found.createIndex()
        ids = {row["name"]: row["id"] for row in truth.dataset["categories"]}
        for kind, key in (("bbox", "bbox"), ("segm", "segmentation")):
            results = [
                {
                    "image_id": row["image_id"],
                    "category_id": ids[found.cats[row["category_id"]]["name"]],
                    "score": 1.0,
                    key: row["bbox"] if kind == "bbox" else found.annToRLE(row),
                }
                for row in found.dataset["annotations"]
            ]
            evaluation = COCOeval(truth, truth.loadRes(results), kind)
            evaluation.params.maxDets = [1, 10, 1000]
            evaluation.evaluate()
            evaluation.accumulate()
            precision = evaluation.eval["precision"][:, :, :, 0, -1]
            assert np.allclose(precision[precision >= 0], 1.0, atol=1e-9)


@pytest.mark.parametrize(
    ("name", "head", "is_ours"),
    [
        ("instances.json", b'{"info": {}, "images": [{"id": 1}], "annotations": []', True),
        ("x.json", b'{"annotations":[{"image_id":1,"category_id":2', True),
        (
            "large.json",
            b'{"images": [{"id": 1, "file_name": "a.jpg", "width": 640, "height": 480}, {"id"',
            True,
        ),
        ("x.json", b'{"version": "5.0", "shapes": []', False),
        ("x.json", b'{"annotations": [1, 2]', False),
        ("x.txt", b'{"images": [], "annotations": []', False),
    ],
)
def test_it_is_recognised(name: str, head: bytes, is_ours: bool) -> None:
    assert FORMAT.recognise(name, head) is is_ours
