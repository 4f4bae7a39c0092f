"""Choosing, changing and drawing annotations by hand."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QApplication, QMenu

from samdesk.domain.annotation import Source
from tests.helpers.desk import CONTROL, User, lines

K = Qt.Key


def test_a_number_relabels_the_selection(user: User, folder: Path) -> None:
    user.add_labels("cat", "dog")
    drawn = user.draw(100, 120, label=K.Key_1)
    user.select(drawn)
    user.key(K.Key_2)
    assert user.names == ["dog"]
    user.until_saved()
    assert [line.class_id for line in lines(folder / "0.png").lines] == [1]
    user.key(K.Key_9)
    assert user.names == ["dog"], "there is no ninth label"


def test_delete_and_undo(user: User, folder: Path) -> None:
    first, second = user.draw(80, 120), user.draw(220, 120)
    user.select(first)
    user.key(K.Key_Delete)
    assert user.annotations == (second,)
    user.until_saved()
    assert len(lines(folder / "0.png").lines) == 1
    user.key(K.Key_A, CONTROL)
    user.key(K.Key_Backspace)
    assert user.annotations == ()
    user.key(K.Key_Z, CONTROL)
    user.key(K.Key_Z, CONTROL)
    assert user.annotations == (first, second), "in the order they were painted"


def test_duplicate_selects_the_copy(user: User) -> None:
    drawn = user.draw(100, 120)
    user.select(drawn)
    user.key(K.Key_D, CONTROL)
    original, copy = user.annotations
    assert original == drawn
    assert copy.label_id == drawn.label_id
    assert copy.region.centroid.x == pytest.approx(drawn.region.centroid.x + 12)
    assert user.desk.flows.tools.selection == {copy.id}
    user.key(K.Key_Delete)
    assert user.annotations == (drawn,)


def test_a_copy_stays_inside_the_image(user: User) -> None:
    user.key(K.Key_R)
    user.mouse.drag((200, 150), (318, 238))
    user.key(K.Key_D, CONTROL)
    _, copy = user.annotations
    x0, y0, x1, y1 = copy.region.bounds
    assert 0 <= x0 < x1 <= 320
    assert 0 <= y0 < y1 <= 240
    assert copy.region.area == pytest.approx(118 * 88, rel=0.01), "and is whole"


def test_a_rectangle(user: User, folder: Path) -> None:
    user.key(K.Key_R)
    user.mouse.drag((50, 60), (150, 160))
    (drawn,) = user.annotations
    assert (drawn.source, drawn.region.area) == (Source.MANUAL, pytest.approx(10_000, rel=0.01))
    assert user.desk.flows.tools.selection == {drawn.id}
    user.until_saved()
    (line,) = lines(folder / "0.png").lines
    assert line.region.area == pytest.approx(10_000, rel=0.03)


def test_a_polygon_with_a_corner_taken_back(user: User) -> None:
    user.key(K.Key_P)
    for x, y in ((50, 50), (150, 50), (150, 150), (300, 200)):
        user.mouse.click(x, y)
    user.key(K.Key_Z)
    user.key(K.Key_Return)
    (drawn,) = user.annotations
    assert drawn.region.area == pytest.approx(5_000, rel=0.02)
    user.mouse.click(10, 10)
    user.mouse.click(30, 10)
    user.key(K.Key_Escape)
    user.key(K.Key_Return)
    assert len(user.annotations) == 1


def test_a_corner_is_dragged(user: User) -> None:
    user.key(K.Key_R)
    user.mouse.drag((50, 60), (150, 160))
    user.key(K.Key_V)
    user.mouse.drag((150, 160), (200, 210))
    (changed,) = user.annotations
    assert changed.region.bounds[2:] == (pytest.approx(200, abs=1), pytest.approx(210, abs=1))
    user.key(K.Key_Z, CONTROL)
    assert user.annotations[0].region.bounds[2] == pytest.approx(150, abs=1)


def test_h_hides_and_shows(user: User) -> None:
    user.draw(100, 120)
    user.mouse.move(5, 5)
    assert len(user.canvas.annotations_at(100, 120)) == 1
    user.key(K.Key_H)
    assert user.canvas.annotations_at(100, 120) == []
    assert not user.desk.view.actions.action("view.toggle_annotations").isChecked()
    user.key(K.Key_H)
    assert len(user.canvas.annotations_at(100, 120)) == 1


def test_the_menu_of_the_annotation_under_the_mouse(user: User) -> None:
    user.add_labels("cat", "dog")
    first, second = user.draw(80, 120, label=K.Key_1), user.draw(220, 120)
    user.select(first)
    menu = opened_menu(user, 220, 120)
    assert user.desk.flows.tools.selection == {second.id}
    entries(menu)["Delete"].trigger()
    menu.close()
    assert user.annotations == (first,)
    relabel = entries(opened_menu(user, 80, 120))["Relabel"].menu()
    assert isinstance(relabel, QMenu)
    entries(relabel)["dog"].trigger()
    assert user.names == ["dog"]


def test_the_menu_of_a_vertex_deletes_it(user: User) -> None:
    user.key(K.Key_P)
    for x, y in ((50, 50), (150, 50), (150, 150), (50, 150)):
        user.mouse.click(x, y)
    user.key(K.Key_Return)
    user.key(K.Key_S)
    user.draw(148, 148)  # lies over the vertex
    user.select(user.annotations[0])
    menu = opened_menu(user, 151, 151)
    assert next(iter(entries(menu))) == "Delete vertex"
    assert user.desk.flows.tools.selection == {user.annotations[0].id}, "the vertex is of the selected one"
    entries(menu)["Delete vertex"].trigger()
    menu.close()
    outline = user.annotations[0].region.geoms[0].exterior.coords[:-1]
    assert sorted((round(x), round(y)) for x, y in outline) == [(50, 50), (50, 150), (150, 50)]
    assert user.desk.view.actions.action("edit.undo").text() == "Undo Delete vertex"
    user.mouse.move(100, 20)
    assert not user.is_enabled("vertex.delete")


def test_the_menu_of_an_edge_inserts_a_vertex(user: User) -> None:
    user.key(K.Key_R)
    user.mouse.drag((50, 50), (150, 150))
    user.key(K.Key_V)
    menu = opened_menu(user, 120, 50)
    entries(menu)["Insert vertex"].trigger()
    menu.close()
    outline = user.annotations[0].region.geoms[0].exterior.coords[:-1]
    assert (120, 50) in [(round(x), round(y)) for x, y in outline]


def test_no_vertex_in_the_menu_of_the_list_or_beside_the_outline(user: User) -> None:
    user.key(K.Key_R)
    user.mouse.drag((50, 50), (150, 150))
    user.key(K.Key_V)
    menu = opened_menu(user, 100, 100)
    assert not {"Delete vertex", "Insert vertex"} & entries(menu).keys()
    menu.close()
    opened_menu(user, 150, 150).close()
    user.desk.view.annotations.menu_requested.emit(user.window.mapToGlobal(user.window.rect().center()))
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    assert not {"Delete vertex", "Insert vertex"} & entries(menu).keys()
    menu.close()


def test_no_menu_where_nothing_is(user: User) -> None:
    user.draw(80, 120)
    user.key(K.Key_V)
    user.mouse.click(300, 20, button=Qt.MouseButton.RightButton)
    assert QApplication.activePopupWidget() is None


def opened_menu(user: User, x: float, y: float) -> QMenu:
    user.mouse.click(x, y, button=Qt.MouseButton.RightButton)
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    QTimer.singleShot(0, menu.close)
    return menu


def entries(menu: QMenu) -> dict[str, QAction]:
    return {action.text(): action for action in menu.actions()}


def test_what_is_chosen_in_the_panel_is_chosen_on_the_canvas(user: User) -> None:
    first, second = user.draw(80, 120), user.draw(220, 120)
    panel = user.desk.view.annotations
    panel.view.setCurrentIndex(panel.view.model().index(1, 0))
    assert user.canvas.selection == {first.id}, "the top one is the first row"
    assert user.desk.view.actions.action("tool.select").isChecked()
    user.mouse.click(220, 120)
    assert panel.selection == {second.id}


def test_what_a_machine_drew_is_accepted(user: User, folder: Path) -> None:
    (folder / "1.txt").write_text("0 0.2 0.2 0.6 0.2 0.6 0.6 0.2 0.6\n")
    user.go("1.png")
    (imported,) = user.annotations
    assert imported.source is Source.IMPORT
    user.key(K.Key_V)
    user.mouse.click(120, 90)
    assert user.desk.flows.tools.selection == {imported.id}
