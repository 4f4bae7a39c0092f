"""Messages: notifications and dialogs for the user, replaceable in tests."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QColorDialog,
    QComboBox,
    QDialogButtonBox,
    QFileDialog,
    QGridLayout,
    QInputDialog,
    QLabel,
    QMessageBox,
    QPushButton,
    QSpacerItem,
    QWidget,
)

from samdesk.ui.kit.message_bar import Action, MessageBar
from samdesk.ui.kit.plain import button_text, plain, plain_lines

_QUESTION_WIDTH = 400


class Messages:
    """Shows notifications in the message bar and asks questions in dialogs."""

    def __init__(self, parent: QWidget | None = None, bar: MessageBar | None = None) -> None:
        """Creates the messages of a window.

        Args:
            parent: The parent of dialogs.
            bar: Shows ``info``, ``warn`` and ``error``; None: they are dropped.
        """
        self._parent = parent
        self._bar = bar

    def info(
        self, text: str, *, key: str = "", actions: Sequence[Action] = (), seconds: float | None = None
    ) -> None:
        """Shows an information message, which closes by itself."""
        self._show(text, "info", actions, key, seconds)

    def warn(
        self, text: str, *, key: str = "", actions: Sequence[Action] = (), seconds: float | None = None,
        dismissed: Callable[[], None] | None = None,
    ) -> None:  # fmt: skip
        """Shows a warning. Without actions it closes by itself, at the latest with the next image.

        ``dismissed`` is called if the user closes it without a button.
        """
        self._show(text, "warning", actions, key, seconds, dismissed)

    def error(
        self, text: str, *, key: str = "", actions: Sequence[Action] = (), seconds: float | None = None
    ) -> None:
        """Shows an error, which stays until dismissed."""
        self._show(text, "error", actions, key, seconds)

    def dismiss(self, key: str) -> None:
        """Closes the notification with this key."""
        if self._bar is not None:
            self._bar.dismiss(key)

    def leave_image(self) -> None:
        """Closes the warnings that need no answer: another image was requested."""
        if self._bar is not None:
            self._bar.leave_image()

    def confirm(self, title: str, text: str, *, action: str = "OK", danger: bool = False) -> bool:
        """Asks for confirmation; True if the user confirms. Enter and Esc cancel.

        Args:
            title: A short question.
            text: What will happen.
            action: Text of the confirming button.
            danger: Whether the button is red.
        """
        title = plain(title)
        box = QMessageBox(QMessageBox.Icon.NoIcon, title, title, parent=self._parent)
        box.setTextFormat(Qt.TextFormat.PlainText)  # of the text below it, too
        box.setInformativeText(plain_lines(text))
        for label in box.findChildren(QLabel):
            label.setTextFormat(Qt.TextFormat.PlainText)
            if label.text() == title:
                font = label.font()
                font.setBold(True)
                label.setFont(font)
        agree = QPushButton(button_text(action))
        agree.setProperty("danger", danger)  # before it is added: style sheets are applied then
        box.addButton(agree, QMessageBox.ButtonRole.AcceptRole)
        cancel = box.addButton(QMessageBox.StandardButton.Cancel)
        box.setDefaultButton(cancel)  # what is asked about is never done by an Enter too many
        box.setEscapeButton(cancel)
        grid = box.layout()
        if isinstance(grid, QGridLayout):  # a QMessageBox is as narrow as its title
            room = QSpacerItem(_QUESTION_WIDTH, 0)
            grid.addItem(room, grid.rowCount(), 0, 1, grid.columnCount())
        box.exec()
        return box.clickedButton() is agree

    def choose_folder(self, title: str, start: Path | None = None) -> Path | None:
        """Asks for a folder; None if cancelled."""
        name = QFileDialog.getExistingDirectory(self._parent, title, str(start or ""))
        return Path(name) if name else None

    def choose_file(self, title: str, start: Path | None = None, filters: str = "") -> Path | None:
        """Asks for an existing file; None if cancelled.

        Args:
            title: Title of the dialog.
            start: Initial folder or file.
            filters: In Qt's format, ``"Checkpoints (*.pt *.pth);;All files (*)"``.
        """
        name, _ = QFileDialog.getOpenFileName(self._parent, title, str(start or ""), filters)
        return Path(name) if name else None

    def choose_new_file(self, title: str, start: Path | None = None, filters: str = "") -> Path | None:
        """Asks where to save a file; None if cancelled. Arguments as ``choose_file``."""
        name, _ = QFileDialog.getSaveFileName(self._parent, title, str(start or ""), filters)
        return Path(name) if name else None

    def choose_item(self, title: str, text: str, items: Sequence[str]) -> int | None:
        """Lets the user choose one of several items; its index, or None if cancelled. Enter cancels.

        Args:
            title: What choosing does, a short imperative; also the text of the confirming button.
            text: What to choose, and what will happen.
            items: The items.
        """
        dialog = QInputDialog(self._parent)
        dialog.setWindowTitle(plain(title))
        dialog.setLabelText(plain_lines(text))
        for label in dialog.findChildren(QLabel):
            label.setTextFormat(Qt.TextFormat.PlainText)
        dialog.setComboBoxItems([plain(item) for item in items])
        dialog.setOkButtonText(button_text(title))
        buttons = dialog.findChild(QDialogButtonBox)
        if buttons is not None:
            buttons.button(QDialogButtonBox.StandardButton.Cancel).setDefault(True)
        agreed, box = dialog.exec(), dialog.findChild(QComboBox)
        return box.currentIndex() if agreed and box is not None else None

    def choose_color(self, start: str) -> str | None:
        """Asks for a colour ``#rrggbb``; None if cancelled."""
        color = QColorDialog.getColor(QColor(start), self._parent, "Choose a colour")
        return color.name() if color.isValid() else None

    def _show(
        self, text: str, kind: str, actions: Sequence[Action], key: str, seconds: float | None,
        dismissed: Callable[[], None] | None = None,
    ) -> None:  # fmt: skip
        if self._bar is not None:
            self._bar.show_message(text, kind, actions, key, seconds, dismissed)
