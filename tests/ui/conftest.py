"""Fixtures: the parts of the window, and the whole window."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QApplication, QLabel, QLineEdit, QListWidget, QVBoxLayout, QWidget
from pytestqt.qtbot import QtBot

from samdesk.settings.table import Settings
from samdesk.ui.commands.actions import Actions
from samdesk.ui.shell.main_window import MainWindow
from samdesk.ui.wiring import COMMANDS
from tests.e2e.conftest import folder, open_window, user

__all__ = ["folder", "open_window", "user"]

ALL = frozenset(condition.id for condition in COMMANDS.conditions) - {"running"}
"""Every condition except that auto-annotate is running."""


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    return Settings(tmp_path / "settings.json", save_delay=0)


@pytest.fixture
def actions(qapp: QApplication, settings: Settings) -> Actions:
    return Actions(COMMANDS, settings)


class Panel(QWidget):
    """A panel with a text field and a list."""

    def __init__(self) -> None:
        super().__init__()
        self.field, self.list = QLineEdit(), QListWidget()
        self.list.addItems(["one", "two", "three"])
        layout = QVBoxLayout(self)
        layout.addWidget(self.field)
        layout.addWidget(self.list)


@pytest.fixture
def window(qtbot: QtBot, actions: Actions, settings: Settings) -> MainWindow:
    canvas = QWidget()
    canvas.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    strip, run_bar = QLabel("candidates"), QLabel("42 of 100")
    strip.hide()
    run_bar.hide()
    made = MainWindow(actions, settings, canvas, Panel(), QListWidget(), QListWidget(), strip, run_bar)
    made.candidates, made.run_bar = strip, run_bar  # type: ignore[attr-defined]
    made.resize(1200, 800)
    qtbot.addWidget(made)
    made.show()
    qtbot.waitExposed(made)
    made.activateWindow()
    qtbot.waitUntil(made.isActiveWindow)
    return made
