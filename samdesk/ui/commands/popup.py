"""Context menus made from the command table."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from time import monotonic

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction, QKeyEvent, QMouseEvent
from PySide6.QtWidgets import QMenu, QWidget

from samdesk.ui.commands.actions import Actions

_WORD_S = 1.0
"""Seconds after which a letter begins a new word."""

SEPARATOR = ""
"""Stands for a separator among the command ids of a context menu."""


@dataclass(frozen=True)
class Submenu:
    """A submenu of a context menu.

    Attributes:
        title: Its text.
        command_ids: What is in it, with ``SEPARATOR`` between groups.
    """

    title: str
    command_ids: tuple[str, ...]


class Popup(QMenu):
    """A menu. The click outside that closes it does nothing else: on the canvas it would be a prompt."""

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Qt would send the press again to the widget below."""
        if not self.rect().contains(event.position().toPoint()):
            self.setAttribute(Qt.WidgetAttribute.WA_NoMouseReplay)
        super().mousePressEvent(event)


class ChoicePopup(Popup):
    """A menu of names, however many; typing goes to the name that begins so."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("", parent)
        self._typed, self._typed_at = "", 0.0

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Selects the name that begins with what is typed; other keys are the menu's."""
        text = event.text().casefold()
        if monotonic() - self._typed_at > _WORD_S:
            self._typed = ""
        found = self._beginning(self._typed + text) if text.strip() or (text and self._typed) else None
        if found is None:
            super().keyPressEvent(event)
            return
        self._typed, self._typed_at = self._typed + text, monotonic()
        self.setActiveAction(found)

    def _beginning(self, text: str) -> QAction | None:
        names = ((action, action.text().replace("&&", "&").casefold()) for action in self.actions())
        return next((action for action, name in names if name.startswith(text)), None)


def context_menu(actions: Actions, entries: Iterable[str | Submenu], parent: QWidget) -> QMenu:
    """Makes a context menu of commands; it deletes itself when it is closed.

    Titles, icons, shortcuts and enabled states are those of the command table, because the entries are
    the window's own actions.
    """
    menu = Popup("", parent)
    menu.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
    _fill(menu, actions, entries)
    return menu


def _fill(menu: QMenu, actions: Actions, entries: Iterable[str | Submenu]) -> None:
    for entry in entries:
        if isinstance(entry, Submenu):
            inner = Popup(entry.title, menu)
            _fill(inner, actions, entry.command_ids)
            menu.addMenu(inner)
        elif entry == SEPARATOR:
            menu.addSeparator()
        else:
            menu.addAction(actions.action(entry))
