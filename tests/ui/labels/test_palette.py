"""The palette of labels, and relabelling by it or by a click in the labels panel."""

from __future__ import annotations

from time import perf_counter

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest

from samdesk.domain.labels import LabelSet
from samdesk.ui.labels.palette import LabelPalette, palette_rows
from tests.helpers.desk import CONTROL, User

THOUSAND = LabelSet.from_names(f"class {i:03d} of {'abc'[i % 3]}" for i in range(1000))


def names(palette: LabelPalette) -> list[str]:
    model = palette.view.model()
    return [model.index(row, 0).data() for row in range(model.rowCount())]


def test_equal_matches_are_sorted_by_last_use() -> None:
    labels = LabelSet.from_names(["cat", "car", "cow", "scarf"])
    recent = [labels.labels[2].id, labels.labels[1].id]
    assert [row.name for row in palette_rows(labels, recent, "")] == ["cow", "car", "cat", "scarf"]
    assert [row.name for row in palette_rows(labels, recent, "ca")] == ["car", "cat", "scarf", "ca"]
    assert [row.name for row in palette_rows(labels, recent, "cat")] == ["cat"], "nothing to create"
    assert palette_rows(labels, recent, "zebra", may_create=False) == []


def test_a_thousand_labels_are_searched_while_typing() -> None:
    start = perf_counter()
    rows = palette_rows(THOUSAND, [label.id for label in THOUSAND.labels[:50]], "c777")
    assert perf_counter() - start < 0.1
    assert rows[0].name == "class 777 of a"


def open_palette(user: User, key: Qt.Key = Qt.Key.Key_K) -> LabelPalette:
    user.key(key)
    palette = user.desk.flows.chooser.palette
    user.until(palette.isVisible)
    return palette


def test_keys_alone_relabel_the_selection_as_one_step(user: User) -> None:
    user.add_labels("person", "traffic light", "bus")
    drawn = user.draw(100, 100, Qt.Key.Key_1)
    user.select(drawn)
    palette = open_palette(user)
    assert palette.field.placeholderText() == "Relabel 1 annotation"
    assert names(palette)[0] == "person", "the one used last comes first"
    apart = palette.pos() - user.canvas.place_below([drawn.id])
    assert apart.manhattanLength() < 8, "it opens at the selection"
    QTest.keyClicks(palette.field, "tl")
    assert names(palette) == ["traffic light", "Create “tl”"]
    QTest.keyClick(palette.field, Qt.Key.Key_Return)
    assert not palette.isVisible()
    assert user.names == ["traffic light"]
    assert user.desk.flows.labels.current.name == "traffic light"  # type: ignore[union-attr]
    assert "Relabelled 1 annotation to “traffic light”." in user.message_text
    user.key(Qt.Key.Key_Z, CONTROL)
    assert user.names == ["person"]


def test_the_mouse_alone_chooses_the_label_of_new_annotations(user: User) -> None:
    user.add_labels("person", "bus")
    palette = open_palette(user, Qt.Key.Key_Slash)
    assert palette.field.placeholderText() == "Label for new annotations"
    row = names(palette).index("person")
    place = palette.view.visualRect(palette.view.model().index(row, 0)).center()
    QTest.mouseClick(palette.view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert user.desk.flows.labels.current.name == "person"  # type: ignore[union-attr]
    assert not palette.isVisible()


def test_enter_creates_a_label_that_there_is_not_and_the_row_says_so(user: User) -> None:
    user.add_labels("person")
    user.select(user.draw(100, 100))
    palette = open_palette(user)
    QTest.keyClicks(palette.field, " zebra ")
    assert names(palette) == ["Create “zebra”"]
    assert palette.hint.text() == "No label matches: Enter creates it."
    QTest.keyClick(palette.field, Qt.Key.Key_Return)
    assert user.names == ["zebra"]
    assert user.desk.session.model.labels.names == ("person", "zebra")


def test_esc_and_a_click_beside_it_choose_nothing(user: User) -> None:
    user.add_labels("person", "bus")
    user.select(user.draw(100, 100, Qt.Key.Key_1))
    palette = open_palette(user)
    QTest.keyClicks(palette.field, "bus")
    QTest.keyClick(palette.field, Qt.Key.Key_Escape)
    assert not palette.isVisible()
    palette = open_palette(user)
    assert palette.field.text() == ""
    QTest.mouseClick(palette, Qt.MouseButton.LeftButton, pos=QPoint(-20, -20))
    assert not palette.isVisible()
    assert user.names == ["person"]
    assert len(user.annotations) == 1, "the click was no prompt"


@pytest.mark.parametrize("selecting", [True, False])
def test_a_click_in_the_panel_relabels_what_is_selected_with_the_select_tool(
    user: User, selecting: bool
) -> None:
    user.add_labels("person", "bus")
    drawn = user.draw(100, 100, Qt.Key.Key_1)
    if selecting:
        user.select(drawn)
    view = user.desk.view.labels.view
    for row in (1, 1):  # the second click finds it relabelled
        place = view.visualRect(view.model().index(row, 0)).center()
        QTest.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, pos=place)
    assert user.names == (["bus"] if selecting else ["person"])
    assert ("Relabelled 1 annotation" in user.message_text) == selecting
    if selecting:
        user.press("Undo")
        assert user.names == ["person"]
