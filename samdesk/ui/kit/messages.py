"""The one door to everything that is said to or asked of the user, replaceable in tests."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QColorDialog,
    QFileDialog,
    QGridLayout,
    QInputDialog,
    QMessageBox,
    QSpacerItem,
    QWidget,
)

from samdesk.ui.kit.message_bar import Action, MessageBar

_QUESTION_WIDTH = 400


class Messages:
    """Tells in the quiet bar, asks in dialogs."""

    def __init__(self, parent: QWidget | None = None, bar: MessageBar | None = None) -> None:
        """What to open dialogs over, and where to tell.

        Args:
            parent: The window dialogs belong to.
            bar: Where ``info``, ``warn`` and ``error`` go; None: nowhere.
        """
        self._parent = parent
        self._bar = bar

    def info(
        self, text: str, *, key: str = "", actions: Sequence[Action] = (), seconds: float | None = None
    ) -> None:
        """Tells something that needs no attention; goes by itself unless it has actions."""
        self._tell(text, "info", actions, key, seconds)

    def warn(
        self, text: str, *, key: str = "", actions: Sequence[Action] = (), seconds: float | None = None
    ) -> None:
        """Tells something that needs a look; stays until dismissed."""
        self._tell(text, "warning", actions, key, seconds)

    def error(
        self, text: str, *, key: str = "", actions: Sequence[Action] = (), seconds: float | None = None
    ) -> None:
        """Tells what failed; stays until dismissed."""
        self._tell(text, "error", actions, key, seconds)

    def dismiss(self, key: str) -> None:
        """Takes back what was told under a key."""
        if self._bar is not None:
            self._bar.dismiss(key)

    def confirm(self, title: str, text: str, *, action: str = "OK", danger: bool = False) -> bool:
        """Asks before something that cannot be guessed right; True if the user agrees.

        Args:
            title: A short question.
            text: What will happen.
            action: What the agreeing button says.
            danger: The button is painted as a warning and Cancel is the default.
        """
        box = QMessageBox(QMessageBox.Icon.NoIcon, title, f"<b>{title}</b>", parent=self._parent)
        box.setInformativeText(text)
        agree = box.addButton(action, QMessageBox.ButtonRole.AcceptRole)
        cancel = box.addButton(QMessageBox.StandardButton.Cancel)
        agree.setProperty("danger", danger)
        box.setDefaultButton(cancel if danger else agree)
        box.setEscapeButton(cancel)
        grid = box.layout()
        if isinstance(grid, QGridLayout):  # a QMessageBox is as narrow as its title
            room = QSpacerItem(_QUESTION_WIDTH, 0)
            grid.addItem(room, grid.rowCount(), 0, 1, grid.columnCount())
        box.exec()
        return box.clickedButton() is agree

    def choose_folder(self, title: str, start: Path | None = None) -> Path | None:
        """Asks for a folder; None if the user changes their mind."""
        name = QFileDialog.getExistingDirectory(self._parent, title, str(start or ""))
        return Path(name) if name else None

    def choose_file(self, title: str, start: Path | None = None, filters: str = "") -> Path | None:
        """Asks for an existing file; None if the user changes their mind.

        Args:
            title: What it is for.
            start: Folder or file to begin at.
            filters: As Qt writes them, ``"Checkpoints (*.pt *.pth);;All files (*)"``.
        """
        name, _ = QFileDialog.getOpenFileName(self._parent, title, str(start or ""), filters)
        return Path(name) if name else None

    def choose_new_file(self, title: str, start: Path | None = None, filters: str = "") -> Path | None:
        """Asks where to write a file; None if the user changes their mind. Arguments as ``choose_file``."""
        name, _ = QFileDialog.getSaveFileName(self._parent, title, str(start or ""), filters)
        return Path(name) if name else None

    def choose_item(self, title: str, text: str, items: Sequence[str]) -> int | None:
        """Asks for one of a few; its index, or None if the user changes their mind."""
        answer, agreed = QInputDialog.getItem(self._parent, title, text, list(items), 0, editable=False)
        return list(items).index(answer) if agreed else None

    def choose_color(self, start: str) -> str | None:
        """Asks for a colour ``#rrggbb``; None if the user changes their mind."""
        color = QColorDialog.getColor(QColor(start), self._parent, "Choose a colour")
        return color.name() if color.isValid() else None

    def _tell(self, text: str, kind: str, actions: Sequence[Action], key: str, seconds: float | None) -> None:
        if self._bar is not None:
            self._bar.show_message(text, kind, actions, key, seconds)
