"""Pascal VOC and masks: palettes, void, overlaps, and files of other programs."""

from __future__ import annotations

import io
import json
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from samdesk.domain.geometry import regions
from samdesk.formats.base import Format, ImageRecord, InstanceRecord, ReadProblem, WriteContext
from samdesk.formats.rasters import masks, png, voc
from samdesk.testing.memory import MemoryFiles, MemoryFolder

BELOW = InstanceRecord("dog", regions.from_box(2, 2, 12, 12), annotation_id="below")
ABOVE = InstanceRecord("cat", regions.from_box(8, 8, 16, 16), annotation_id="above")


def written(row: Format, *instances: InstanceRecord, **options: str) -> tuple[dict[str, bytes], Any]:
    context = WriteContext(("dog", "cat"), ("#102030", "#ff0000"), options, splits=("val",))
    record = ImageRecord("b/ü.jpg", 20, 20, instances, split="val")
    folder = MemoryFolder()
    assert row.write is not None
    encoded = row.write.encode(record, context)
    row.write.assemble([encoded], context, folder)
    return folder.files, encoded.instances


def pixels(data: bytes) -> tuple[NDArray[np.uint8], list[list[int]]]:
    with Image.open(io.BytesIO(data)) as image:
        assert image.mode == "P"
        palette = image.getpalette() or []
        return np.asarray(image), np.reshape(palette, (-1, 3)).tolist()


def test_the_palette_is_vocs() -> None:
    assert png.voc_palette()[:4].tolist() == [[0, 0, 0], [128, 0, 0], [0, 128, 0], [128, 128, 0]]
    assert png.voc_palette()[[15, 255]].tolist() == [[192, 128, 128], [224, 224, 192]]


def test_voc_has_boxes_masks_lists_and_an_overlap_is_told() -> None:
    files, outcomes = written(voc.FORMAT, BELOW, ABOVE)
    assert sorted(files) == [
        "Annotations/b/ü.xml",
        "ImageSets/Main/val.txt",
        "ImageSets/Segmentation/val.txt",
        "SegmentationClass/b/ü.png",
        "SegmentationObject/b/ü.png",
        "labelmap.txt",
    ]
    numbers, _ = pixels(files["SegmentationObject/b/ü.png"])
    classes, palette = pixels(files["SegmentationClass/b/ü.png"])
    assert (numbers[3, 3], numbers[10, 10], classes[3, 3], classes[10, 10]) == (1, 2, 1, 2)
    assert palette[:3] == [[0, 0, 0], [16, 32, 48], [255, 0, 0]]
    assert outcomes[0].losses[0].code == "overlap"
    assert outcomes[0].iou == 84 / 100
    assert files["ImageSets/Main/val.txt"].decode() == "b/ü\n"


def test_voc_reads_boxes_without_masks_and_leaves_void_out() -> None:
    text = """<annotation><filename>a.jpg</filename><size><width>20</width><height>20</height></size>
    <object><name>dog</name><difficult>1</difficult>
    <bndbox><xmin>2</xmin><ymin>3</ymin><xmax>9</xmax><ymax>9.5</ymax></bndbox></object>
    <object><name>cat</name><bndbox><xmin>oops</xmin></bndbox></object></annotation>"""
    files = {"Annotations/a.xml": text.encode()}
    problem, image = voc.read(MemoryFiles(files, chosen=["Annotations/a.xml"]))
    assert isinstance(problem, ReadProblem)
    assert isinstance(image, ImageRecord)
    assert (problem.file, problem.record) == ("Annotations/a.xml", "object 2")
    (box,) = image.instances
    assert (box.shape, box.region.bounds, box.attributes) == ("box", (2, 3, 9, 9.5), (("difficult", True),))
    numbers = np.zeros((20, 20), dtype=np.uint8)
    numbers[4:8, 4:8] = voc.VOID
    numbers[5:7, 5:7] = 1
    files["SegmentationObject/a.png"] = png.to_png(numbers, png.voc_palette())
    *_, image = voc.read(MemoryFiles(files, chosen=["Annotations/a.xml"]))
    assert isinstance(image, ImageRecord)
    assert (image.instances[0].shape, image.instances[0].region.bounds) == ("mask", (5, 5, 7, 7))


def test_voc_boxes_only_is_told() -> None:
    files, outcomes = written(voc.FORMAT, BELOW, masks="boxes")
    assert not [name for name in files if name.startswith("Segmentation")]
    assert [loss.code for loss in outcomes[0].losses] == ["box"]


def test_an_indexed_mask_loses_what_is_hidden_and_says_so() -> None:
    hidden = InstanceRecord("dog", regions.from_box(9, 9, 12, 12), annotation_id="hidden")
    files, outcomes = written(masks.INDEXED, BELOW, hidden, ABOVE)
    values, palette = pixels(files["masks/b/ü.png"])
    assert (values[3, 3], values[10, 10], values[0, 0]) == (1, 2, 0)
    assert palette[1] == [16, 32, 48]
    assert [outcome.written for outcome in outcomes] == [True, False, True]
    assert [loss.code for loss in outcomes[1].losses] == ["overlap"]
    assert json.loads(files["labels.json"])[1] == {"id": 2, "name": "cat", "color": "#ff0000"}


def test_coloured_masks_of_other_programs_are_read_by_the_colours_of_the_classes() -> None:
    colors = np.zeros((9, 9, 3), dtype=np.uint8)
    colors[1:3, 1:3], colors[5:8, 5:8] = (255, 0, 0), (1, 2, 3)
    buffer = io.BytesIO()
    Image.fromarray(colors).save(buffer, "PNG")
    labels = b'[{"id": 1, "name": "cat", "color": "#ff0000"}]'
    files = MemoryFiles({"masks/a.png": buffer.getvalue(), "labels.json": labels}, chosen=["masks/a.png"])
    *_, image = masks.read_indexed(files)
    assert isinstance(image, ImageRecord)
    assert sorted((i.label, i.region.area) for i in image.instances) == [("#010203", 9), ("cat", 4)]


def test_noise_is_no_mask() -> None:
    noise = np.random.default_rng(0).integers(0, 6, (600, 600)).astype(np.uint8)
    (problem,) = masks.read_indexed(MemoryFiles({"a.png": png.to_png(noise, None)}))
    assert isinstance(problem, ReadProblem)
    assert "parts" in problem.message


def test_masks_of_instances_keep_overlaps_and_stay_in_their_folder() -> None:
    files, outcomes = written(masks.INSTANCES, BELOW, ABOVE)
    assert all(outcome.iou == 1.0 for outcome in outcomes)
    index = "masks/b/ü/instances.json"
    *_, image = masks.read_instances(MemoryFiles(files, chosen=[index]))
    assert isinstance(image, ImageRecord)
    assert [i.region.area for i in image.instances] == [100, 64]
    assert (image.name, image.split) == ("b/ü.jpg", "val")
    files[index] = files[index].replace(b"0001.png", b"../x.png")
    asked = MemoryFiles(files, chosen=[index])
    problems = [item for item in masks.read_instances(asked) if isinstance(item, ReadProblem)]
    assert [problem.record for problem in problems] == ["instances[0]"]
    assert not [name for name in asked.opened if ".." in name]
