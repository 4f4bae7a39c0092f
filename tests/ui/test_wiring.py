"""The registries of tools and commands, in the whole window: what every row must do."""

from __future__ import annotations

from typing import Any

import pytest
from PySide6.QtCore import Qt, QTimer
from PySide6.QtGui import QAction, QKeySequence
from PySide6.QtWidgets import QApplication, QMenu, QMenuBar, QToolButton
from pytestqt.qtbot import QtBot

from samdesk.settings.table import Settings
from samdesk.ui.annotations.commands import CONTEXT_MENU
from samdesk.ui.canvas.tools.base import Tool
from samdesk.ui.canvas.tools.registry import TOOLS, Toolbox, ToolSpec, tool_commands
from samdesk.ui.commands.actions import Actions
from samdesk.ui.commands.popup import SEPARATOR, Submenu, context_menu
from samdesk.ui.commands.table import Command, CommandTable, Condition, MouseGesture, join
from samdesk.ui.shell.dialogs.shortcut_sheet import sections
from samdesk.ui.shell.dialogs.shortcuts import ShortcutsDialog
from samdesk.ui.shell.menus import Menus
from samdesk.ui.shell.tool_strip import ToolStrip
from samdesk.ui.wiring import COMMANDS
from tests.helpers.desk import User


def test_every_command_has_a_slot_and_every_condition_a_predicate(user: User) -> None:
    actions = user.desk.view.actions
    assert actions.unbound == ()
    assert actions.undecided == ()
    assert actions.action("file.open_recent").menu() is not None


@pytest.mark.parametrize("spec", TOOLS, ids=lambda spec: spec.id)
def test_every_tool_is_chosen_by_button_key_and_command(user: User, spec: ToolSpec[Any]) -> None:
    actions, strip = user.desk.view.actions, user.window.tool_strip
    tool, other = user.desk.flows.tools.toolbox.get(spec), next(s for s in TOOLS if s is not spec)

    def is_chosen() -> bool:
        return user.canvas.tool is tool and actions.action(spec.command_id).isChecked()

    user.qtbot.mouseClick(strip.buttons[spec.command_id], Qt.MouseButton.LeftButton)
    assert is_chosen()
    for key in spec.shortcuts:
        user.desk.flows.tools.choose(other.id)
        assert not is_chosen()
        combination = QKeySequence(key)[0]
        user.key(combination.key(), combination.keyboardModifiers())
        assert is_chosen(), key
    user.desk.flows.tools.choose(other.id)
    assert actions.trigger(spec.command_id)
    assert is_chosen()


@pytest.mark.parametrize("spec", TOOLS, ids=lambda spec: spec.id)
def test_every_tool_has_a_hint_a_title_and_a_tip(qapp: QApplication, spec: ToolSpec[Any]) -> None:
    assert spec.kind(qapp).hint
    assert spec.title
    assert spec.tip.endswith(".")
    assert spec.command in COMMANDS.commands


class Stamp(Tool):
    """A tool of this test only."""


STAMP = ToolSpec(
    "stamp",
    Stamp,
    "Stamp",
    "Stamp an annotation.",
    "ph.star",
    ("G",),
    gestures=(MouseGesture("Click", "Stamp"),),
)
POLISH = CommandTable(
    (Command("edit.polish", "Polish", "Polish the outline.", "ph.sparkle", "edit", "polish", ("Ctrl+P",),
             when="dull"),),
    (Condition("dull", "it shines already"),),
)  # fmt: skip


@pytest.fixture
def planted(settings: Settings) -> Actions:
    return Actions(join((COMMANDS, tool_commands((STAMP,)), POLISH)), settings)


@pytest.fixture
def bar(qtbot: QtBot) -> QMenuBar:
    made = QMenuBar()
    qtbot.addWidget(made)
    return made


def test_a_new_tool_row_is_in_strip_menu_and_sheets(
    qtbot: QtBot, qapp: QApplication, bar: QMenuBar, planted: Actions
) -> None:
    assert [*_strip(qtbot, planted).buttons][: len(TOOLS) + 1] == [s.command_id for s in (*TOOLS, STAMP)]
    assert planted.action("tool.stamp") in _menu(bar, planted, "annotate/tool").actions()
    sheet = dict(sections(planted))
    assert ("Stamp", ("G",)) in sheet["Annotate"]
    assert ("Stamp", ("Click",)) in sheet["On the canvas"]
    dialog = ShortcutsDialog(planted)
    qtbot.addWidget(dialog)
    assert dialog.keys_shown("tool.stamp") == "G"
    toolbox = Toolbox(qapp, (*TOOLS, STAMP))
    assert isinstance(toolbox.get(STAMP), Stamp)
    assert [type(tool) for tool in toolbox] == [*(spec.kind for spec in TOOLS), Stamp]


def test_a_new_command_row_is_in_menu_and_sheet_and_follows_its_condition(
    bar: QMenuBar, planted: Actions
) -> None:
    menu = _menu(bar, planted, "edit").actions()
    assert menu[-1] is planted.action("edit.polish"), "a group that the menu does not know comes last"
    assert menu[-2].isSeparator()
    assert ("Polish", ("Ctrl+P",)) in dict(sections(planted))["Edit"]
    dull, polished = [True], []
    planted.condition("dull", lambda: dull[0])
    planted.on("edit.polish", lambda: polished.append(True))
    planted.refresh()
    assert planted.trigger("edit.polish")
    dull[0] = False
    planted.refresh()
    assert not planted.trigger("edit.polish")
    assert "it shines already" in planted.action("edit.polish").toolTip()
    assert polished == [True]


@pytest.mark.parametrize(
    ("wrong", "complaint"),
    [
        (COMMANDS.commands[0], "file.open_folder twice"),
        (Command("a.b", "A", "A.", "ph.info", "attic", "x"), "a.b: no menu 'attic'"),
        (Command("a.b", "A", "A.", "ph.info", "edit", "x", when="sunny"), "a.b: no condition 'sunny'"),
    ],
)
def test_a_wrong_row_is_refused(wrong: Command, complaint: str) -> None:
    with pytest.raises(ValueError, match=complaint):
        join((COMMANDS, CommandTable((wrong,))))


def test_the_context_menu_is_made_of_the_commands(user: User) -> None:
    drawn = user.draw(80, 120)
    user.select(drawn)
    actions = user.desk.view.actions
    menu = context_menu(actions, CONTEXT_MENU, user.window)
    for shown, expected in zip(menu.actions(), CONTEXT_MENU, strict=True):
        if isinstance(expected, Submenu):
            inner = shown.menu()
            assert isinstance(inner, QMenu)
            assert inner.title() == expected.title
            named = [actions.action(name) for name in expected.command_ids if name != SEPARATOR]
            assert [action for action in inner.actions() if not action.isSeparator()] == named
        elif expected != SEPARATOR:
            assert shown is actions.action(expected)
    assert actions.action("operation.merge").isEnabled()
    assert actions.action("annotation.reopen_in_sam").isEnabled()
    assert not actions.action("annotation.accept").isEnabled(), "it was drawn by the user"
    menu.deleteLater()


def test_the_panel_opens_the_context_menu_and_its_hide_becomes_show(user: User) -> None:
    drawn = user.draw(80, 120)
    panel = user.desk.view.annotations
    panel.view.setCurrentIndex(panel.view.model().index(0, 0))
    place = panel.view.visualRect(panel.view.model().index(0, 0)).center()
    _entry(_popup(user, place), "Hide selected").trigger()
    assert panel.hidden == {drawn.id}
    assert user.canvas.annotations_at(80, 120) == []
    _entry(_popup(user, place), "Show selected").trigger()
    assert panel.hidden == frozenset()


def test_delete_in_the_panel_deletes_the_selection(user: User) -> None:
    first, second = user.draw(80, 120), user.draw(220, 120)
    panel = user.desk.view.annotations
    panel.view.setCurrentIndex(panel.view.model().index(0, 0))
    panel.view.setFocus()
    assert panel.selection == {second.id}
    user.qtbot.keyClick(panel.view, Qt.Key.Key_Delete)
    assert user.annotations == (first,)


def _strip(qtbot: QtBot, actions: Actions) -> ToolStrip:
    strip = ToolStrip(actions)
    qtbot.addWidget(strip)
    assert all(isinstance(button, QToolButton) for button in strip.buttons.values())
    return strip


def _menu(bar: QMenuBar, actions: Actions, path: str) -> QMenu:
    return Menus(bar, actions, lambda _folder: None).menu(path)


def _popup(user: User, place: Any) -> QMenu:
    user.desk.view.annotations.view.customContextMenuRequested.emit(place)
    menu = QApplication.activePopupWidget()
    assert isinstance(menu, QMenu)
    QTimer.singleShot(0, menu.close)
    return menu


def _entry(menu: QMenu, title: str) -> QAction:
    return next(action for action in menu.actions() if action.text() == title)
