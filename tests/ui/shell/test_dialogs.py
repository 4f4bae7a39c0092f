from __future__ import annotations

from importlib.metadata import version

import pytest
from PySide6.QtCore import Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QCheckBox, QComboBox, QDoubleSpinBox, QLabel, QLineEdit, QListWidget, QSpinBox
from pytestqt.qtbot import QtBot

from samdesk.settings import table
from samdesk.settings.table import SETTINGS, Settings
from samdesk.ui.commands.actions import Actions
from samdesk.ui.shell.dialogs.about import AboutDialog
from samdesk.ui.shell.dialogs.settings import SettingsDialog
from samdesk.ui.shell.dialogs.shortcut_sheet import ShortcutSheet, sections
from samdesk.ui.shell.dialogs.shortcuts import ShortcutsDialog


@pytest.fixture
def dialog(qtbot: QtBot, settings: Settings) -> SettingsDialog:
    choices = {"model.device": [("", "Automatic"), ("cpu", "CPU, 2 cores")]}
    made = SettingsDialog(settings, choices=choices)
    qtbot.addWidget(made)
    made.show()
    return made


def test_the_dialog_shows_every_setting_with_a_section(dialog: SettingsDialog) -> None:
    assert list(dialog.rows) == [s.key for s in SETTINGS if s.section]
    for row in dialog.rows.values():
        assert row.editor.toolTip() == row.setting.help
        assert row.editor.accessibleName() == row.setting.title


def test_changes_apply_at_once(dialog: SettingsDialog, settings: Settings) -> None:
    preview = dialog.rows["sam.hover_preview"].editor
    assert isinstance(preview, QCheckBox)
    preview.click()
    assert settings.get(table.HOVER_PREVIEW) is False
    theme = dialog.rows["look.theme"].editor
    assert isinstance(theme, QComboBox)
    theme.setCurrentIndex(2)
    theme.activated.emit(2)
    assert settings.get(table.THEME) == "dark"
    cache = dialog.rows["sam.embedding_cache_mb"].editor
    assert isinstance(cache, QSpinBox)
    cache.setValue(2048)
    assert settings.get(table.EMBEDDING_CACHE_MB) == 2048
    assert cache.suffix() == " MB"
    width = dialog.rows["look.outline_width"].editor
    assert isinstance(width, QDoubleSpinBox)
    width.setValue(3.5)
    assert settings.get(table.OUTLINE_WIDTH) == 3.5
    detector = dialog.rows["auto.det_model"].editor
    assert isinstance(detector, QLineEdit)
    detector.setText(" yolov8x.pt ")
    detector.editingFinished.emit()
    assert settings.get(table.AUTO_DET_MODEL) == "yolov8x.pt"


def test_choices_of_this_computer_are_offered_and_other_values_can_be_typed(
    dialog: SettingsDialog, settings: Settings
) -> None:
    device = dialog.rows["model.device"].editor
    assert isinstance(device, QComboBox)
    assert [device.itemText(i) for i in range(device.count())] == ["Automatic", "CPU, 2 cores"]
    device.setCurrentIndex(1)
    device.activated.emit(1)
    assert settings.get(table.MODEL_DEVICE) == "cpu"
    line = device.lineEdit()
    assert line is not None
    line.setText("cuda:1")
    line.editingFinished.emit()
    assert settings.get(table.MODEL_DEVICE) == "cuda:1"


def test_settings_changed_elsewhere_are_shown(dialog: SettingsDialog, settings: Settings) -> None:
    settings.set(table.FILL_OPACITY, 70)
    editor = dialog.rows["look.fill_opacity"].editor
    assert isinstance(editor, QSpinBox)
    assert editor.value() == 70


def test_one_or_all_settings_are_reset_to_their_defaults(dialog: SettingsDialog, settings: Settings) -> None:
    sections = dialog.findChild(QListWidget)
    assert sections is not None
    sections.setCurrentItem(sections.findItems("Appearance", Qt.MatchFlag.MatchExactly)[0])
    row, other = dialog.rows["look.fill_opacity"], dialog.rows["look.theme"]
    assert not row.reset.isVisible()
    settings.set(table.FILL_OPACITY, 70)
    settings.set(table.THEME, "dark")
    settings.set(table.RECENT_FOLDERS, ["/photos"])
    assert row.reset.isVisible()
    assert "30%" in row.reset.toolTip()
    QTest.mouseClick(row.reset, Qt.MouseButton.LeftButton)
    assert settings.is_default(table.FILL_OPACITY)
    assert not row.reset.isVisible()
    assert not settings.is_default(table.THEME)
    dialog.reset_all()
    assert settings.is_default(table.THEME)
    assert not other.reset.isVisible()
    assert settings.get(table.RECENT_FOLDERS) == ["/photos"]


def test_a_deleted_dialog_no_longer_follows_the_settings(qtbot: QtBot, settings: Settings) -> None:
    dialog, gone = SettingsDialog(settings), []
    dialog.destroyed.connect(lambda *_: gone.append(True))
    dialog.deleteLater()
    qtbot.waitUntil(lambda: bool(gone))
    settings.set(table.FILL_OPACITY, 70)


@pytest.fixture
def shortcuts(qtbot: QtBot, actions: Actions) -> ShortcutsDialog:
    made = ShortcutsDialog(actions)
    qtbot.addWidget(made)
    made.show()
    qtbot.waitExposed(made)
    made.activateWindow()
    return made


def test_an_available_key_is_recorded_and_added(shortcuts: ShortcutsDialog, actions: Actions) -> None:
    shortcuts.select("tool.polygon")
    QTest.keyClick(shortcuts.recorder, Qt.Key.Key_W, Qt.KeyboardModifier.ControlModifier)
    assert shortcuts.note.text() == "Ctrl+W is available."
    shortcuts.add_button.click()
    assert actions.shortcuts("tool.polygon") == ("P", "Ctrl+W")
    assert shortcuts.keys_shown("tool.polygon") == "P   Ctrl+W"
    QTest.keyClick(shortcuts.recorder, Qt.Key.Key_J)
    shortcuts.replace_button.click()
    assert actions.shortcuts("tool.polygon") == ("J",)
    shortcuts.reset_button.click()
    assert actions.shortcuts("tool.polygon") == ("P",)
    shortcuts.clear_button.click()
    assert actions.shortcuts("tool.polygon") == ()
    shortcuts.reset_all()
    assert actions.shortcuts("tool.polygon") == ("P",)
    assert shortcuts.keys_shown("tool.polygon") == "P"


def test_a_conflict_is_shown_and_refused(shortcuts: ShortcutsDialog, actions: Actions) -> None:
    shortcuts.select("tool.polygon")
    QTest.keyClick(shortcuts.recorder, Qt.Key.Key_B, Qt.KeyboardModifier.ControlModifier)
    assert shortcuts.note.text() == "Ctrl+B is already used by “Auto-annotate”. Change that command first."
    assert not shortcuts.add_button.isEnabled()
    assert not shortcuts.replace_button.isEnabled()


def test_a_default_that_another_command_uses_is_not_restored(
    shortcuts: ShortcutsDialog, actions: Actions
) -> None:
    actions.rebind("tool.polygon", ["G"])
    actions.rebind("tool.rectangle", ["P"])
    shortcuts.select("tool.polygon")
    shortcuts.reset_button.click()
    assert actions.shortcuts("tool.polygon") == ("G",)
    assert shortcuts.note.text() == "The default P is now used by “Rectangle”. Change that first."


@pytest.mark.parametrize("key", [Qt.Key.Key_Tab, Qt.Key.Key_Escape, Qt.Key.Key_Return])
def test_tab_escape_and_enter_can_be_recorded(shortcuts: ShortcutsDialog, key: Qt.Key) -> None:
    shortcuts.select("candidate.next")
    shortcuts.recorder.setFocus()
    QTest.keyClick(shortcuts.recorder, key)
    assert not shortcuts.recorder.keySequence().isEmpty()
    assert shortcuts.isVisible()


def test_the_filter_finds_by_name_and_by_key(shortcuts: ShortcutsDialog) -> None:
    def shown() -> set[str]:
        return {name for name, item in shortcuts._items.items() if not item.isHidden()}

    shortcuts.filter.setText("polyg")
    assert shown() == {"tool.polygon"}
    shortcuts.filter.setText("ctrl+b")
    assert shown() == {"run.auto_annotate"}
    shortcuts.filter.clear()
    assert len(shown()) == len(shortcuts._items)


def test_the_sheet_lists_all_current_shortcuts_and_mouse_gestures(qtbot: QtBot, actions: Actions) -> None:
    actions.rebind("tool.polygon", ["G"])
    text = dict(sections(actions))
    assert ("Polygon", ("G",)) in text["Annotate"]
    assert ("Use label 1 to 9", ("1 – 9",)) in text["Annotate"]
    assert ("Accept mask", ("E", "Enter")) in text["Annotate"]
    assert ("Include point", ("Click",)) in text["On the canvas"]
    listed = {what for rows in text.values() for what, _ in rows}
    for entry in actions.commands:
        if entry.shortcuts and not entry.id.startswith("label."):
            assert entry.title.rstrip("…") in listed
    sheet = ShortcutSheet(actions)
    qtbot.addWidget(sheet)
    assert {"Polygon", "G"} <= {label.text() for label in sheet.findChildren(QLabel)}


def test_about_shows_versions_and_licences(qtbot: QtBot) -> None:
    about = AboutDialog()
    qtbot.addWidget(about)
    text = " ".join(label.text() for label in about.findChildren(QLabel))
    assert version("PySide6-Essentials") in text
    assert "Affero" in text
    assert "LGPL-3.0" in text
