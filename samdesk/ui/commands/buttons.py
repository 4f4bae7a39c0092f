"""Buttons of commands with their keys, for bars and summaries."""

from __future__ import annotations

from PySide6.QtCore import QSize
from PySide6.QtWidgets import QPushButton, QToolButton, QWidget

from samdesk.ui.commands.actions import Actions
from samdesk.ui.kit.icons import icon
from samdesk.ui.kit.plain import button_text, plain


class CommandButton(QPushButton):
    """A button that invokes a command and shows its key: "Accept  E"."""

    def __init__(self, actions: Actions, command_id: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._actions, self._id = actions, command_id
        self._action = actions.action(command_id)
        self.clicked.connect(self._action.trigger)
        self._action.changed.connect(self._follow)
        actions.shortcuts_changed.connect(self._follow)
        self._follow()

    def _follow(self) -> None:
        key = self._actions.shortcut_text(self._id)
        title = self._actions.command(self._id).label
        self.setText(button_text(f"{title}   {key}" if key else title))
        self.setAccessibleName(plain(title))
        self.setToolTip(self._action.toolTip())
        self.setEnabled(self._action.isEnabled())


class CommandIcon(QToolButton):
    """A small flat button of a command that shows its icon only."""

    def __init__(self, actions: Actions, command_id: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        action, command = actions.action(command_id), actions.command(command_id)
        self.setProperty("flat", True)
        self.setIcon(icon(command.icon))
        self.setIconSize(QSize(18, 18))
        self.setAccessibleName(plain(command.title))
        self.clicked.connect(action.trigger)
        self.setToolTip(action.toolTip())
        self.setEnabled(action.isEnabled())
        action.changed.connect(lambda: self.setToolTip(action.toolTip()))
        action.changed.connect(lambda: self.setEnabled(action.isEnabled()))
