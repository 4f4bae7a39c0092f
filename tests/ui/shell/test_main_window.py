from __future__ import annotations

import os
import subprocess
import sys
from itertools import pairwise
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QAction, QCloseEvent, QDragEnterEvent, QDragMoveEvent, QDropEvent, QHelpEvent
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QAbstractButton, QApplication, QLineEdit, QListWidget, QMenu, QToolTip, QWidget
from pytestqt.qtbot import QtBot

from samdesk.settings.table import Settings
from samdesk.ui.commands.actions import Actions
from samdesk.ui.shell.main_window import MainWindow
from samdesk.ui.wiring import COMMANDS
from tests.ui.conftest import ALL


def _menu_actions(menu: QMenu) -> list[QAction]:
    found = []
    for action in menu.actions():
        found.append(action)
        if action.menu() is not None:
            found += _menu_actions(action.menu())  # type: ignore[arg-type]
    return found


def test_only_disabled_menu_entries_have_a_tooltip(
    qtbot: QtBot, window: MainWindow, actions: Actions
) -> None:
    menu = window.menus.menu("view")
    menu.popup(window.mapToGlobal(QPoint(40, 40)))

    def rest_on(command: str) -> None:
        place = menu.actionGeometry(actions.action(command)).center()
        QApplication.sendEvent(menu, QHelpEvent(QEvent.Type.ToolTip, place, menu.mapToGlobal(place)))

    actions.update({"image"})
    rest_on("view.look_now")
    qtbot.waitUntil(lambda: "the model in use needs no closer look" in QToolTip.text())
    QToolTip.hideText()
    qtbot.waitUntil(lambda: not QToolTip.isVisible())
    actions.update(ALL)
    rest_on("view.look_now")
    assert not QToolTip.isVisible()
    menu.close()


def test_no_menu_is_taller_than_a_laptop(window: MainWindow) -> None:
    for top in window.menuBar().actions():
        menu = top.menu()
        assert isinstance(menu, QMenu)
        assert menu.sizeHint().height() < 900, top.text()


def test_groups_of_a_menu_are_apart_and_none_is_empty(window: MainWindow) -> None:
    for top in window.menuBar().actions():
        menu = top.menu()
        assert isinstance(menu, QMenu)
        for one in (menu, *(a.menu() for a in menu.actions() if isinstance(a.menu(), QMenu))):
            shown = [a.isSeparator() for a in one.actions()]
            assert not any(a and b for a, b in pairwise(shown)), one.title()
            assert not shown or not shown[0], one.title()


def test_every_command_is_in_the_menu_bar(window: MainWindow, actions: Actions) -> None:
    listed = [a for top in window.menuBar().actions() for a in _menu_actions(top.menu())]  # type: ignore[arg-type]
    for entry in COMMANDS.commands:
        assert listed.count(actions.action(entry.id)) == 1, entry.id


def test_the_welcome_page_opens_a_folder_the_demo_or_a_recent_folder(
    window: MainWindow, actions: Actions
) -> None:
    received: list[object] = []
    actions.on("file.open_folder", lambda: received.append("open"))
    actions.on("file.demo", lambda: received.append("demo"))
    window.recent_chosen.connect(received.append)
    window.set_recent([Path("/photos/apples"), Path("/photos/a & b")])
    assert window.on_welcome
    assert not any(dock.isVisible() for dock in window.docks.values())
    assert window.welcome.open_button.hasFocus()
    for button in (window.welcome.open_button, window.welcome.demo_button, window.welcome.recent_buttons[1]):
        QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    assert received == ["open", "demo", Path("/photos/a & b")]
    received.clear()
    window.menus.recent.actions()[0].trigger()
    assert received == [Path("/photos/apples")]
    assert actions.action("file.open_recent").isEnabled()
    window.set_recent([])
    assert not actions.action("file.open_recent").isEnabled()
    assert window.welcome.recent_buttons == []


def test_opening_shows_canvas_tools_and_panels(window: MainWindow, qtbot: QtBot) -> None:
    window.show_canvas()
    assert not window.on_welcome
    assert window.canvas.isVisible()
    assert window.canvas.hasFocus()
    assert window.tool_strip.isVisible()
    assert all(dock.isVisible() for dock in window.docks.values())
    qtbot.waitUntil(lambda: window.docks["labels"].width() >= 250)
    window.show_welcome()
    assert not window.canvas.isVisible()
    assert not window.tool_strip.isVisible()


def test_a_tool_button_invokes_its_command_and_shows_its_key(window: MainWindow, actions: Actions) -> None:
    window.show_canvas()
    actions.update({"image", "editable"})
    received: list[bool] = []
    actions.on("tool.polygon", received.append)
    button = window.tool_strip.buttons["tool.polygon"]
    assert button.key == "P"
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)
    assert received == [True]
    actions.rebind("tool.polygon", ["G"])
    assert button.key == "G"


def test_every_button_has_a_name_and_a_tooltip(window: MainWindow) -> None:
    window.show_canvas()
    for button in window.findChildren(QAbstractButton):
        if button.isVisible():
            assert button.accessibleName() or button.text(), button.objectName()
            assert button.toolTip() or button.text(), button.accessibleName()


def test_the_status_bar_shows_cursor_zoom_times_model_and_saving(window: MainWindow) -> None:
    bar = window.status
    window.set_cursor((812.54, 340.1))
    window.set_zoom(2.4)
    window.set_timing(41.2, 2.13)
    window.set_engine("MobileSAM · cuda fp16")
    window.set_saved("saved")
    window.set_hint("Click the object.")
    assert bar.cursor_field.text() == "x 812.5  y 340.1"
    assert bar.zoom_field.text() == "240%"
    assert (bar.encode_field.text(), bar.decode_field.text()) == ("encode 41 ms", "mask 2.1 ms")
    assert bar.engine_field.text() == "MobileSAM · cuda fp16"
    assert (bar.saved_field.text(), bar.saved_dot.state) == ("Saved", "good")
    assert bar.hint.hint == "Click the object."
    window.set_cursor(None)
    window.set_zoom(0.054)
    window.set_timing(1234.0, None, cached=True)
    window.set_saved("not saved")
    assert bar.cursor_field.text() == ""
    assert bar.zoom_field.text() == "5.4%"
    assert (bar.encode_field.text(), bar.decode_field.text()) == ("encode cached", "")
    assert bar.saved_dot.state == "bad"


def test_the_fields_do_not_move_while_their_values_change(window: MainWindow, qtbot: QtBot) -> None:
    window.show_canvas()
    places = []
    for point in ((1.0, 2.0), (12345.6, 9999.9), None):
        window.set_cursor(point)
        window.set_zoom(0.5 if point else 63.99)
        window.set_hint("short" if point else "long " * 80)
        window.status.layout().activate()
        places.append((window.status.zoom_field.x(), window.status.saved_dot.mapTo(window, QPoint(0, 0)).x()))
    assert len(set(places)) == 1


def test_the_model_button_shows_the_model_and_opens_the_dialog(window: MainWindow, actions: Actions) -> None:
    received: list[str] = []
    actions.on("model.choose", lambda: received.append("choose"))
    window.set_model_chip("MobileSAM · cpu fp32", "on 2 cores", "ok")
    chip = window.top_bar.chip
    assert chip.text().strip() == "MobileSAM · cpu fp32"
    assert chip.state == "good"
    assert chip.toolTip() == "on 2 cores"
    window.set_model_chip("Loading…", "", "busy")
    assert chip.state == "busy"
    QTest.mouseClick(chip, Qt.MouseButton.LeftButton)
    assert received == ["choose"]


def test_a_message_does_not_move_the_canvas(window: MainWindow, qtbot: QtBot) -> None:
    window.show_canvas()
    qtbot.wait(1)
    before = window.canvas.mapTo(window, QPoint(0, 0)), window.canvas.size()
    window.show_message("The disk is full.", "error", [("Retry", lambda: None)])
    qtbot.waitUntil(lambda: window.message_bar.isVisible() and window.message_bar.height() > 20)
    window.candidates.show()  # type: ignore[attr-defined]
    qtbot.wait(1)
    assert (window.canvas.mapTo(window, QPoint(0, 0)), window.canvas.size()) == before
    strip = window.candidates  # type: ignore[attr-defined]
    assert strip.geometry().bottom() < window.canvas.height()
    assert abs(strip.geometry().center().x() - window.canvas.rect().center().x()) <= 1


def test_the_read_only_message_is_shown_once_and_removed(window: MainWindow) -> None:
    window.set_read_only("Another samdesk has this folder open.")
    window.set_read_only("Another samdesk has this folder open.")
    assert window.message_bar.texts() == ["Another samdesk has this folder open."]
    window.set_read_only()
    assert window.message_bar.texts() == []


def _on_canvas(window: MainWindow) -> int:
    """How many pixels of the message bar lie on the canvas, from its lower edge."""
    canvas = window.canvas.rect().translated(window.canvas.mapTo(window, QPoint(0, 0)))
    return max(0, canvas.bottom() + 1 - window.message_bar.y())


LONG = "The labels of “street_1.txt” have 3 lines that are not YOLO segmentation lines: " * 3


@pytest.mark.parametrize("text", ["The disk is full.", LONG], ids=["short", "long"])
def test_messages_lie_beside_the_image(window: MainWindow, qtbot: QtBot, text: str) -> None:
    window.show_canvas()
    window.show_message(text, "error", [("Try again", lambda: None), ("Choose another place…", lambda: None)])
    window.show_message("And a second one.", "warning")
    bar = window.message_bar
    qtbot.waitUntil(lambda: bar.height() > 60)
    qtbot.waitUntil(lambda: _on_canvas(window) == 0)
    assert window.rect().contains(bar.geometry())
    window.run_bar.show()  # type: ignore[attr-defined]
    window.resize(1000, 700)
    qtbot.waitUntil(lambda: window.rect().contains(bar.geometry()) and _on_canvas(window) == 0)


def test_messages_leave_the_head_of_the_panel_below_free(window: MainWindow, qtbot: QtBot) -> None:
    window.show_canvas()
    for text, kind in (("One.", "info"), ("Two.", "warning")):
        window.show_message(text, kind)
    images, bar = window.docks["images"], window.message_bar
    qtbot.waitUntil(lambda: bar.height() > 60)
    head = images.mapTo(window, QPoint(0, 0)).y() + 64  # its title and the row of filters
    qtbot.waitUntil(lambda: bar.y() >= head)
    assert window.rect().contains(bar.geometry())


def test_the_image_alone_is_shown_and_everything_comes_back(window: MainWindow) -> None:
    window.show_canvas()
    window.docks["labels"].hide()
    bars = (window.top_bar, window.tool_strip, window.status)
    window.show_image_only(True)
    assert not window.panels_shown
    assert all(bar.isHidden() for bar in bars)
    assert window.menuBar().isVisible(), "the way back by mouse"
    window.show_image_only(False)
    assert all(bar.isVisible() for bar in bars)
    assert [name for name, dock in window.docks.items() if dock.isVisible()] == ["annotations", "images"]
    window.show_image_only(True)
    window.reset_layout()
    assert all(widget.isVisible() for widget in (*bars, *window.docks.values()))
    assert not window.image_only


def test_without_panels_a_message_reaches_over_the_margin_of_the_image_only(
    window: MainWindow, qtbot: QtBot
) -> None:
    window.show_canvas()
    window.show_panels(False)
    window.show_message("The disk is full.", "error")
    qtbot.waitUntil(lambda: 20 < window.message_bar.height() < 45)
    qtbot.waitUntil(lambda: window.rect().contains(window.message_bar.geometry()))
    assert _on_canvas(window) <= 12


def _drop(window: MainWindow, urls: list[QUrl]) -> bool:
    data = QMimeData()
    data.setUrls(urls)
    actions, button, key = Qt.DropAction.CopyAction, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier
    enter = QDragEnterEvent(QPoint(50, 50), actions, data, button, key)
    enter.ignore()
    window.dragEnterEvent(enter)
    if not enter.isAccepted():
        return False
    window.dropEvent(QDropEvent(QPointF(50, 50), actions, data, button, key))
    return True


def test_dropped_files_and_folders_are_emitted(window: MainWindow, tmp_path: Path) -> None:
    dropped: list[list[Path]] = []
    window.paths_dropped.connect(dropped.append)
    photo = tmp_path / "fünf & mehr.jpg"
    assert _drop(window, [QUrl.fromLocalFile(str(photo)), QUrl("https://example.org/x.jpg")])
    assert dropped == [[photo]]
    assert not _drop(window, [QUrl("https://example.org/x.jpg")])


def test_closing_can_be_refused(window: MainWindow) -> None:
    def stay(event: QCloseEvent) -> None:
        event.ignore()

    window.close_requested.connect(stay)
    assert not window.close()
    assert window.isVisible()
    window.close_requested.disconnect(stay)
    assert window.close()


def _window(qtbot: QtBot, settings: Settings) -> MainWindow:
    panels = [QListWidget() for _ in range(3)]
    window = MainWindow(Actions(COMMANDS, settings), settings, QWidget(), *panels)
    qtbot.addWidget(window)
    window.show()
    qtbot.waitExposed(window)
    return window


def test_the_layout_is_restored_after_a_restart(qtbot: QtBot, settings: Settings) -> None:
    first = _window(qtbot, settings)
    first.resize(711, 602)
    first.show_canvas()
    first.docks["labels"].set_collapsed(True)
    first.docks["images"].close()
    qtbot.waitUntil(lambda: first.docks["labels"].height() <= 40)
    first.close()
    second = _window(qtbot, Settings(settings.path))
    assert (second.width(), second.height()) == (711, 602)
    second.show_canvas()
    assert second.docks["labels"].collapsed
    assert not second.docks["images"].isVisible()
    assert second.docks["annotations"].isVisible()


def test_closing_on_the_welcome_page_keeps_the_layout_of_the_canvas(qtbot: QtBot, settings: Settings) -> None:
    first = _window(qtbot, settings)
    first.show_canvas()
    first.docks["images"].close()
    first.show_welcome()
    first.close()
    second = _window(qtbot, Settings(settings.path))
    second.show_canvas()
    assert not second.docks["images"].isVisible()
    assert second.docks["labels"].isVisible()


def test_a_panel_collapses_to_its_title_and_expands_again(window: MainWindow, qtbot: QtBot) -> None:
    window.show_canvas()
    dock = window.docks["labels"]
    qtbot.waitUntil(lambda: 200 < dock.height() < window.docks["annotations"].height())
    before = dock.height()
    dock.set_collapsed(True)
    qtbot.waitUntil(lambda: dock.height() <= 40)
    assert not dock.widget().isVisible()
    dock.set_collapsed(False)
    qtbot.waitUntil(lambda: abs(dock.height() - before) < 40)
    assert dock.widget().isVisible()


@pytest.mark.parametrize("stored", ["", "rubbish", "AAAA"])
def test_a_broken_layout_is_ignored(qtbot: QtBot, settings: Settings, stored: str) -> None:
    settings.set("window.geometry", stored)
    settings.set("window.docks", stored)
    settings.set("window.collapsed", [3, "nowhere"])
    window = _window(qtbot, settings)
    window.show_canvas()
    assert window.docks["labels"].isVisible()


def test_the_shell_starts_without_importing_torch_or_qtawesome(tmp_path: Path) -> None:
    script = """
import sys
from pathlib import Path
from PySide6.QtWidgets import QApplication, QWidget
app = QApplication([])
from samdesk.settings.table import Settings
from samdesk.ui.auto_annotate import commands as auto_annotate
from samdesk.ui.canvas import commands as canvas
from samdesk.ui.commands.actions import Actions
from samdesk.ui.commands.table import join
from samdesk.ui.dataset import commands as dataset
from samdesk.ui.editing import commands as editing
from samdesk.ui.kit.theme import Theme
from samdesk.ui.models import commands as models
from samdesk.ui.prompting import commands as prompting
from samdesk.ui.review import commands as review
from samdesk.ui.shell import commands as shell
from samdesk.ui.shell.main_window import MainWindow
settings = Settings(Path(sys.argv[1]))
theme = Theme(app)
features = (auto_annotate, canvas, dataset, editing, models, prompting, review, shell)
actions = Actions(join(feature.COMMANDS for feature in features), settings)
window = MainWindow(actions, settings, QWidget(), QWidget(), QWidget(), QWidget())
window.show()
app.processEvents()
heavy = {"torch", "ultralytics", "torchvision", "qtawesome", "cv2"} & sys.modules.keys()
assert not heavy, heavy
"""
    environment = {**os.environ, "QT_QPA_PLATFORM": "offscreen"}
    subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "s.json")], check=True, env=environment, timeout=60
    )


MOVE, COPY, LINK = Qt.DropAction.MoveAction, Qt.DropAction.CopyAction, Qt.DropAction.LinkAction


@pytest.mark.parametrize(
    ("offered", "accepted"), [(MOVE | COPY | LINK, COPY), (MOVE | LINK, LINK), (COPY, COPY), (MOVE, None)]
)
def test_a_drop_is_never_a_move(
    window: MainWindow, tmp_path: Path, offered: Qt.DropAction, accepted: Qt.DropAction | None
) -> None:
    """The file manager deletes the files of a move; with Shift held it proposes one."""
    dropped: list[list[Path]] = []
    window.paths_dropped.connect(dropped.append)
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(tmp_path / "a.jpg"))])
    button, shift = Qt.MouseButton.LeftButton, Qt.KeyboardModifier.ShiftModifier
    enter = QDragEnterEvent(QPoint(50, 50), offered, data, button, shift)
    QApplication.sendEvent(window, enter)
    assert enter.isAccepted() is (accepted is not None)
    if accepted is None:
        return
    move = QDragMoveEvent(QPoint(60, 50), offered, data, button, shift)
    drop = QDropEvent(QPointF(60, 50), offered, data, button, shift)
    for event in (move, drop):
        QApplication.sendEvent(window, event)
        assert event.isAccepted()
        assert event.dropAction() == accepted
    assert dropped == [[tmp_path / "a.jpg"]]


def test_a_text_field_leaves_a_dropped_file_to_the_window(window: MainWindow) -> None:
    window.show_canvas()
    assert not any(field.acceptDrops() for field in window.findChildren(QLineEdit))


def test_a_key_hides_all_panels_and_shows_those_again_that_were_shown(
    window: MainWindow, actions: Actions, qtbot: QtBot
) -> None:
    window.show_canvas()
    window.docks["labels"].close()
    actions.on("view.panels", window.show_panels)
    actions.update({"folder"})
    wide = window.canvas.width()
    qtbot.keyClick(window.canvas, Qt.Key.Key_F9)
    assert not any(dock.isVisible() for dock in window.docks.values())
    qtbot.waitUntil(lambda: window.canvas.width() > wide + 100)
    assert window.tool_strip.isVisible()
    qtbot.keyClick(window.canvas, Qt.Key.Key_F9)
    assert [name for name, dock in window.docks.items() if dock.isVisible()] == ["annotations", "images"]


def test_hidden_panels_are_back_at_the_next_start(qtbot: QtBot, settings: Settings) -> None:
    first = _window(qtbot, settings)
    first.show_canvas()
    first.docks["labels"].close()
    first.show_panels(False)
    first.close()
    second = _window(qtbot, Settings(settings.path))
    second.show_canvas()
    assert [name for name, dock in second.docks.items() if dock.isVisible()] == ["annotations", "images"]


def test_resetting_the_layout_puts_every_panel_back(window: MainWindow, qtbot: QtBot) -> None:
    window.show_canvas()
    places = {name: window.dockWidgetArea(dock) for name, dock in window.docks.items()}
    qtbot.waitUntil(lambda: 200 < window.docks["labels"].height() < window.docks["annotations"].height())
    sizes = {name: dock.size() for name, dock in window.docks.items()}
    window.docks["labels"].set_collapsed(True)
    window.docks["annotations"].setFloating(True)
    window.addDockWidget(Qt.DockWidgetArea.LeftDockWidgetArea, window.docks["images"])
    window.show_panels(False)
    window.reset_layout()
    assert {name: window.dockWidgetArea(dock) for name, dock in window.docks.items()} == places
    for dock in window.docks.values():
        assert dock.isVisible()
        assert not dock.isFloating()
        assert not dock.collapsed
    qtbot.waitUntil(lambda: {name: dock.size() for name, dock in window.docks.items()} == sizes)


def test_full_screen_and_back(window: MainWindow, actions: Actions, qtbot: QtBot) -> None:
    window.show_canvas()
    actions.on("view.full_screen", window.set_full_screen)
    qtbot.keyClick(window.canvas, Qt.Key.Key_F11)
    assert window.isFullScreen()
    qtbot.keyClick(window.canvas, Qt.Key.Key_F11)
    assert not window.isFullScreen()
