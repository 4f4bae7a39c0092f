"""Label sets: names stay unique and class ids stay put."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from samdesk.domain.labels import LabelError, LabelSet, class_name, unique_names


def test_index_is_the_class_id() -> None:
    labels = LabelSet.from_names(["person", "bus", "dog"])
    assert [labels.index(label.id) for label in labels] == [0, 1, 2]
    assert labels.names == ("person", "bus", "dog")


def test_no_two_labels_have_the_same_colour() -> None:
    labels = LabelSet.from_names(str(i) for i in range(200))
    assert len({label.color for label in labels}) == 200


def test_a_new_label_gets_the_first_free_colour() -> None:
    labels = LabelSet.from_names(["a", "b", "c"])
    second = labels.labels[1]
    assert labels.remove(second.id).add("d").labels[-1].color == second.color
    taken = labels.recolor(second.id, labels.add("d").labels[-1].color)
    assert taken.add("d").labels[-1].color == second.color, "freed by the new colour"


def test_renaming_and_recolouring_keep_the_class_id() -> None:
    labels = LabelSet.from_names(["person", "bus", "dog"])
    bus = labels.labels[1]
    changed = labels.rename(bus.id, "  coach  liner ").recolor(bus.id, "#123456")
    assert changed.names == ("person", "coach liner", "dog")
    assert changed.get(bus.id).color == "#123456"
    assert changed.index(bus.id) == labels.index(bus.id) == 1


@pytest.mark.parametrize("name", ["", "   ", "bus"])
def test_empty_and_repeated_names_are_refused(name: str) -> None:
    labels = LabelSet.from_names(["person", "bus"])
    with pytest.raises(LabelError):
        labels.add(name)
    with pytest.raises(LabelError):
        labels.rename(labels.labels[0].id, name)


def test_removing_and_moving_shift_the_class_ids_between() -> None:
    labels = LabelSet.from_names(["a", "b", "c"])
    first, _, last = labels.labels
    assert labels.remove(first.id).names == ("b", "c")
    assert labels.remove(last.id).names == ("a", "b")
    assert labels.add("d").names == ("a", "b", "c", "d")
    assert labels.move(last.id, 0).names == ("c", "a", "b")
    with pytest.raises(LabelError):
        labels.remove(last.id).index(last.id)


@given(st.permutations(["a", "b", "c", "d"]), st.integers(0, 3), st.integers(0, 3))
def test_a_move_and_back_is_no_move(names: list[str], start: int, end: int) -> None:
    labels = LabelSet.from_names(names)
    moved = labels.move(labels.labels[start].id, end)
    assert moved.labels[end] == labels.labels[start]
    assert moved.move(labels.labels[start].id, start) == labels


def test_blank_and_repeated_class_names_are_replaced() -> None:
    assert class_name("  traffic \t light ", 3) == "traffic light"
    assert class_name(" ", 3) == "class_3"
    assert unique_names(["a", "", "a", "class_1"]) == ["a", "class_1", "a_2", "class_1_3"]
    assert unique_names(["a", "a_2", "a"]) == ["a", "a_2", "a_2_2"]


@given(st.lists(st.text(max_size=6)))
def test_unique_names_make_a_label_set(names: list[str]) -> None:
    assert len(LabelSet.from_names(unique_names(names))) == len(names)
