"""Starting where one left off, without the welcome page."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from samdesk.settings.table import REOPEN_LAST
from tests.e2e.conftest import OpenWindow
from tests.helpers.desk import User


@pytest.fixture
def restart(open_window: OpenWindow) -> Callable[[], User]:
    """Starts samdesk again as the command ``samdesk`` does."""

    def start_again() -> User:
        user = open_window()
        user.desk.start([], reopen=True)
        return user

    return start_again


def test_the_last_folder_and_image_are_opened(user: User, restart: Callable[[], User]) -> None:
    user.go("2.png")
    user.close_window()
    later = restart()
    assert not later.window.on_welcome, "not even for a moment"
    later.until(lambda: later.shown == "2.png")


def test_the_label_used_last_is_current_again(user: User, restart: Callable[[], User]) -> None:
    user.add_labels("person", "tie", "dog")
    user.key(Qt.Key.Key_2)
    user.close_window()
    later = restart()
    later.until(lambda: later.desk.session.model.document is not None)
    later.draw(60, 60)
    assert later.names == ["tie"]
    later.until_saved()


def test_the_first_start_shows_the_welcome_page(restart: Callable[[], User]) -> None:
    assert restart().window.on_welcome


def test_a_folder_that_is_gone_is_told_on_the_welcome_page(
    user: User, folder: Path, restart: Callable[[], User]
) -> None:
    user.close_window()
    folder.rename(folder.with_name("elsewhere"))
    later = restart()
    later.until(lambda: later.window.on_welcome)
    assert str(folder) in later.message_text
    assert later.window.welcome.open_button.hasFocus()
    assert "Open another folder…" in later.buttons


def test_it_is_a_setting(user: User, restart: Callable[[], User]) -> None:
    user.desk.settings.set(REOPEN_LAST, False)
    user.close_window()
    assert restart().window.on_welcome


def test_a_folder_on_the_command_line_comes_first(
    user: User, open_window: OpenWindow, tmp_path: Path, qtbot: QtBot, qapp: QApplication
) -> None:
    user.close_window()
    later = open_window()
    gone = tmp_path / "gone"
    later.desk.start([gone], reopen=True)
    later.until(lambda: "neither a folder, an image nor a video" in later.message_text)
    assert later.window.on_welcome
    assert later.desk.flows.files.info is None
