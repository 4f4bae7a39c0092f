from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QPoint, Qt, QTimer
from PySide6.QtGui import QCursor
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QMessageBox, QPushButton, QWidget
from pytestqt.qtbot import QtBot

from samdesk.ui.kit.message_bar import LIMIT, MessageBar
from samdesk.ui.kit.messages import Messages
from samdesk.ui.kit.overlay import BelowOverlay


@pytest.fixture
def bar(qtbot: QtBot) -> Iterator[MessageBar]:
    holder = QWidget()
    qtbot.addWidget(holder)
    made = MessageBar(holder)
    holder.show()
    yield made
    holder.hide()


def _press(bar: MessageBar, row: int, title: str) -> None:
    button = next(b for b in bar.rows[row].findChildren(QPushButton) if b.text() == title)
    QTest.mouseClick(button, Qt.MouseButton.LeftButton)


def test_the_bar_hides_when_there_is_nothing_to_say(bar: MessageBar) -> None:
    assert not bar.isVisible()
    bar.show_message("Saved.")
    assert bar.isVisible()
    bar.clear()
    assert not bar.isVisible()


def test_an_action_runs_once_and_dismisses(bar: MessageBar) -> None:
    heard: list[str] = []
    bar.show_message("Deleted 3 annotations.", actions=[("Undo", lambda: heard.append("undo"))])
    _press(bar, 0, "Undo")
    assert heard == ["undo"]
    assert bar.texts() == []


def test_messages_with_the_same_key_replace_each_other(bar: MessageBar) -> None:
    heard: list[int] = []
    for number in (1, 2):
        show = ("Show", lambda n=number: heard.append(n))
        bar.show_message(f"{number} failed.", "warning", [show], key="failed")
    bar.show_message("Same words.")
    bar.show_message("Same words.")
    assert bar.texts() == ["2 failed.", "Same words."]
    _press(bar, 0, "Show")
    assert heard == [2]


def test_a_button_stays_under_the_mouse_while_the_text_goes_on(bar: MessageBar) -> None:
    heard: list[int] = []
    bar.show_message("10%", actions=[("Stop", lambda: heard.append(10))], key="job")
    button = bar.rows[0].buttons[0]
    QTest.mousePress(button, Qt.MouseButton.LeftButton)
    bar.show_message("20%", actions=[("Stop", lambda: heard.append(20))], key="job")
    QTest.mouseRelease(button, Qt.MouseButton.LeftButton)
    assert heard == [20]


def test_a_question_does_not_move_when_another_message_goes(bar: MessageBar) -> None:
    bar.show_message("1 label file changed.", seconds=60)
    bar.show_message("Which one?", "warning", [("Mine", print), ("The file", print)], key="question")
    bar.show_message("Saved.", seconds=60)
    holder = bar.parentWidget()
    holder.resize(600, 300)
    part = QWidget(holder)
    part.setGeometry(0, 0, 600, 50)
    overlay = BelowOverlay(holder, bar, part, 600)
    QApplication.processEvents()
    overlay.place()
    button = next(b for b in bar.findChildren(QPushButton) if b.text() == "The file")
    before = button.mapTo(holder, QPoint(0, 0))
    bar.dismiss("1 label file changed.")
    bar.dismiss("Saved.")
    QApplication.processEvents()
    overlay.place()
    QApplication.processEvents()
    moved = button.mapTo(holder, QPoint(0, 0)) - before
    assert (moved.x(), abs(moved.y()) <= 2) == (0, True), "but for a rounding of the layout"


def test_a_key_can_change_its_kind_and_actions_in_place(bar: MessageBar) -> None:
    bar.show_message("Saving…", key="save")
    bar.show_message("Other.", key="other")
    bar.show_message("Not saved.", "error", [("Retry", lambda: None)], key="save")
    assert bar.texts() == ["Not saved.", "Other."]
    assert bar.rows[0].kind == "error"


def test_at_most_three_and_the_mildest_oldest_gives_way(bar: MessageBar) -> None:
    bar.show_message("error", "error")
    bar.show_message("info one", "info")
    bar.show_message("warning", "warning")
    bar.show_message("info two", "info")
    assert bar.texts() == ["error", "warning", "info two"]
    bar.show_message("error two", "error")
    assert bar.texts() == ["error", "warning", "error two"]
    assert len(bar.rows) == LIMIT


def test_quiet_ones_go_by_themselves_and_failures_stay(bar: MessageBar, qtbot: QtBot) -> None:
    before = QCursor.pos()
    QCursor.setPos(2000, 2000)  # the mouse on a message would keep it
    bar.show_message("It failed.", "error")
    bar.show_message("Saved.", seconds=0.01)
    qtbot.waitUntil(lambda: bar.texts() == ["It failed."])
    QCursor.setPos(before)


def test_a_warning_without_an_action_goes_by_itself_or_with_the_next_image(bar: MessageBar) -> None:
    bar.show_message("The image is small.", "warning")
    bar.show_message("3 lines are bad.", "warning", [("Show file", lambda: None)])
    bar.show_message("It failed.", "error")
    assert [row.closes_by_itself for row in bar.rows] == [True, False, False]
    bar.leave_image()
    assert bar.texts() == ["3 lines are bad.", "It failed."]


def test_a_click_for_a_message_that_has_just_gone_hits_nothing_else(bar: MessageBar, qtbot: QtBot) -> None:
    """Neither what is below the messages nor the message that moves into its place."""
    heard: list[str] = []
    holder = bar.parentWidget()
    holder.resize(600, 200)
    behind = QPushButton("behind", holder)
    behind.setGeometry(holder.rect())
    behind.clicked.connect(lambda: heard.append("behind"))
    behind.show()
    bar.show_message("First.", actions=[("Undo", lambda: heard.append("first"))], key="first")
    bar.show_message("Second.", actions=[("Undo", lambda: heard.append("second"))], key="second")
    part = QWidget(holder)
    part.setGeometry(50, 0, 450, 50)
    part.show()
    BelowOverlay(holder, bar, part, 400)
    QApplication.processEvents()
    window = holder.windowHandle()
    place = bar.rows[0].buttons[0].mapTo(holder, bar.rows[0].buttons[0].rect().center())
    bar.dismiss("first")
    QApplication.processEvents()
    second = bar.rows[0].buttons[0]
    assert second.rect().contains(second.mapFrom(holder, place)), "it has moved there"
    QTest.mouseClick(window, Qt.MouseButton.LeftButton, pos=place)
    assert heard == []
    qtbot.waitUntil(lambda: holder.findChild(QWidget, "shield") is None)
    QTest.mouseClick(window, Qt.MouseButton.LeftButton, pos=QPoint(10, 190))
    assert heard == ["behind"]


def test_text_is_shown_as_it_is(bar: MessageBar) -> None:
    bar.show_message("<b>a&b</b>.txt is bad", "warning")
    label = bar.rows[0].findChildren(type(bar.rows[0]._label))
    assert any(found.text() == "<b>a&b</b>.txt is bad" for found in label)
    assert bar.rows[0]._label.textFormat() is Qt.TextFormat.PlainText


def test_messages_are_shown_in_the_bar(bar: MessageBar) -> None:
    messages = Messages(None, bar)
    messages.info("i")
    messages.warn("w", key="k", actions=[("Do", lambda: None)])
    messages.error("e")
    assert [(row.text, row.kind) for row in bar.rows] == [("i", "info"), ("w", "warning"), ("e", "error")]
    messages.dismiss("k")
    assert bar.texts() == ["i", "e"]
    Messages().info("nobody listens")


@pytest.mark.parametrize(("pressed", "expected"), [("Delete", True), ("Cancel", False)])
def test_confirming_names_what_will_be_done(qapp: QApplication, pressed: str, expected: bool) -> None:
    seen: list[str] = []

    def answer() -> None:
        box = QApplication.activeModalWidget()
        assert isinstance(box, QMessageBox)
        seen.append(box.informativeText())
        default = box.defaultButton()
        seen.append(default.text().replace("&", ""))
        next(b for b in box.buttons() if b.text().replace("&", "") == pressed).click()

    QTimer.singleShot(0, answer)
    assert Messages().confirm("Delete label?", "It is used.", action="Delete", danger=True) is expected
    assert seen == ["It is used.", "Cancel"]
