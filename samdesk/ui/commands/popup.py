"""Context menus made from the command table."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QMenu, QWidget

from samdesk.ui.commands.actions import Actions

SEPARATOR = ""
"""Stands for a separator among the command ids of a context menu."""


class Popup(QMenu):
    """A menu. The click outside that closes it does nothing else: on the canvas it would be a prompt."""

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Qt would send the press again to the widget below."""
        if not self.rect().contains(event.position().toPoint()):
            self.setAttribute(Qt.WidgetAttribute.WA_NoMouseReplay)
        super().mousePressEvent(event)


def context_menu(actions: Actions, command_ids: Iterable[str], parent: QWidget) -> QMenu:
    """Makes a context menu of commands; it deletes itself when it is closed.

    Titles, icons, shortcuts and enabled states are those of the command table, because the entries are
    the window's own actions.
    """
    menu = Popup("", parent)
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    for command_id in command_ids:
        if command_id == SEPARATOR:
            menu.addSeparator()
        else:
            menu.addAction(actions.action(command_id))
    return menu
