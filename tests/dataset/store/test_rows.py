"""Places in painting order, and values that go through the store unchanged."""

from __future__ import annotations

import pytest
from hypothesis import example, given
from hypothesis import strategies as st
from shapely.geometry import LineString, Polygon

from samdesk.dataset.change import class_ids_change, rebase_labels
from samdesk.dataset.store import serial, wkb
from samdesk.dataset.store.rows import positions
from samdesk.domain.edits import Edit, Placed
from samdesk.domain.labels import LabelSet
from samdesk.domain.prompts import BoxPrompt, PointPrompt, PromptSet
from samdesk.domain.review import ReviewChange
from tests.dataset.dataset_kit import drawn, region


@given(st.lists(st.integers(0, 30), unique=True), st.lists(st.integers(0, 30), unique=True))
@example([*range(7), *range(8, 31), 7], [7])
@example([0, *range(2, 31), 1], [0, 1])
def test_positions_rise_and_known_ones_are_kept(order: list[int], old: list[int]) -> None:
    known = {str(i): float(n) for n, i in enumerate(old)}
    names = [str(i) for i in order]
    places = positions(names, known)
    assert places == sorted(places)
    assert len(set(places)) == len(places) == len(names)
    kept = [known[n] for n in names if n in known]
    if kept == sorted(kept):
        assert [p for n, p in zip(names, places, strict=True) if n in known] == kept


def test_positions_of_many_new_ones_take_no_time_in_proportion_to_their_square() -> None:
    names = [str(n) for n in range(50_000)]
    assert positions(names, {}) == [float(n) for n in range(50_000)]  # 1 s for each 5,000 before


def test_positions_survive_many_insertions_at_one_place() -> None:
    order = ["first", "last"]
    known = {"first": 0.0, "last": 1.0}
    for i in range(100):
        order.insert(1, str(i))
        places = positions(order, known)
        assert places == sorted(set(places))
        known = dict(zip(order, places, strict=True))


def test_edits_survive_writing_and_reading() -> None:
    prompts = PromptSet((PointPrompt(0.1, 1e-9), PointPrompt(3, 4, False)), BoxPrompt(1, 2, 3, 4))
    label = LabelSet.from_names(["x"]).labels[0].id
    annotation = drawn(label, 1 / 3, prompts=prompts, detector_score=0.1 + 0.2)
    edit = Edit((annotation.id,), (Placed(annotation, 3), Placed(annotation)), review=ReviewChange.SET_EDITED)
    assert serial.edit_from_text(serial.edit_to_text(edit)) == edit
    assert serial.prompts_from_text(serial.prompts_to_text(None)) is None


def test_data_that_is_not_a_region_is_refused() -> None:
    for data in (b"", b"nonsense", serial.region_to_bytes(LineString([(0, 0), (1, 1)]))):  # type: ignore[arg-type]
        with pytest.raises(ValueError, match="its region "):
            wkb.to_region(data)
    square = Polygon([(0, 0), (1, 0), (1, 1)])
    assert wkb.to_region(serial.region_to_bytes(square)).geoms[0].equals(square)  # type: ignore[arg-type]
    assert wkb.to_region(serial.region_to_bytes(region())) == region()


def test_labels_added_meanwhile_are_kept() -> None:
    base = LabelSet.from_names(["a", "b"])
    target = base.move(base.labels[1].id, 0)
    current = base.add("class_2")
    assert rebase_labels(target, base, current).names == ("b", "a", "class_2")
    assert rebase_labels(target, None, current).names == ("b", "a")
    clash = base.add("c").rename(base.labels[0].id, "class_2")
    merged = rebase_labels(clash, base, current)
    assert merged.names == ("class_2", "b", "class_2_", "c")  # files that were not read yet keep their ids
    assert not class_ids_change(current, merged)
    assert class_ids_change(base, target)
    assert not class_ids_change(base, current)
    assert class_ids_change(current, base)


def test_a_change_of_the_labels_leaves_what_another_one_made_of_them() -> None:
    base = LabelSet.from_names(["a", "b", "c"])
    a, b, c = (label.id for label in base)
    renamed = base.rename(a, "A")
    moved = base.move(c, 0)
    assert rebase_labels(moved, base, renamed).names == ("c", "A", "b")
    assert rebase_labels(renamed, base, moved).names == ("c", "A", "b")
    assert rebase_labels(base.remove(b), base, renamed).names == ("A", "c")
    assert rebase_labels(renamed, base, base.remove(b)).names == ("A", "c")
    assert rebase_labels(base.recolor(b, "#123456"), base, renamed).names == ("A", "b", "c")
    assert rebase_labels(base.recolor(b, "#123456"), base, renamed).get(b).color == "#123456"
    assert rebase_labels(base.remove(b), base.remove(b), base).names == ("a", "b", "c")
    assert rebase_labels(LabelSet.from_names(["new"]), LabelSet(), base).names == ("a", "b", "c", "new")
