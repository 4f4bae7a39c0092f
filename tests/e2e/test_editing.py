"""Choosing, changing and drawing annotations by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QApplication, QMenu

from samdesk.domain.annotation import Source
from tests.helpers.desk import CONTROL, Person, lines

K = Qt.Key


def test_a_number_relabels_the_selection(person: Person, folder: Path) -> None:
    person.add_labels("cat", "dog")
    drawn = person.draw(100, 120, label=K.Key_1)
    person.select(drawn)
    person.key(K.Key_2)
    assert person.names == ["dog"]
    person.until_saved()
    assert [line.class_id for line in lines(folder / "0.png").lines] == [1]
    person.key(K.Key_9)
    assert person.names == ["dog"], "there is no ninth label"


def test_delete_and_undo(person: Person, folder: Path) -> None:
    first, second = person.draw(80, 120), person.draw(220, 120)
    person.select(first)
    person.key(K.Key_Delete)
    assert person.annotations == (second,)
    person.until_saved()
    assert len(lines(folder / "0.png").lines) == 1
    person.key(K.Key_A, CONTROL)
    person.key(K.Key_Backspace)
    assert person.annotations == ()
    person.key(K.Key_Z, CONTROL)
    person.key(K.Key_Z, CONTROL)
    assert person.annotations == (first, second), "in the order they were painted"


def test_duplicate_selects_the_copy(person: Person) -> None:
    drawn = person.draw(100, 120)
    person.select(drawn)
    person.key(K.Key_D, CONTROL)
    original, copy = person.annotations
    assert original == drawn
    assert copy.label_id == drawn.label_id
    assert copy.region.centroid.x == pytest.approx(drawn.region.centroid.x + 12)
    assert person.desk.flows.tools.selection == {copy.id}
    person.key(K.Key_Delete)
    assert person.annotations == (drawn,)


def test_a_copy_stays_inside_the_image(person: Person) -> None:
    person.key(K.Key_R)
    person.hands.drag((200, 150), (318, 238))
    person.key(K.Key_D, CONTROL)
    _, copy = person.annotations
    x0, y0, x1, y1 = copy.region.bounds
    assert 0 <= x0 < x1 <= 320
    assert 0 <= y0 < y1 <= 240
    assert copy.region.area == pytest.approx(118 * 88, rel=0.01), "and is whole"


def test_a_rectangle(person: Person, folder: Path) -> None:
    person.key(K.Key_R)
    person.hands.drag((50, 60), (150, 160))
    (drawn,) = person.annotations
    assert (drawn.source, drawn.region.area) == (Source.MANUAL, pytest.approx(10_000, rel=0.01))
    assert person.desk.flows.tools.selection == {drawn.id}
    person.until_saved()
    (line,) = lines(folder / "0.png").lines
    assert line.region.area == pytest.approx(10_000, rel=0.03)


def test_a_polygon_with_a_corner_taken_back(person: Person) -> None:
    person.key(K.Key_P)
    for x, y in ((50, 50), (150, 50), (150, 150), (300, 200)):
        person.hands.click(x, y)
    person.key(K.Key_Z)
    person.key(K.Key_Return)
    (drawn,) = person.annotations
    assert drawn.region.area == pytest.approx(5_000, rel=0.02)
    person.hands.click(10, 10)
    person.hands.click(30, 10)
    person.key(K.Key_Escape)
    person.key(K.Key_Return)
    assert len(person.annotations) == 1


def test_a_corner_is_dragged(person: Person) -> None:
    person.key(K.Key_R)
    person.hands.drag((50, 60), (150, 160))
    person.key(K.Key_V)
    person.hands.drag((150, 160), (200, 210))
    (changed,) = person.annotations
    assert changed.region.bounds[2:] == (pytest.approx(200, abs=1), pytest.approx(210, abs=1))
    person.key(K.Key_Z, CONTROL)
    assert person.annotations[0].region.bounds[2] == pytest.approx(150, abs=1)


def test_h_hides_and_shows(person: Person) -> None:
    person.draw(100, 120)
    person.hands.move(5, 5)
    assert len(person.canvas.annotations_at(100, 120)) == 1
    person.key(K.Key_H)
    assert person.canvas.annotations_at(100, 120) == []
    assert not person.desk.view.actions.action("view.toggle_annotations").isChecked()
    person.key(K.Key_H)
    assert len(person.canvas.annotations_at(100, 120)) == 1


def test_the_menu_of_the_annotation_under_the_mouse(person: Person) -> None:
    person.add_labels("cat", "dog")
    first, second = person.draw(80, 120, label=K.Key_1), person.draw(220, 120)
    person.select(first)
    menu = opened_menu(person, 220, 120)
    assert person.desk.flows.tools.selection == {second.id}
    entries(menu)["Delete"].trigger()
    menu.close()
    assert person.annotations == (first,)
    relabel = entries(opened_menu(person, 80, 120))["Relabel"].menu()
    assert isinstance(relabel, QMenu)
    entries(relabel)["dog"].trigger()
    assert person.names == ["dog"]


def test_no_menu_where_nothing_is(person: Person) -> None:
    person.draw(80, 120)
    person.key(K.Key_V)
    person.hands.click(300, 20, button=Qt.MouseButton.RightButton)
    assert QApplication.activePopupWidget() is None


def opened_menu(person: Person, x: float, y: float) -> QMenu:
    person.hands.click(x, y, button=Qt.MouseButton.RightButton)
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    QTimer.singleShot(0, menu.close)
    return menu


def entries(menu: QMenu) -> dict[str, QAction]:
    return {action.text(): action for action in menu.actions()}


def test_what_is_chosen_in_the_panel_is_chosen_on_the_canvas(person: Person) -> None:
    first, second = person.draw(80, 120), person.draw(220, 120)
    panel = person.desk.view.annotations
    panel.view.setCurrentIndex(panel.view.model().index(1, 0))
    assert person.canvas.selection == {first.id}, "the top one is the first row"
    assert person.desk.view.actions.action("tool.select").isChecked()
    person.hands.click(220, 120)
    assert panel.selection == {second.id}


def test_what_a_machine_drew_is_accepted(person: Person, folder: Path) -> None:
    (folder / "1.txt").write_text("0 0.2 0.2 0.6 0.2 0.6 0.6 0.2 0.6\n")
    person.go("1.png")
    (imported,) = person.annotations
    assert imported.source is Source.IMPORT
    person.key(K.Key_V)
    person.hands.click(120, 90)
    assert person.desk.flows.tools.selection == {imported.id}
