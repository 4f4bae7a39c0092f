"""What is wrong in a file is told by file and record, at once, and costs nothing else."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest

from samdesk.formats.base import Format, ImageRecord, ReadProblem
from samdesk.formats.json_formats import isat, label_studio, labelme, sa1b, xanylabeling
from tests.helpers import format_files

_GOOD = [[1, 1], [30, 1], [30, 30]]
_ROWS = [labelme.FORMAT, xanylabeling.FORMAT, isat.FORMAT, sa1b.FORMAT, label_studio.FORMAT]


def _labelme(*shapes: Any, **more: Any) -> dict[str, Any]:
    return {"shapes": list(shapes), "imagePath": "a.jpg", "imageWidth": 64, "imageHeight": 48, **more}


def _shape(**more: Any) -> dict[str, Any]:
    return {"label": "cat", "shape_type": "polygon", "points": _GOOD, **more}


def _read(row: Format, content: Any, sizes: dict[str, tuple[int, int]] | None = None) -> list[Any]:
    data = content if isinstance(content, bytes) else json.dumps(content).encode()
    return format_files.read(row, {"dir/a.json": data}, sizes)


@pytest.mark.parametrize("row", _ROWS, ids=lambda row: row.id)
@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"\xff\xfe",
        b"null",
        b"5",
        b'"text"',
        b"{",
        b"[" * 100_000,
        b'{"a":' * 100_000,
        b'{"shapes": 1' + b"0" * 10_000 + b"}",
        b'{"shapes": [], "shapes": []}',
        b'{"image": "\\ud800", "shapes": []}',
        b"[" + b"{}," * 30 + b"{}",
        b"{}",
    ],
    ids=range(13),
)
def test_a_file_that_is_none_is_one_problem(row: Format, data: bytes) -> None:
    start = time.monotonic()
    items = _read(row, data)
    assert items
    assert all(isinstance(item, ReadProblem) and item.file == "dir/a.json" for item in items)
    assert all(item.message[0].isupper() and item.message.endswith(".") for item in items)
    assert time.monotonic() - start < 2


def test_millions_of_values_are_refused_before_they_are_parsed() -> None:
    data = b'{"shapes": [' + b"0," * 6_500_000 + b"0]}"
    start = time.monotonic()
    [problem] = _read(labelme.FORMAT, data)
    assert "more than 6,000,000 values" in problem.message
    assert time.monotonic() - start < 1


@pytest.mark.parametrize(
    ("shape", "message"),
    [
        (5, "It is not a JSON object."),
        ({}, "It has no label."),
        (_shape(label=["x"]), "It has no label."),
        (_shape(label="x" * 2000), "Its label is too long."),
        (_shape(points=[[1, 2]]), "It has fewer than 3 points."),
        (_shape(points=None), "It has no points."),
        (_shape(points=[[1, float("nan")], [1, 2], [5, 5]]), "A coordinate is not finite or too large."),
        (_shape(points=[[1, 1e300], [1, 2], [5, 5]]), "A coordinate is not finite or too large."),
        (_shape(points=[[1, 10**4000], [1, 2], [5, 5]]), "A coordinate is not finite or too large."),
        (_shape(points=[[900, 900], [990, 900], [990, 990]]), "It lies outside the image."),
        (_shape(shape_type="blob"), 'It has a shape that is not known ("blob").'),
        (_shape(shape_type=7), "Its shape type is not a text."),
        (_shape(shape_type="mask"), "It has no mask."),
        (_shape(shape_type="mask", mask="xx"), "Its mask is not base64."),
        (_shape(shape_type="circle"), "It is a circle without two points."),
    ],
)
def test_a_bad_shape_is_named_and_the_others_are_read(shape: Any, message: str) -> None:
    for row in (labelme.FORMAT, xanylabeling.FORMAT):
        items = _read(row, _labelme(_shape(), shape, _shape(label="dog")))
        assert format_files.problems(items) == [ReadProblem("dir/a.json", "shapes[1]", message)]
        [image] = [item for item in items if isinstance(item, ImageRecord)]
        assert [each.label for each in image.instances] == ["cat", "dog"]


def test_fields_that_cannot_be_kept_are_named() -> None:
    shape = _shape(score=float("nan"), group_id=[1], long="x" * 20_000, huge=1 << 70, odd={"a": float("inf")})
    items = _read(labelme.FORMAT, _labelme(shape))
    left_out = {problem.message.split('"')[1] for problem in format_files.problems(items)}
    assert left_out == {"long", "huge", "odd"}
    [image] = [item for item in items if isinstance(item, ImageRecord)]
    assert image.instances[0].score is None
    assert image.instances[0].attributes == ()


def test_an_image_without_size_takes_that_of_the_image() -> None:
    content = _labelme(_shape(), imageWidth=None, imageHeight=None)
    [image] = format_files.images(_read(labelme.FORMAT, content, {"a.jpg": (100, 50)}))
    assert (image.width, image.height) == (100, 50)
    [problem] = _read(labelme.FORMAT, content)
    assert problem.message == "It does not say the size of its image, and there is no image a.jpg."


def test_a_bad_record_of_isat_sa1b_and_label_studio_is_named() -> None:
    info = {"description": "ISAT", "name": "a.jpg", "width": 64, "height": 48}
    good = {"category": "cat", "segmentation": _GOOD, "group": 0, "layer": 1.0}
    bad = good | {"segmentation": [[1, 1], [2, 2], [3, 3]], "layer": float("inf")}
    items = _read(isat.FORMAT, {"info": info, "objects": [good, bad, good | {"group": "x"}]})
    assert [p.record for p in format_files.problems(items)] == ["objects[1]"]
    assert [len(i.instances) for i in items if isinstance(i, ImageRecord)] == [2]

    image = {"image_id": 1, "width": 64, "height": 48, "file_name": "a.jpg"}
    mask = {"size": [48, 64], "counts": [0, 48 * 64]}
    annotations = [{"segmentation": mask}, {"segmentation": mask | {"counts": "00"}}, 7]
    items = _read(sa1b.FORMAT, {"image": image, "annotations": annotations})
    assert [p.record for p in format_files.problems(items)] == ["annotations[1]", "annotations[2]"]

    size = {"original_width": 64, "original_height": 48}
    results = [
        {"type": "polygonlabels", "value": {"points": _GOOD, "polygonlabels": ["cat"]}, **size},
        {"type": "polygonlabels", "value": {"points": _GOOD, "polygonlabels": []}, **size},
        {"type": "brushlabels", "value": {"rle": [1, 2], "brushlabels": ["cat"]}, **size},
        {"type": "rectanglelabels", "value": {"x": 1, "y": 1, "width": float("inf"), "height": 1,
                                              "rectanglelabels": ["cat"]}, **size},
        "text",
        {"type": ["polygonlabels"], "value": 5},
    ]  # fmt: skip
    task = {"data": {"image": "a.jpg"}, "annotations": [{"result": results}]}
    items = _read(label_studio.FORMAT, [task, 5, {"data": {}, "annotations": []}])
    assert [p.record for p in format_files.problems(items)] == [
        *(f"tasks[0].annotations[0].result[{i}]" for i in (1, 2, 3, 4)), "tasks[1]", "tasks[2]",
    ]  # fmt: skip
    assert [len(i.instances) for i in items if isinstance(i, ImageRecord)] == [1]


def test_of_several_annotations_the_newest_is_read_and_the_others_are_told() -> None:
    result = {
        "type": "polygonlabels", "value": {"points": _GOOD, "polygonlabels": ["cat"]},
        "original_width": 64, "original_height": 48,
    }  # fmt: skip
    newest = {"updated_at": "2024-02-01T00:00:00Z", "result": [result, result]}
    older = {"updated_at": "2024-01-01T00:00:00Z", "result": [result]}
    items = _read(label_studio.FORMAT, [{"data": {"image": "a.jpg"}, "annotations": [newest, older]}])
    [problem] = format_files.problems(items)
    assert problem.record == "tasks[0]"
    assert "2 annotations" in problem.message
    assert [len(i.instances) for i in items if isinstance(i, ImageRecord)] == [2]
