"""Menus: the menu bar, made from the command table."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QEvent, QObject
from PySide6.QtGui import QHelpEvent
from PySide6.QtWidgets import QMenu, QMenuBar, QToolTip

from samdesk.ui.commands.actions import Actions
from samdesk.ui.commands.popup import Popup
from samdesk.ui.commands.table import MENUS
from samdesk.ui.kit.icons import icon
from samdesk.ui.kit.plain import LONGEST_LINE, button_text, tip
from samdesk.ui.shell.welcome import short_path


class Menus:
    """Fills a menu bar with every command, in the order of the table."""

    def __init__(self, bar: QMenuBar, actions: Actions, choose_recent: Callable[[Path], None]) -> None:
        """Builds the menus.

        Args:
            bar: An empty menu bar.
            actions: The commands.
            choose_recent: Called with the recent folder the user chooses.
        """
        self._choose_recent = choose_recent
        self._tips = _DisabledTips(bar)
        self._menus: dict[str, QMenu] = {}
        groups: dict[str, str] = {}
        titles = {menu.path: menu.title for menu in MENUS}
        for top in (menu for menu in MENUS if "/" not in menu.path):
            self._add_menu(top.path, _menu(top.title, bar))
        for command in actions.commands:
            if command.menu not in self._menus:
                parent = command.menu.split("/")[0]
                self._separate(parent, command.group, groups)
                self._add_menu(command.menu, _menu(titles[command.menu], self._menus[parent]))
            self._separate(command.menu, command.group, groups)
            self._menus[command.menu].addAction(actions.action(command.id))
        self.recent = Popup("", bar)
        self.recent.setToolTipsVisible(True)
        self._recent_action = actions.action("file.open_recent")
        self._recent_action.setMenu(self.recent)
        self.set_recent(())

    def menu(self, path: str) -> QMenu:
        """A menu by its path in ``MENUS``."""
        return self._menus[path]

    def set_recent(self, folders: Sequence[Path]) -> None:
        """Lists the recent folders, the latest first."""
        self.recent.clear()
        for folder in folders:
            text = button_text(f"{folder.name}   {short_path(folder.parent)}", LONGEST_LINE)
            action = self.recent.addAction(icon("ph.folder"), text)
            action.setToolTip(tip(str(folder)))
            action.triggered.connect(lambda _checked=False, chosen=folder: self._choose_recent(chosen))
        self._recent_action.setEnabled(bool(folders))

    def _separate(self, path: str, group: str, groups: dict[str, str]) -> None:
        """Adds a separator to a menu if what comes next is of another group than its last entry."""
        if groups.get(path) not in (None, group):
            self._menus[path].addSeparator()
        groups[path] = group

    def _add_menu(self, path: str, menu: QMenu) -> None:
        menu.setToolTipsVisible(False)
        menu.installEventFilter(self._tips)
        self._menus[path] = menu


def _menu(title: str, parent: QMenuBar | QMenu) -> QMenu:
    menu = Popup(title, parent)
    parent.addMenu(menu)
    return menu


class _DisabledTips(QObject):
    """Shows tooltips of disabled menu entries only; they say why the command is unavailable."""

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Handles the tooltip events of a menu."""
        is_tip = event.type() is QEvent.Type.ToolTip
        if is_tip and isinstance(watched, QMenu) and isinstance(event, QHelpEvent):
            action = watched.actionAt(event.pos())
            if action is not None and not action.isEnabled():
                QToolTip.showText(event.globalPos(), action.toolTip(), watched)
                return True
        return False
