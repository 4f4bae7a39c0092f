from __future__ import annotations

from collections import Counter
from pathlib import Path

import pytest

from samdesk.domain.annotation import Annotation, new_annotation_id
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.geometry import regions
from samdesk.domain.labels import LabelSet
from samdesk.formats.label_format import DEFAULT, LABEL_FORMATS, LabelFormat, label_format

LABELS = LabelSet.from_names(["person", "bus", "dog"])


def document(*boxes: tuple[int, tuple[float, float, float, float]]) -> ImageDocument:
    annotations = tuple(
        Annotation(new_annotation_id(), LABELS.labels[label].id, regions.from_box(*box))
        for label, box in boxes
    )
    return ImageDocument(ImageKey("a.jpg"), 640, 480, annotations)


def test_ids_are_unique_and_the_default_is_one_of_them() -> None:
    assert len({row.id for row in LABEL_FORMATS}) == len(LABEL_FORMATS)
    assert label_format().id == DEFAULT
    with pytest.raises(KeyError):
        label_format("tarot")


@pytest.mark.parametrize("row", LABEL_FORMATS, ids=lambda row: row.id)
def test_what_a_format_writes_it_reads_and_counts(row: LabelFormat) -> None:
    boxes = ((2, (10, 10, 90, 50)), (0, (100, 100, 300, 300)), (2, (5, 200, 40, 300)))
    text, report = row.write(document(*boxes), LABELS)
    parsed = row.parse(text, 640, 480)
    assert report.count == 3
    assert parsed.problems == ()
    assert [line.class_id for line in parsed.lines] == [2, 0, 2]
    assert row.count_classes(text.encode()) == Counter({2: 2, 0: 1})
    assert regions.iou(parsed.lines[1].region, regions.from_box(100, 100, 300, 300)) > 0.99


@pytest.mark.parametrize("row", LABEL_FORMATS, ids=lambda row: row.id)
def test_bad_lines_are_problems_and_never_raise(row: LabelFormat) -> None:
    assert [problem.line for problem in row.parse("what is this", 640, 480).problems] == [1]
    assert row.count_classes(b"what is this") == Counter({-1: 1})


@pytest.mark.parametrize("row", LABEL_FORMATS, ids=lambda row: row.id)
def test_a_label_file_has_the_suffix_of_its_format(row: LabelFormat) -> None:
    assert row.label_path(str(Path("set", "a.b.jpg"))) == str(Path("set", "a.b" + row.suffix))


def test_yolo_labels_lie_in_a_folder_beside_the_last_folder_named_images() -> None:
    image = Path("data", "images", "set", "images", "train", "a.jpg")
    label = Path("data", "images", "set", "labels", "train", "a.txt")
    assert label_format("yolo-seg").label_path(str(image)) == str(label)
