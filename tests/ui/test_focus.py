"""Where the keyboard is: on the canvas, after every button and every dialog of the real window."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtGui import QColor, QPalette
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QApplication,
    QComboBox,
    QDialog,
    QLineEdit,
    QPushButton,
    QWidget,
)

from samdesk.settings.table import THEME
from samdesk.ui.kit.messages import Messages
from tests.e2e.conftest import OpenWindow
from tests.helpers.desk import CONTROL, SHIFT, User, photos

K = Qt.Key
DIALOGS = (
    "edit.settings", "edit.shortcuts", "help.shortcuts", "help.diagnostics", "help.about", "model.choose",
    "model.info", "run.auto_annotate", "run.history", "teach.start", "search.saved", "statistics.show",
    "image.split", "image.what_trains", "file.import", "file.export", "fit.start",
)  # fmt: skip
"""Every command that opens a dialog of its own; the others ask through ``Messages``."""
HARMLESS = {"Close", "Cancel", "OK", "Teach", "Start", "Split", "Preview", "Export", "Train"}
"""Default buttons that rewrite nothing; Teach only reads the images and labels, and Start is the default only
of a run that replaces no annotations. Split can be undone; Export and Train write to new folders."""


def press(user: User, key: K, modifiers: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    """Presses a key on the window, which gives it to the widget that has the keyboard."""
    handle = user.window.windowHandle()
    assert handle is not None
    QTest.keyClick(handle, key, modifiers)


def take(user: User, widget: QWidget) -> None:
    """Moves the keyboard to a widget as Tab does."""
    activate(user)
    widget.setFocus(Qt.FocusReason.TabFocusReason)
    assert widget.hasFocus(), widget


def activate(user: User) -> None:
    """Does what a window manager does when a dialog has closed."""
    user.window.activateWindow()
    user.until(user.window.isActiveWindow)


def dialog_of(user: User) -> QDialog | None:
    return next((d for d in user.window.findChildren(QDialog) if d.isVisible()), None)


@pytest.fixture
def crowded(user: User) -> User:
    """A window that shows everything that has buttons: messages, both job bars, annotations, labels."""
    user.add_labels("cat", "dog")
    user.draw(80, 120)
    user.window.show_message("The disk is full.", "error", [("Try again", lambda: None)])
    for bar in (user.desk.view.batch_bar, user.desk.view.teach_bar):
        bar.show()
    user.canvas.setFocus()
    return user


def pressable(user: User) -> list[QWidget]:
    """The buttons and drop-down lists on screen."""
    kinds = (QAbstractButton, QComboBox)
    inside = [w for w in user.window.findChildren(QWidget) if isinstance(w, kinds) and w.isVisible()]
    found = [w for w in inside if w.window() is user.window and not isinstance(w.parent(), QLineEdit)]
    assert len(found) > 30
    return found


def test_a_click_on_a_button_leaves_the_keyboard_on_the_canvas(crowded: User) -> None:
    for button in pressable(crowded):
        assert not button.focusPolicy() & Qt.FocusPolicy.ClickFocus, button.accessibleName()
        if isinstance(button, QAbstractButton):  # released elsewhere, so that nothing is opened
            QTest.mousePress(button, Qt.MouseButton.LeftButton)
            assert crowded.canvas.hasFocus(), button.accessibleName() or button.text()
            QTest.mouseRelease(button, Qt.MouseButton.LeftButton, pos=QPoint(-5000, -5000))


def test_every_button_is_reached_by_tab(crowded: User) -> None:
    for button in pressable(crowded):
        assert button.focusPolicy() & Qt.FocusPolicy.TabFocus, button.accessibleName()


@pytest.mark.parametrize("tool", [K.Key_S, K.Key_V, K.Key_P])
def test_ctrl_tab_leaves_the_canvas_with_any_tool_and_esc_returns(crowded: User, tool: K) -> None:
    for key, keys in ((K.Key_Tab, CONTROL), (K.Key_Backtab, CONTROL | SHIFT)):
        crowded.key(tool)
        press(crowded, key, keys)
        assert not crowded.canvas.hasFocus()
        press(crowded, K.Key_Escape)
        assert crowded.canvas.hasFocus()


def test_space_is_a_key_of_the_canvas_whatever_has_the_keyboard(crowded: User) -> None:
    lists = [v for v in crowded.window.findChildren(QAbstractItemView) if v.isVisible()]
    assert len(lists) == 3
    for widget in [*pressable(crowded), *lists]:
        if not widget.isEnabled():
            continue
        clicked: list[bool] = []
        if isinstance(widget, QAbstractButton):
            widget.clicked.connect(clicked.append)
        take(crowded, widget)
        press(crowded, K.Key_Space)
        assert crowded.canvas.hasFocus(), widget.accessibleName()
        assert not clicked, widget.accessibleName()
        assert dialog_of(crowded) is None
        assert QApplication.activePopupWidget() is None
    assert not any(dock.collapsed for dock in crowded.window.docks.values())
    assert crowded.answers.asked == []


def test_space_accepts_the_mask_also_from_a_list(crowded: User) -> None:
    crowded.key(K.Key_S)
    crowded.click(240, 120)
    take(crowded, crowded.desk.view.annotations.view)
    press(crowded, K.Key_Space)
    crowded.until(lambda: len(crowded.annotations) == 2)


def test_space_pans_with_a_drag_also_from_a_list(crowded: User) -> None:
    before = crowded.canvas.to_widget(0, 0)
    take(crowded, crowded.desk.view.labels.view)
    handle = crowded.window.windowHandle()
    assert handle is not None
    QTest.keyPress(handle, K.Key_Space)
    crowded.mouse.drag((100, 100), (130, 120))
    QTest.keyRelease(handle, K.Key_Space)
    assert crowded.canvas.to_widget(0, 0) != before
    assert len(crowded.annotations) == 1, "no prompt was placed"


def test_enter_presses_a_button_reached_by_tab(crowded: User) -> None:
    strip, tools = crowded.window.tool_strip, crowded.desk.flows.tools
    take(crowded, strip.buttons["tool.polygon"])
    press(crowded, K.Key_Return)
    assert crowded.canvas.tool is tools.toolbox.tool("polygon")
    dock = crowded.window.docks["labels"]
    take(crowded, dock.titleBarWidget().arrow)  # type: ignore[attr-defined]
    press(crowded, K.Key_Enter)
    assert dock.collapsed, "a panel is folded by Enter on its arrow only"


@pytest.mark.parametrize("key", [K.Key_Return, K.Key_Space])
def test_on_the_welcome_page_enter_and_space_press_the_button(open_window: OpenWindow, key: K) -> None:
    user = open_window()
    activate(user)
    assert user.window.welcome.open_button.hasFocus()
    press(user, key)
    assert user.answers.asked == ["Open a folder of images"]


def test_the_keyboard_returns_when_a_message_is_answered(crowded: User) -> None:
    answered: list[bool] = []
    for key in (None, K.Key_Return):
        crowded.window.show_message("Again?", "warning", [("Yes", lambda: answered.append(True))], "again")
        (row,) = [row for row in crowded.window.message_bar.rows if row.text == "Again?"]
        crowded.until(row.buttons[0].isVisible)
        if key is None:
            crowded.qtbot.mouseClick(row.buttons[0], Qt.MouseButton.LeftButton)
        else:
            take(crowded, row.buttons[0])
            press(crowded, key)
        assert crowded.canvas.hasFocus()
    assert answered == [True, True]


def test_the_keyboard_returns_when_a_run_has_ended(crowded: User) -> None:
    bar = crowded.desk.view.batch_bar
    take(crowded, bar.stop)
    bar.end()
    assert crowded.canvas.hasFocus()
    bar.show()
    take(crowded, bar.stop)
    bar.stop.setEnabled(False)  # "Stopping…"
    assert crowded.canvas.hasFocus()


def test_the_keyboard_returns_when_its_panel_is_folded_or_closed(crowded: User) -> None:
    crowded.key(K.Key_V)
    take(crowded, crowded.desk.view.annotations.view)
    crowded.window.docks["annotations"].set_collapsed(True)
    assert crowded.canvas.hasFocus()
    take(crowded, crowded.desk.view.images.view)
    crowded.window.docks["images"].close()
    assert crowded.canvas.hasFocus()


def test_enter_and_esc_leave_every_text_field(crowded: User) -> None:
    fields = [f for f in crowded.window.findChildren(QLineEdit) if f.isVisible()]
    assert {f.accessibleName() for f in fields} == {"New label's name", "Find images and annotations"}
    for field in fields:
        take(crowded, field)
        QTest.keyClicks(field, "b")
        press(crowded, K.Key_Return)
        assert crowded.canvas.hasFocus(), "Enter keeps the text"
        kept = field.text()
        take(crowded, field)
        field.end(False)
        QTest.keyClicks(field, "e d")
        assert field.text() == f"{kept}e d", "letters and Space are text here"
        press(crowded, K.Key_Escape)
        restored = "" if field is crowded.desk.view.search.field else kept  # which shows all images again
        assert (field.text(), crowded.canvas.hasFocus()) == (restored, True), "Esc restores it"
    assert crowded.desk.session.model.labels.names == ("cat", "dog", "b")


def test_esc_leaves_lists_and_buttons_but_discards_a_mask_first(crowded: User) -> None:
    lists = [v for v in crowded.window.findChildren(QAbstractItemView) if v.isVisible()]
    for widget in [*lists, crowded.window.tool_strip.buttons["tool.polygon"]]:
        take(crowded, widget)
        press(crowded, K.Key_Escape)
        assert crowded.canvas.hasFocus(), widget.accessibleName()
    crowded.key(K.Key_S)
    crowded.click(240, 120)
    take(crowded, lists[0])
    press(crowded, K.Key_Escape)
    assert not crowded.proposed_at(240, 120)
    assert lists[0].hasFocus()


@pytest.mark.parametrize(("key", "name"), [(K.Key_Return, "lynx"), (K.Key_Escape, "cat")])
def test_enter_and_esc_leave_the_editor_of_a_label(crowded: User, key: K, name: str) -> None:
    view = crowded.desk.view.labels.view
    crowded.key(K.Key_1)
    crowded.key(K.Key_F2)
    (editor,) = view.viewport().findChildren(QLineEdit)
    assert editor.hasFocus()
    editor.selectAll()
    QTest.keyClicks(editor, "lynx")
    QTest.keyClick(editor, key)
    crowded.until(crowded.canvas.hasFocus)  # the list closes its editor in its own time
    assert crowded.desk.session.model.labels.names[0] == name


def test_enter_leaves_the_field_of_a_floating_panel(crowded: User) -> None:
    dock, field = crowded.window.docks["labels"], crowded.desk.view.labels.new_name
    dock.setFloating(True)
    crowded.until(dock.isVisible)
    dock.activateWindow()
    crowded.until(dock.isActiveWindow)
    field.setFocus()
    QTest.keyClicks(field, "fox")
    handle = dock.windowHandle()
    assert handle is not None
    QTest.keyClick(handle, K.Key_Return)
    crowded.until(crowded.canvas.hasFocus)
    assert crowded.window.isActiveWindow()
    assert crowded.desk.session.model.labels.names == ("cat", "dog", "fox")


def test_the_keyboard_is_on_the_canvas_of_a_folder_opened_from_a_text_field(
    crowded: User, tmp_path: Path
) -> None:
    other = photos(tmp_path / "other")
    crowded.answers.folder = other
    take(crowded, crowded.desk.view.search.field)
    press(crowded, K.Key_O, CONTROL)
    crowded.until(lambda: crowded.desk.flows.files.info.folder == other.resolve())  # type: ignore[union-attr]
    assert crowded.canvas.hasFocus()


def default_of(dialog: QDialog) -> str:
    """The text of the button that Enter presses; empty if there is none."""
    return next((b.text() for b in dialog.findChildren(QPushButton) if b.isDefault() and b.isVisible()), "")


@pytest.mark.parametrize("command", DIALOGS)
def test_a_dialog_gives_the_keyboard_back_and_its_default_is_harmless(user: User, command: str) -> None:
    user.until(lambda: user.is_enabled(command))
    take(user, user.desk.view.images.view)
    user.desk.view.actions.action(command).trigger()
    user.until(lambda: dialog_of(user) is not None)
    dialog = dialog_of(user)
    assert dialog is not None
    dialog.activateWindow()
    user.until(dialog.isActiveWindow)
    assert default_of(dialog).replace("&", "") in HARMLESS | {""}
    QTest.keyClick(dialog, K.Key_Escape)
    activate(user)
    user.until(user.canvas.hasFocus)
    user.desk.flows.help.stop()


def test_a_dialog_of_the_desktop_gives_the_keyboard_back_too(user: User) -> None:
    take(user, user.desk.view.search.field)
    dialog = QDialog(user.window)
    dialog.setAttribute(Qt.WidgetAttribute.WA_DontShowOnScreen)  # as Qt does behind a native dialog
    dialog.setModal(True)
    dialog.show()
    assert not user.canvas.hasFocus()
    dialog.close()
    assert user.canvas.hasFocus()


def test_no_other_command_opens_a_dialog(user: User) -> None:
    with_dialog = {c.id for c in user.desk.view.actions.commands if c.title.endswith("…")}
    asks = {
        "review.rest",
        "file.open_folder",
        "file.open_video",
        "labels.recolor",
        "labels.delete",
        "teach.export",
        "teach.bring",
        "fit.results",  # if there are any
    }
    silent = {"help.shortcuts", "help.diagnostics", "help.about", "model.info"}
    assert with_dialog - asks <= set(DIALOGS) == (with_dialog - asks) | silent


def ask(user: User, question: Callable[[Messages], object], key: K) -> tuple[object, str]:
    """Answers a real question with a key; returns the answer and the default button."""
    messages, seen = Messages(user.window, user.window.message_bar), []

    def answer() -> None:
        dialog = QApplication.activeModalWidget()
        assert isinstance(dialog, QDialog)
        dialog.activateWindow()
        seen.append(default_of(dialog).replace("&", ""))
        QTest.keyClick(dialog.focusWidget() or dialog, key)

    QTimer.singleShot(50, answer)
    return question(messages), seen[0]


@pytest.mark.parametrize("key", [K.Key_Return, K.Key_Escape])
@pytest.mark.parametrize(
    ("question", "refused"),
    [
        (lambda messages: messages.confirm("Change class ids?", "All.", action="Move and rewrite"), False),
        (lambda messages: messages.confirm("Leave?", "Lost.", action="Leave", danger=True), False),
        (lambda messages: messages.choose_item("Replace label", "Used.", ["cat", "dog"]), None),
    ],
    ids=["confirm", "danger", "item"],
)
def test_enter_and_esc_refuse_a_question(
    user: User, question: Callable[[Messages], object], refused: object, key: K
) -> None:
    take(user, user.desk.view.images.view)
    assert ask(user, question, key) == (refused, "Cancel")
    activate(user)
    assert user.canvas.hasFocus()


def test_enter_starts_no_run_that_replaces_annotations(user: User) -> None:
    user.key(K.Key_B, CONTROL)
    dialog = dialog_of(user)
    assert dialog is not None
    dialog.policies["replace"].click()  # type: ignore[attr-defined]
    started: list[object] = []
    dialog.started.connect(started.append)  # type: ignore[attr-defined]
    start = dialog.start_button  # type: ignore[attr-defined]
    user.until(start.isEnabled)
    fields = [field for field in dialog.findChildren(QWidget) if not isinstance(field, QPushButton)]
    for field in fields:
        if field.isVisible() and field.focusPolicy() & Qt.FocusPolicy.TabFocus:
            QTest.keyClick(field, K.Key_Return)
            assert dialog.isVisible(), field
    assert started == []
    dialog.reject()


@pytest.mark.parametrize("theme", ["light", "dark"])
def test_a_list_with_the_keyboard_has_a_frame(crowded: User, theme: str) -> None:
    crowded.desk.settings.set(THEME, theme)
    lists = [v for v in crowded.window.findChildren(QAbstractItemView) if v.isVisible()]
    assert len(lists) == 3
    for view in lists:
        accent = view.palette().color(QPalette.ColorRole.Highlight)
        corners = (QPoint(30, 0), QPoint(view.viewport().width() - 1, view.viewport().height() - 2))
        crowded.canvas.setFocus()
        assert accent not in pixels(view, corners)
        take(crowded, view)
        assert pixels(view, corners) == [accent, accent], view.accessibleName()


def pixels(view: QAbstractItemView, places: tuple[QPoint, ...]) -> list[QColor]:
    shown = view.viewport().grab().toImage()
    return [shown.pixelColor(place) for place in places]
