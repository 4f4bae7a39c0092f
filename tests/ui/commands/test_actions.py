from __future__ import annotations

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QKeySequence
from PySide6.QtTest import QTest

from samdesk.settings.table import SHORTCUTS, Settings
from samdesk.ui.commands.actions import Actions
from samdesk.ui.commands.table import Context
from samdesk.ui.shell.main_window import MainWindow
from samdesk.ui.wiring import COMMANDS
from tests.ui.conftest import ALL

Key = Qt.Key


def test_commands_are_enabled_by_their_conditions(actions: Actions) -> None:
    assert actions.action("file.open_folder").isEnabled()
    assert not actions.action("edit.delete").isEnabled()
    actions.update({"selection", "editable", "canvas"})
    assert actions.action("edit.delete").isEnabled()
    assert not actions.action("prompt.accept").isEnabled()
    actions.update({"selection"})
    assert not actions.action("edit.delete").isEnabled()


def test_the_tooltip_of_a_disabled_command_gives_the_reason(actions: Actions) -> None:
    assert "select an annotation first" in actions.action("edit.delete").toolTip()
    actions.update({"selection"})
    assert "read-only" in actions.action("edit.delete").toolTip(), "and when the reason is another"
    actions.update(ALL)
    assert "Unavailable" not in actions.action("edit.delete").toolTip()


def test_an_unknown_condition_is_an_error(actions: Actions) -> None:
    with pytest.raises(KeyError, match="sunshine"):
        actions.update({"sunshine"})


def test_slots_are_called_with_the_checked_state_of_checkable_commands(actions: Actions) -> None:
    received: list[object] = []
    actions.update(ALL)
    actions.on("edit.undo", lambda: received.append("undo"))
    actions.on("view.toggle_annotations", received.append)
    assert actions.trigger("edit.undo")
    actions.action("view.toggle_annotations").trigger()
    assert received == ["undo", False]
    actions.update(())
    assert not actions.trigger("edit.undo")
    assert received == ["undo", False]


def test_tools_are_exclusive_and_checking_one_does_not_invoke_it(actions: Actions) -> None:
    received: list[str] = []
    actions.on("tool.sam", lambda _on: received.append("sam"))
    actions.set_checked("tool.select", True)
    actions.set_checked("tool.sam", True)
    assert not actions.action("tool.select").isChecked()
    assert received == []


def test_tooltips_show_the_current_shortcuts(actions: Actions) -> None:
    assert "(Ctrl+B)" in actions.action("run.auto_annotate").toolTip()
    actions.rebind("run.auto_annotate", ["F9"])
    assert "(F9)" in actions.action("run.auto_annotate").toolTip()
    actions.set_title("edit.undo", "Undo Add person")
    assert "Undo Add person" in actions.action("edit.undo").toolTip()
    assert actions.action("edit.undo").text() == "Undo Add person"


def test_only_changed_shortcuts_are_saved(actions: Actions, settings: Settings) -> None:
    actions.rebind("tool.polygon", ["G", "Ctrl+G"])
    assert settings.get(SHORTCUTS) == {"tool.polygon": ["G", "Ctrl+G"]}
    assert Actions(COMMANDS, Settings(settings.path)).shortcuts("tool.polygon") == ("G", "Ctrl+G")
    actions.rebind("tool.polygon", ["P"])
    assert settings.get(SHORTCUTS) == {}
    actions.rebind("tool.polygon", [])
    assert actions.action("tool.polygon").shortcuts() == []
    actions.reset_shortcuts()
    assert actions.shortcuts("tool.polygon") == ("P",)


def test_invalid_shortcuts_in_the_settings_are_ignored(settings: Settings) -> None:
    settings.set(SHORTCUTS, {"tool.sam": ["", 3, "K"], "no.such": ["L"], "edit.undo": "Ctrl+Z"})
    actions = Actions(COMMANDS, settings)
    assert actions.shortcuts("tool.sam") == ("K",)
    assert actions.shortcuts("edit.undo") == ("Ctrl+Z",)


def test_a_conflict_names_the_command_that_has_the_key(actions: Actions) -> None:
    found = actions.clash("tool.polygon", "Ctrl+B")
    assert found is not None
    assert found.id == "run.auto_annotate"
    assert actions.clash("tool.polygon", "P") is None
    window_key_against_canvas_key = actions.clash("tool.polygon", "Tab")
    assert window_key_against_canvas_key is not None
    assert window_key_against_canvas_key.id == "candidate.next"
    actions.rebind("run.auto_annotate", [])
    assert actions.clash("tool.polygon", "Ctrl+B") is None


def _record(actions: Actions) -> list[str]:
    received: list[str] = []
    for entry in COMMANDS.commands:
        actions.on(entry.id, lambda *_, name=entry.id: received.append(name))
    actions.update(ALL)
    return received


def test_every_default_shortcut_invokes_its_command(window: MainWindow, actions: Actions) -> None:
    window.show_canvas()
    received = _record(actions)
    window.canvas.setFocus()
    for entry in COMMANDS.commands:
        if entry.id in ("run.cancel", "file.open_recent"):
            continue
        actions.set_mode(entry.context if entry.context in (Context.REVIEW, Context.SHEET) else None)
        actions.set_selecting(entry.context is Context.SELECTION)
        actions.set_adjusting(entry.context is Context.OUTLINE)
        actions.set_carrying(entry.context is Context.CARRY)
        actions.update(ALL)
        for text in entry.shortcuts:
            received.clear()
            combination = QKeySequence(text)[0]
            QTest.keyClick(window.canvas, combination.key(), combination.keyboardModifiers())
            assert received == [entry.id], text


def test_no_command_is_invoked_while_the_user_types(window: MainWindow, actions: Actions) -> None:
    window.show_canvas()
    received = _record(actions)
    field = window.docks["labels"].widget().field  # type: ignore[attr-defined]
    field.setFocus()
    for letter in "dashvpe1?H":
        QTest.keyClick(field, letter)
    for key in (Key.Key_Return, Key.Key_Backspace, Key.Key_Left, Key.Key_Delete):
        QTest.keyClick(field, key)
    assert received == []
    assert field.text() == "dashvpe1"  # "H" and "?" were deleted again
    QTest.keyClick(field, Key.Key_B, Qt.KeyboardModifier.ControlModifier)
    assert received == ["run.auto_annotate"]


def test_arrows_move_in_a_list_and_letters_remain_shortcuts(window: MainWindow, actions: Actions) -> None:
    window.show_canvas()
    received = _record(actions)
    walked = window.docks["labels"].widget().list  # type: ignore[attr-defined]
    walked.setCurrentRow(0)
    walked.setFocus()
    QTest.keyClick(walked, Key.Key_PageDown)
    assert walked.currentRow() > 0
    assert received == []
    QTest.keyClick(walked, "d")
    assert received == ["image.next"]


def test_tab_moves_the_focus_until_there_are_candidates(window: MainWindow, actions: Actions) -> None:
    window.show_canvas()
    received = _record(actions)
    window.canvas.setFocus()
    QTest.keyClick(window.canvas, Key.Key_Tab)
    assert received == ["candidate.next"]
    actions.update(ALL - {"candidates"})
    QTest.keyClick(window.canvas, Key.Key_Tab)
    assert received == ["candidate.next"]
    assert not window.canvas.hasFocus()
