"""The label commands in the real window: keys, context menu, and what Del means in the label list."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QContextMenuEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QMenu

from samdesk.ui.commands.popup import SEPARATOR
from samdesk.ui.labels.commands import CONTEXT_MENU
from tests.e2e.conftest import OpenWindow
from tests.helpers.desk import User

K = Qt.Key
ALT = Qt.KeyboardModifier.AltModifier


def place_of(user: User, row: int) -> QPoint:
    view = user.desk.view.labels.view
    return view.visualRect(view.model().index(row, 0)).center()


def click(user: User, row: int, button: Qt.MouseButton = Qt.MouseButton.LeftButton) -> None:
    user.qtbot.mouseClick(user.desk.view.labels.view.viewport(), button, pos=place_of(user, row))


def names(user: User) -> tuple[str, ...]:
    return user.desk.session.model.labels.names


@pytest.fixture
def labelled(user: User) -> User:
    user.add_labels("cat", "dog", "fox")
    user.draw(100, 120, label=K.Key_1)
    return user


@pytest.mark.parametrize("key", [K.Key_Delete, K.Key_Backspace])
def test_del_in_the_label_list_deletes_the_selected_annotation(labelled: User, key: K) -> None:
    labelled.select(labelled.annotations[0])
    click(labelled, 2)
    assert labelled.desk.view.labels.view.hasFocus()
    QTest.keyClick(labelled.desk.view.labels.view, key)
    assert labelled.annotations == ()
    QTest.keyClick(labelled.desk.view.labels.view, key)
    assert names(labelled) == ("cat", "dog", "fox"), "without a selected annotation it does nothing"
    assert labelled.answers.asked == []


def test_the_context_menu_works_on_the_label_under_the_mouse(labelled: User) -> None:
    viewport = labelled.desk.view.labels.view.viewport()
    place = place_of(labelled, 1)
    click(labelled, 1, Qt.MouseButton.RightButton)
    event = QContextMenuEvent(QContextMenuEvent.Reason.Mouse, place, viewport.mapToGlobal(place))
    QApplication.sendEvent(viewport, event)
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    actions = labelled.desk.view.actions
    entries = [action for action in menu.actions() if not action.isSeparator()]
    assert entries == [actions.action(name) for name in CONTEXT_MENU if name != SEPARATOR]
    labelled.answers.color = "#123456"
    next(a for a in entries if a.text() == "Change label colour…").trigger()
    menu.close()
    assert labelled.desk.session.model.labels.labels[1].color == "#123456"


def test_the_first_label_cannot_move_up_and_the_last_not_down(labelled: User) -> None:
    def movable() -> tuple[bool, bool]:
        return labelled.is_enabled("labels.move_up"), labelled.is_enabled("labels.move_down")

    for row, expected in ((0, (False, True)), (1, (True, True)), (2, (True, False))):
        click(labelled, row)
        assert movable() == expected
    labelled.answers.confirm = True
    labelled.key(K.Key_Up, ALT)
    assert names(labelled) == ("cat", "fox", "dog"), "the keys work on the canvas too"
    assert movable() == (True, True)


def test_f2_opens_the_panel_to_rename_the_current_label(labelled: User) -> None:
    dock = labelled.window.docks["labels"]
    for hide in (lambda: dock.set_collapsed(True), dock.close):
        hide()
        labelled.key(K.Key_2)
        labelled.key(K.Key_F2)
        assert dock.isVisible()
        assert not dock.collapsed
        editors = labelled.desk.view.labels.view.viewport().findChildren(QLineEdit)
        (editor,) = (editor for editor in editors if editor.isVisible())
        assert editor.text() == "dog"
        QTest.keyClick(editor, K.Key_Escape)
        labelled.until(labelled.canvas.hasFocus)


def test_a_read_only_dataset_has_no_label_commands(
    labelled: User, open_window: OpenWindow, folder: Path
) -> None:
    labelled.until_saved()
    second = open_window()
    second.open(folder)
    assert second.desk.session.read_only
    enabled = [name for name in CONTEXT_MENU if name and second.is_enabled(name)]
    assert enabled == ["labels.hide", "labels.group"], "they change what is seen only"
