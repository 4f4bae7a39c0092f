"""Files that other programs have written are read whole (how they were made: data/formats/README.md)."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from pycocotools import mask as coco_mask

from samdesk.domain.geometry import regions
from samdesk.domain.review import AnnotationReview
from samdesk.formats.base import Format, ImageRecord
from samdesk.formats.json_formats import isat, label_studio, labelme, sa1b, xanylabeling
from samdesk.formats.registry import FORMATS
from tests.helpers import format_files

_DATA = Path(__file__).parents[2] / "data" / "formats"


def _read(row: Format, name: str) -> list[ImageRecord]:
    data = (_DATA / name).read_bytes()
    return format_files.images(
        format_files.read(row, {name: data}, {"opensource/label-studio/1.jpg": (400, 300)})
    )


def _shapes(record: ImageRecord) -> list[tuple[str, str]]:
    return [(each.label, each.shape) for each in record.instances]


def test_labelme() -> None:
    [image] = _read(labelme.FORMAT, "labelme/cat.json")
    assert (image.name, image.width, image.height, image.accepted) == ("cat.jpg", 120, 90, None)
    assert image.attributes == (("flags.indoor", True), ("reviewer", "anna"))
    assert _shapes(image) == [
        ("cat", "polygon"),
        ("dog", "box"),
        ("ball", "ellipse"),
        ("car", "rotated box"),
        ("snake", "line"),
        ("rope", "line"),
        ("eye", "point"),
        ("leg", "polygon"),
        ("ring", "mask"),
    ]
    by_label = {each.label: each for each in image.instances}
    assert by_label["cat"].note == "tabby"
    assert by_label["cat"].attributes == (("flags.occluded", True), ("flags.truncated", False))
    assert by_label["dog"].region.bounds == (60, 10, 100.5, 40)
    assert by_label["ball"].region.bounds == (20, 50, 40, 70)
    assert len(by_label["leg"].region.geoms) == 2
    assert by_label["leg"].region.area == 150
    mask = np.zeros((90, 120), dtype=np.bool_)
    mask[62:78, 83:107] = True
    mask[68:72, 90:100] = False
    assert np.array_equal(regions.rasterize(by_label["ring"].region, 90, 120), mask)


def test_x_anylabeling() -> None:
    [image] = _read(xanylabeling.FORMAT, "xanylabeling/cat.json")
    assert (image.name, image.width, image.height, image.accepted) == ("cat.jpg", 120, 90, True)
    assert image.attributes == (("description", "garden"), ("flags.indoor", True))
    assert _shapes(image) == [
        ("cat", "polygon"),
        ("dog", "box"),
        ("ball", "ellipse"),
        ("car", "rotated box"),
        ("sign", "polygon"),
        ("snake", "line"),
        ("rope", "line"),
        ("leg", "polygon"),
        ("person", "box"),
        ("joint", "keypoints"),
        ("eye", "point"),
        ("box3d", "polygon"),
    ]
    by_label = {each.label: each for each in image.instances}
    cat = by_label["cat"]
    assert (cat.score, cat.note) == (0.87, "tabby")
    assert cat.attributes == (
        ("difficult", True),
        ("flags.occluded", True),
        ("json:attributes", '{"color":"grey"}'),
        ("json:kie_linking", "[[0,1]]"),
    )
    assert dict(by_label["car"].attributes)["direction"] == 6.03
    assert by_label["joint"].region.bounds == (105, 10, 112, 40)
    assert by_label["box3d"].region.bounds == (70, 15, 95, 40)


def test_isat() -> None:
    [image] = _read(isat.FORMAT, "isat/cat.json")
    assert (image.name, image.width, image.height) == ("cat.jpg", 120, 90)
    assert dict(image.attributes) == {"depth": 3, "note": "garden"}
    cat, leg, people = image.instances
    assert [each.label for each in image.instances] == ["cat", "leg", "people"]
    assert cat.note == "tabby"
    assert len(cat.region.geoms[0].interiors) == 1
    assert len(leg.region.geoms) == 2
    assert people.is_crowd
    assert not cat.is_crowd


def test_label_studio() -> None:
    first, second = _read(label_studio.FORMAT, "label_studio/tasks.json")
    assert (first.name, first.width, first.height, first.accepted) == ("my-pic.jpeg", 200, 179, True)
    assert _shapes(first) == [
        ("Moonwalker", "box"),
        ("Moonwalker", "rotated box"),
        ("Flag", "polygon"),
        ("Crater", "ellipse"),
        ("nose", "point"),
        ("Dust", "mask"),
    ]
    assert {each.review for each in first.instances} == {AnnotationReview.ACCEPTED}
    box, turned, flag, crater, nose, dust = (each.region for each in first.instances)
    assert box.bounds == pytest.approx((21, 10.5069, 85.8, 47.1284), abs=1e-3)
    assert turned.geoms[0].exterior.coords[0] == pytest.approx((120, 71.6))
    assert turned.area == pytest.approx(40 * 17.9)
    assert flag.bounds == pytest.approx((120, 107.4, 161, 152.15))
    assert crater.bounds == pytest.approx((20, 134.25, 60, 152.15))
    assert first.instances[3].note == "deep"
    assert nose.centroid.coords[0] == pytest.approx((33.351, 36.869), abs=1e-3)
    mask = np.zeros((179, 200), dtype=np.bool_)
    mask[20:60, 30:90] = True
    mask[30:40, 40:50] = False
    assert np.array_equal(regions.rasterize(dust, 179, 200), mask)
    assert (second.name, second.width, second.accepted) == ("opensource/label-studio/1.jpg", 400, False)
    [proposed] = second.instances
    assert (proposed.review, proposed.score) == (AnnotationReview.PENDING, 0.75)


def test_sa1b() -> None:
    """The fields are those of the data set's description, the mask is pycocotools' own."""
    mask = np.zeros((40, 50), dtype=np.uint8, order="F")
    mask[5:20, 10:30] = 1
    counts = coco_mask.encode(mask)["counts"].decode()
    annotation = {
        "segmentation": {"size": [40, 50], "counts": counts},
        "bbox": [10.0, 5.0, 19.0, 14.0],
        "area": 300,
        "predicted_iou": 0.93,
        "point_coords": [[15.5, 8.25]],
        "crop_box": [0.0, 0.0, 50.0, 40.0],
        "id": 528_891_043,
        "stability_score": 0.97,
    }
    image = {"image_id": 223_750, "width": 50, "height": 40, "file_name": "sa_223750.jpg"}
    data = json.dumps({"image": image, "annotations": [annotation]}).encode()
    assert (
        max((row for row in FORMATS if row.recognise("sa_223750.json", data)), key=lambda r: r.rank)
        is sa1b.FORMAT
    )
    [read] = format_files.images(format_files.read(sa1b.FORMAT, {"sa_223750.json": data}))
    [instance] = read.instances
    assert (read.name, instance.label, instance.shape, instance.score) == (
        "sa_223750.jpg",
        "object",
        "mask",
        0.93,
    )
    assert instance.region.bounds == (10, 5, 30, 20)
    files, encoded = format_files.write(sa1b.FORMAT, [read])
    assert encoded[0].instances[0].losses == ()
    again = json.loads(files["sa_223750.json"])
    assert again["image"] == image
    [back] = again["annotations"]
    assert back == annotation | {"bbox": [10, 5, 20, 15]}


def test_label_studio_json_min() -> None:
    [image] = _read(label_studio.FORMAT, "label_studio/json_min.json")
    assert (image.name, image.width) == ("my-pic.jpeg", 200)
    assert _shapes(image) == [("Moonwalker", "box"), ("Flag", "polygon")]


@pytest.mark.parametrize(
    ("address", "path"),
    [
        ("/data/upload/1/42d46c4c-my-pic.jpeg", "my-pic.jpeg"),
        ("/data/upload/my%20pic.jpeg", "my pic.jpeg"),
        ("/data/local-files/?d=a/b%20c.jpg", "a/b c.jpg"),
        ("https://example.com/x/1.jpg?token=5", "x/1.jpg"),
        ("s3://bucket/folder/1.jpg", "folder/1.jpg"),
        ("folder/100%.jpg", "folder/100%.jpg"),
        ("http://[bad", "http://[bad"),
    ],
)
def test_the_path_in_an_address_of_an_image(address: str, path: str) -> None:
    assert label_studio.image_path_of(address) == path


@pytest.mark.parametrize(
    ("name", "expected"),
    [
        ("labelme/cat.json", "labelme"),
        ("xanylabeling/cat.json", "xanylabeling"),
        ("isat/cat.json", "isat"),
        ("label_studio/tasks.json", "label-studio"),
        ("label_studio/json_min.json", "label-studio"),
    ],
)
def test_each_is_recognised(name: str, expected: str) -> None:
    head = (_DATA / name).read_bytes()[: 64 << 10]
    found = max((row for row in FORMATS if row.recognise(name, head)), key=lambda row: row.rank)
    assert found.id == expected


def test_what_other_programs_wrote_is_the_same_bytes_the_second_time() -> None:
    for row, name in (
        (labelme.FORMAT, "labelme"),
        (xanylabeling.FORMAT, "xanylabeling"),
        (isat.FORMAT, "isat"),
    ):
        once, _ = format_files.write(row, _read(row, f"{name}/cat.json"))
        twice, _ = format_files.write(row, format_files.images(format_files.read(row, once)))
        assert once == twice
