"""What the JSON formats write, they read again: whole, and the same bytes the second time."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from samdesk.domain.annotation import CROWD, Attributes
from samdesk.domain.geometry import regions
from samdesk.domain.geometry.types import Region
from samdesk.domain.review import AnnotationReview
from samdesk.formats.base import Format, ImageRecord, InstanceRecord, WriteContext
from samdesk.formats.json_formats import forms, isat, label_studio, labelme, sa1b, xanylabeling
from samdesk.formats.shapes import convert, masks
from tests.helpers import format_files

_WIDTH, _HEIGHT = 96, 80
_VECTOR = [
    (labelme.FORMAT, "bridge"),
    (xanylabeling.FORMAT, ""),
    (isat.FORMAT, "bridge"),
    (isat.FORMAT, "background"),
    (label_studio.FORMAT, "bridge"),
]
_RASTER = [(labelme.FORMAT, "mask"), (label_studio.FORMAT, "brush"), (sa1b.FORMAT, "")]


def _context(holes: str) -> WriteContext:
    return WriteContext(("cat", "dog"), ("#ff0000", "#00ff00"), {"holes": holes} if holes else {})


@st.composite
def _regions(draw: st.DrawFn) -> Region:
    """Rings, parts, combs and what a noisy mask is outlined by."""
    if draw(st.booleans()):
        seed = draw(st.integers(0, 10_000))
        rng = np.random.default_rng(seed)
        mask = rng.random((12, 12)) > draw(st.sampled_from([0.3, 0.5, 0.8]))
        mask[5, 5] = True
        return masks.from_mask(mask, 20, 30)
    x, y = draw(st.floats(5, 50)), draw(st.floats(5, 40))
    radius, hole = draw(st.floats(3, 30)), draw(st.floats(0, 0.9))
    region = convert.ellipse(x, y, radius, radius * draw(st.floats(0.3, 1)), draw(st.floats(0, 360)))
    if hole > 0.2:
        region = regions.clean(shapely.difference(region, shapely.affinity.scale(region, hole, hole)))
    if draw(st.booleans()):
        region = convert.union([region, convert.box(80.5, 60, 90, 70.25)])
    return convert.on_image(region, _WIDTH, _HEIGHT)


def _record(*instances: InstanceRecord) -> ImageRecord:
    return ImageRecord("a/b c.jpg", _WIDTH, _HEIGHT, instances, path="images/a/b c.jpg")


def _again(row: Format, holes: str, record: ImageRecord) -> tuple[ImageRecord, dict[str, bytes]]:
    files, _ = format_files.write(row, [record], _context(holes))
    found = format_files.images(format_files.read(row, files))
    return replace(found[0], name=record.name, path=record.path), files


@pytest.mark.parametrize(("row", "holes"), _VECTOR)
@settings(max_examples=20, deadline=None)
@given(region=_regions())
def test_outlines_come_back_and_are_the_same_bytes_the_second_time(
    row: Format, holes: str, region: Region
) -> None:
    record = _record(InstanceRecord("cat", region), InstanceRecord("dog", convert.box(1, 2, 30.1, 40.7)))
    read, files = _again(row, holes, record)
    if row is not label_studio.FORMAT:
        assert len(read.instances) == 2
        back = next(each.region for each in read.instances if each.label == "cat")
        assert regions.iou(back, region) > 1 - 1e-9
    again, files_again = _again(row, holes, read)
    assert files_again == files
    for each, other in zip(again.instances, read.instances, strict=True):
        assert each.region.equals_exact(other.region)


@pytest.mark.parametrize(("row", "holes"), _RASTER)
@settings(max_examples=15, deadline=None)
@given(region=_regions())
def test_masks_come_back_pixel_by_pixel(row: Format, holes: str, region: Region) -> None:
    record = _record(InstanceRecord("object", region))
    _, encoded = format_files.write(row, [record], _context(holes))
    if not encoded[0].instances[0].written:
        return
    read, files = _again(row, holes, record)
    back = read.instances[0]
    expected, got = (regions.rasterize(r, _HEIGHT, _WIDTH) for r in (region, back.region))
    assert np.array_equal(expected, got)
    assert _again(row, holes, read)[1] == files


def test_repeated_vertices_are_written_once() -> None:
    ring = [(5, 5), (5, 5), (30, 5), (30, 30), (30, 30), (30, 30), (5, 30), (5, 5)]
    record = _record(InstanceRecord("cat", shapely.MultiPolygon([shapely.Polygon(ring)])))
    for row, holes in _VECTOR:
        read, files = _again(row, holes, record)
        assert _again(row, holes, read)[1] == files


_ATTRIBUTES: Attributes = (
    ("flags.occluded", True),
    ("flags.truncated", False),
    ("group_id", 4),
    (CROWD, True),
    ("json:attributes", '{"color":"red"}'),
    ("json:kie_linking", "[[1,2]]"),
    ("speed", 2.5),
    ("track", "x12"),
)


def _full() -> InstanceRecord:
    return InstanceRecord(
        "cat",
        convert.box(10, 10, 30, 30),
        score=0.75,
        review=AnnotationReview.FLAGGED,
        note='says "miau"',
        attributes=_ATTRIBUTES,
    )


@pytest.mark.parametrize("row", [labelme.FORMAT, xanylabeling.FORMAT])
def test_labelme_and_x_anylabeling_keep_everything_known_of_an_annotation(row: Format) -> None:
    read, _ = _again(row, "bridge", _record(_full()))
    back = read.instances[0]
    assert (back.label, back.score, back.review, back.note) == (
        "cat",
        0.75,
        AnnotationReview.FLAGGED,
        'says "miau"',
    )
    assert back.attributes == _ATTRIBUTES


def test_isat_keeps_all_but_the_score_and_says_so() -> None:
    record = _record(replace(_full(), review=None))
    _, encoded = format_files.write(isat.FORMAT, [record], _context("bridge"))
    assert [loss.text for loss in encoded[0].instances[0].losses] == ["its score"]
    back = _again(isat.FORMAT, "bridge", record)[0].instances[0]
    assert back.is_crowd
    assert dict(back.attributes) == dict(_ATTRIBUTES) | {"group": 1}
    assert back.note == 'says "miau"'


def test_label_studio_and_sa1b_report_what_they_cannot_keep() -> None:
    for row, lost in ((label_studio.FORMAT, "track, its review"), (sa1b.FORMAT, "track")):
        _, encoded = format_files.write(row, [_record(_full())], _context(""))
        [loss] = encoded[0].instances[0].losses
        assert loss.code == "attributes"
        assert loss.text.endswith(lost)
    _, encoded = format_files.write(
        sa1b.FORMAT, [_record(InstanceRecord("cat", convert.box(1, 1, 1.2, 1.2)))]
    )
    assert [(i.written, i.iou, i.losses[0].code) for i in encoded[0].instances] == [(False, None, "empty")]


@pytest.mark.parametrize("row", [labelme.FORMAT, xanylabeling.FORMAT, label_studio.FORMAT])
def test_simple_shapes_are_written_as_they_were(row: Format) -> None:
    shapes = {
        "box": convert.box(10.5, 3, 40, 33.3),
        "rotated box": convert.rotated_box(40, 40, 30, 10, 33),
        "circle": convert.circle((40, 40), (40, 60.5)),
        "ellipse": convert.ellipse(40, 40, 20, 10),
    }
    record = _record(
        *(InstanceRecord("cat", region, attributes=((forms.SHAPE, name),)) for name, region in shapes.items())
    )
    read, files = _again(row, "bridge", record)
    came = [each.shape for each in read.instances]
    assert came == ["box", "rotated box", "ellipse", "ellipse" if row is label_studio.FORMAT else "polygon"]
    for each, region in zip(read.instances, shapes.values(), strict=True):
        assert regions.iou(each.region, region) > 0.9999
    again, files_again = _again(row, "bridge", read)
    assert [each.shape for each in again.instances] == came
    assert files_again == files
    edited = replace(record.instances[0], region=convert.polygon(np.array([[1.0, 1], [20, 3], [20, 30]])))
    assert _again(row, "bridge", _record(edited))[0].instances[0].shape == "polygon"


def test_bridges_holes_and_parts_are_in_the_report() -> None:
    ring = regions.clean(shapely.difference(convert.box(5, 5, 40, 40), convert.box(10, 10, 20, 20)))
    two = convert.union([ring, convert.box(50, 50, 60, 60)])
    codes = {}
    for row, holes in (*_VECTOR, *_RASTER):
        _, encoded = format_files.write(row, [_record(InstanceRecord("object", two))], _context(holes))
        [instance] = encoded[0].instances
        assert instance.iou == pytest.approx(1)
        assert instance.area == two.area
        codes[row.id, holes] = [loss.code for loss in instance.losses]
    assert codes == {
        ("labelme", "bridge"): ["bridged"],
        ("labelme", "mask"): [],
        ("xanylabeling", ""): ["bridged"],
        ("isat", "bridge"): ["bridged"],
        ("isat", "background"): [],
        ("label-studio", "bridge"): ["bridged", "parts"],
        ("label-studio", "brush"): [],
        ("sa1b", ""): [],
    }


def test_images_that_differ_in_their_suffix_have_a_file_each() -> None:
    records = [replace(_record(_full()), name=name, path=name) for name in ("x/a.jpg", "x/a.png", "b.jpg")]
    files, _ = format_files.write(labelme.FORMAT, records)
    assert sorted(files) == ["b.json", "x/a.json", "x/a.png.json"]
    assert [each.name for each in format_files.images(format_files.read(labelme.FORMAT, files))] == [
        "b.jpg", "a.jpg", "a.png",
    ]  # fmt: skip


def test_images_left_in_place_are_named_by_their_path() -> None:
    record = replace(_record(_full()), path="/photos/a/b c.jpg")
    files, _ = format_files.write(xanylabeling.FORMAT, [record])
    assert list(files) == ["a/b c.json"]
    assert format_files.images(format_files.read(xanylabeling.FORMAT, files))[0].name == "/photos/a/b c.jpg"
