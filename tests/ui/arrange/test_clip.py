"""Copied annotations as JSON: exact there and back, and anything else is refused in words."""

from __future__ import annotations

import json
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import MultiPolygon, Polygon, box

from samdesk.domain.annotation import CROWD, Annotation, AnnotationId
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.labels import LabelSet
from samdesk.ui.arrange import clip as clips
from samdesk.ui.arrange.clip import Clip, ClipError, ClippedAnnotation, from_json, to_json
from samdesk.ui.arrange.paste import outcome, pasted

RING = Polygon([(10.1, 10), (50, 10.7), (50, 50), (10, 50)], [[(20, 20), (30, 20), (30, 30), (20, 30)]])
LABELS = LabelSet.from_names(["Person", "dog"])


def made(*regions: Any, label: str = "person", color: str = "#e69f00") -> Clip:
    return Clip(
        tuple(ClippedAnnotation(label, color, MultiPolygon([r])) for r in regions), "a.jpg", (200, 100)
    )


def document(width: int = 200, height: int = 100, *annotations: Annotation) -> ImageDocument:
    return ImageDocument(ImageKey("b.jpg"), width, height, annotations)


@given(st.lists(st.tuples(*[st.floats(0, 80, width=64)] * 2, st.floats(0.01, 15)), min_size=1, max_size=5))
@settings(max_examples=25, deadline=None)
def test_a_clip_comes_back_exactly(places: list[tuple[float, float, float]]) -> None:
    clip = made(RING, *(box(x, y, x + side, y + side) for x, y, side in places))
    assert from_json(to_json(clip)) == clip
    assert from_json(to_json(clip).decode()) == clip


def damaged(**changes: Any) -> str:
    """The JSON of a clip with something else in its place; ``annotation`` changes its one annotation."""
    value = json.loads(to_json(made(RING)))
    value["annotations"][0].update(changes.pop("annotation", {}))
    value.update(changes)
    return json.dumps(value)


def geometry(*coordinates: Any, kind: str = "MultiPolygon") -> dict[str, Any]:
    return {"annotation": {"geometry": {"type": kind, "coordinates": list(coordinates)}}}


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("", "not JSON"),
        ("[]", "not a JSON object"),
        ("{}", "no annotations"),
        ('{"format": "samdesk-annotations"', "not JSON"),
        ('{"format": "samdesk-annotations", "x": ' + "[" * 5000 + "]" * 5000 + "}", "nested too deeply"),
        (damaged(version=2), "format that this version does not know"),
        (damaged(annotations=[]), "no annotations"),
        (damaged(annotations={"a": 1}), "no annotations"),
        (damaged(annotations=["x"]), "damaged"),
        (damaged(annotation={"label": ""}), "no usable label"),
        (damaged(annotation={"label": 7}), "no usable label"),
        (damaged(annotation={"label": "a\u202eb"}), "no usable label"),
        (damaged(annotation={"label": "x" * 300}), "no usable label"),
        (damaged(image={"name": "a", "width": "wide", "height": 3}), "damaged"),
        (damaged(**geometry([[[0, 0], [9, 9]]])), "damaged"),
        (damaged(**geometry([[[0, 0], [9, 9], [0, 9], [9, 0]]])), "crosses itself"),
        (damaged(**geometry([[[0, 0], [9, 9], [4, 4]]])), "crosses itself"),
        (damaged(**geometry([[[0, 0], [9, 0], [9, 1e300]]])), "far outside"),
        (damaged(**geometry([[[0, 0], [9, "1"], [9, 9]]])), "damaged"),
        (damaged(**geometry([[[0, 0], [9, True], [9, 9]]])), "damaged"),
        (damaged(**geometry([[[0, 0, 1], [9, 1, 1], [9, 9, 1]]])), "damaged"),
        (damaged(**geometry()), "no area"),
        (damaged(**geometry([])), "damaged"),
        (damaged(**geometry(kind="GeometryCollection")), "no MultiPolygon"),
        (damaged().replace("10.7", "NaN"), "not finite"),
        (damaged().replace("10.7", "1" * 5000), "too large"),
    ],
)  # fmt: skip
def test_what_is_no_clip_is_refused_in_words(text: str, why: str) -> None:
    with pytest.raises(ClipError, match=why):
        from_json(text)


@pytest.mark.parametrize(
    ("limit", "why"),
    [
        ("MOST_ANNOTATIONS", "more than 1 annotation"),
        ("MOST_VERTICES", "more than 1 vertices"),
        ("MOST_BYTES", "larger than"),
    ],
)
def test_a_clip_has_limits(limit: str, why: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clips, limit, 1)
    with pytest.raises(ClipError, match=why):
        from_json(to_json(made(RING, RING)))


def test_labels_are_found_by_name_without_regard_to_case_and_missing_ones_added_once() -> None:
    clip = Clip(
        tuple(
            ClippedAnnotation(name, "#e69f00", MultiPolygon([RING]))
            for name in ("PERSON", "Cat", "cat", "dog")
        )
    )
    done = pasted(clip, document(), LABELS)
    assert done.labels.names == ("Person", "dog", "Cat")
    assert [done.labels.get(a.label_id).name for a in done.annotations] == ["Person", "Cat", "Cat", "dog"]
    assert len({label.color for label in done.labels}) == 3, "the clip's colour is taken already"
    assert "Added the label “Cat”" in outcome(done, "Pasted")


def test_an_exact_name_comes_before_one_in_another_case() -> None:
    labels = LabelSet.from_names(["CAT", "cat"])
    done = pasted(made(RING, label="cat"), document(), labels)
    assert done.annotations[0].label_id == labels.labels[1].id


def test_on_a_smaller_image_a_clip_is_clipped_or_left_out_and_both_are_said() -> None:
    done = pasted(
        made(box(10, 10, 50, 50), box(30, 0, 60, 20), box(100, 50, 120, 60)), document(40, 40), LABELS
    )
    assert [a.region.bounds for a in done.annotations] == [(10, 10, 40, 40), (30, 0, 40, 20)]
    assert (done.clipped, done.outside) == (2, 1)
    said = outcome(done, "Pasted")
    assert "2 annotations" in said
    assert "2 clipped" in said
    assert "1 left out: outside" in said


@pytest.mark.parametrize(
    ("at", "bounds"),
    [((100, 50), (80, 40, 120, 60)), ((0, 0), (0, 0, 40, 20)), ((500, 99), (160, 80, 200, 100))],
)
def test_at_a_place_the_middle_of_the_clip_is_there_and_the_clip_inside(
    at: tuple[float, float], bounds: tuple[float, ...]
) -> None:
    done = pasted(made(box(10, 10, 20, 30), box(40, 12, 50, 25)), document(), LABELS, at)
    assert MultiPolygon([p for a in done.annotations for p in a.region.geoms]).bounds == bounds


def test_what_is_there_already_can_be_left_out() -> None:
    there = Annotation(AnnotationId("a"), LABELS.labels[0].id, MultiPolygon([RING]))
    done = pasted(made(RING, box(0, 0, 5, 5)), document(200, 100, there), LABELS, skip_present=True)
    assert (len(done.annotations), done.present) == (1, 1)


def test_attributes_are_copied_and_what_is_none_is_left_out() -> None:
    attributes = ((CROWD, True), ("läge", "links"), ("n", 3))
    one = ClippedAnnotation("cat", "", MultiPolygon([RING]), attributes)
    data = to_json(Clip((one,)))
    assert from_json(data).annotations[0].attributes == attributes
    odd = data.replace(b'"n": 3', b'"n": [3]')
    assert from_json(odd).annotations[0].attributes == attributes[:2]
    assert pasted(Clip((one,)), document(), LABELS).annotations[0].attributes == attributes
