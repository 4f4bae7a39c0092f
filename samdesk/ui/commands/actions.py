"""Actions: the command table as QActions, with the user's own shortcuts."""

from __future__ import annotations

import html
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from PySide6.QtCore import QObject, Qt, Signal, SignalInstance
from PySide6.QtGui import QAction, QActionGroup, QKeySequence, QPalette
from PySide6.QtWidgets import QWidget

from samdesk.settings.table import SHORTCUTS, Settings
from samdesk.ui.commands.keys import native, same_key
from samdesk.ui.commands.table import MODES, Command, CommandTable, Context, overlap
from samdesk.ui.kit.icons import icon
from samdesk.ui.kit.plain import button_text, plain

Shortcuts = tuple[str, ...]


class Actions(QObject):
    """One QAction for each command: its slots, its enabled state and its shortcuts.

    A feature binds its commands with ``on`` and its conditions with ``condition``, and names
    the signals after which they may differ with ``refresh_on``.

    Signals:
        shortcuts_changed(): The shortcuts of some command have changed.
    """

    shortcuts_changed = Signal()

    def __init__(
        self, table: CommandTable, settings: Settings | None = None, parent: QObject | None = None
    ) -> None:
        """Makes the actions; those with a condition start disabled.

        Args:
            table: The commands, see ``table.join``.
            settings: Where the user's own shortcuts are kept; None: the defaults, changes are not saved.
            parent: The Qt parent.
        """
        super().__init__(parent)
        self._settings = settings
        self._table = table
        self._commands = {command.id: command for command in table.commands}
        self._reasons = {condition.id: condition.reason for condition in table.conditions}
        self._titles = {command.id: command.title for command in table.commands}
        self._groups: dict[str, QActionGroup] = {}
        self._bound: set[str] = set()
        self._conditions: dict[str, Callable[[], bool]] = {}
        self._title_sources: dict[str, Callable[[], str]] = {}
        self._check_sources: dict[str, Callable[[], bool]] = {}
        self._unsaved: dict[str, Any] = {}
        self._state: frozenset[str] = frozenset()
        self._mode: Context | None = None
        self._also: set[Context] = set()
        self._actions = {command.id: self._make(command) for command in table.commands}
        self.apply_shortcuts()
        self.update(())

    @property
    def table(self) -> CommandTable:
        """The table the actions were made from."""
        return self._table

    @property
    def commands(self) -> tuple[Command, ...]:
        """The commands in menu order."""
        return self._table.commands

    @property
    def state(self) -> frozenset[str]:
        """Ids of the conditions that hold, as last passed to ``update``."""
        return self._state

    @property
    def unbound(self) -> tuple[str, ...]:
        """Ids of the commands that do nothing: no slot and no submenu."""
        return tuple(i for i, a in self._actions.items() if i not in self._bound and a.menu() is None)

    @property
    def undecided(self) -> tuple[str, ...]:
        """Ids of the conditions that no feature has given a predicate for."""
        return tuple(name for name in self._reasons if name not in self._conditions)

    def action(self, command_id: str) -> QAction:
        """The action of a command; ``KeyError`` if there is none."""
        return self._actions[command_id]

    def command(self, command_id: str) -> Command:
        """A command of the table; ``KeyError`` if there is none."""
        return self._commands[command_id]

    # binding

    def on(self, command_id: str, slot: Callable[..., Any]) -> None:
        """Calls ``slot()``, or ``slot(checked)`` if it is checkable, when the user invokes the command."""
        self._bound.add(command_id)
        if self._commands[command_id].checkable:
            self._actions[command_id].triggered.connect(lambda checked: slot(checked))
        else:
            self._actions[command_id].triggered.connect(lambda _checked=False: slot())

    def condition(self, condition_id: str, holds: Callable[[], bool]) -> None:
        """Decides a condition of the table at every ``refresh``; ``KeyError`` if there is none."""
        if condition_id not in self._reasons:
            raise KeyError(condition_id)
        self._conditions[condition_id] = holds

    def title_from(self, command_id: str, title: Callable[[], str]) -> None:
        """Takes a command's title from ``title()`` at every ``refresh``."""
        self._title_sources[command_id] = title

    def checked_from(self, command_id: str, checked: Callable[[], bool]) -> None:
        """Takes whether a checkable command is checked from ``checked()`` at every ``refresh``."""
        self._check_sources[command_id] = checked

    def refresh_on(self, *signals: SignalInstance) -> None:
        """Calls ``refresh`` whenever one of these signals is emitted."""
        for signal in signals:
            signal.connect(self.refresh)

    # state

    def refresh(self, *_: object) -> None:
        """Evaluates every condition, title and checked state that a feature has bound."""
        self.update({name for name, holds in self._conditions.items() if holds()})
        for command_id, title in self._title_sources.items():
            self.set_title(command_id, title())
        for command_id, checked in self._check_sources.items():
            self.set_checked(command_id, checked())

    def trigger(self, command_id: str) -> bool:
        """Invokes a command as the user would; False if it is disabled."""
        action = self._actions[command_id]
        if not action.isEnabled():
            return False
        action.trigger()
        return True

    def update(self, state: Collection[str]) -> None:
        """Enables the commands whose conditions hold and disables the others.

        Args:
            state: Ids of the conditions that hold.

        Raises:
            KeyError: The table has no such condition.
        """
        unknown = set(state) - self._reasons.keys()
        if unknown:
            raise KeyError(f"no such conditions: {', '.join(sorted(unknown))}")
        before, self._state = self._state, frozenset(state)
        for command in self.commands:
            missing = self._missing(command)
            self._actions[command.id].setEnabled(not missing)
            if missing != self._missing(command, before):
                self._set_tip(command.id)

    def set_checked(self, command_id: str, checked: bool) -> None:
        """Checks or unchecks a checkable command without invoking it."""
        self._actions[command_id].setChecked(checked)

    def set_title(self, command_id: str, title: str = "") -> None:
        """Replaces the title of the table ("Undo Add person"); empty: the table's title again."""
        title = title or self._commands[command_id].title
        if title != self._titles[command_id]:
            self._titles[command_id] = title
            self._actions[command_id].setText(button_text(title, _LONGEST_TITLE))
            self._set_tip(command_id)

    # shortcuts

    def shortcuts(self, command_id: str) -> Shortcuts:
        """The shortcuts of a command in portable text, the user's own or the defaults."""
        changed = self._overrides().get(command_id)
        return self._commands[command_id].shortcuts if changed is None else changed

    def shortcut_text(self, command_id: str) -> str:
        """The first shortcut of a command in the platform's notation; empty if it has none."""
        keys = self.shortcuts(command_id)
        return native(keys[0]) if keys else ""

    def shortcut_texts(self, command_id: str) -> tuple[str, ...]:
        """All shortcuts of a command in the platform's notation, without duplicates."""
        return tuple(dict.fromkeys(native(key) for key in self.shortcuts(command_id)))

    def clash(self, command_id: str, key: str) -> Command | None:
        """The command that has this key already in the same context, or None."""
        context, sequence = self._commands[command_id].context, QKeySequence(key)
        for other in self.commands:
            may_clash = other.id != command_id and overlap(context, other.context)
            if may_clash and any(same_key(sequence, QKeySequence(text)) for text in self.shortcuts(other.id)):
                return other
        return None

    def rebind(self, command_id: str, keys: Iterable[str]) -> None:
        """Gives a command other shortcuts (portable text) and saves them, unless they are the defaults."""
        chosen = tuple(keys)
        overrides: dict[str, Any] = {name: list(own) for name, own in self._overrides().items()}
        overrides.pop(command_id, None)
        if chosen != self._commands[command_id].shortcuts:
            overrides[command_id] = list(chosen)
        self._save(overrides)

    def reset_shortcuts(self) -> None:
        """Gives every command its default shortcuts."""
        self._save({})

    def apply_shortcuts(self) -> None:
        """Applies the shortcuts in the settings."""
        for command_id in self._actions:
            self._set_tip(command_id)
        self._activate_shortcuts()
        self.shortcuts_changed.emit()

    @property
    def mode(self) -> Context | None:
        """The mode whose shortcuts come before all others; None: no mode."""
        return self._mode

    def set_mode(self, mode: Context | None) -> None:
        """Activates the shortcuts of a mode: other commands with one of its keys wait until it is over."""
        if mode is not self._mode:
            self._mode = mode
            self._activate_shortcuts()

    def set_selecting(self, selecting: bool) -> None:
        """Activates the shortcuts for selected annotations, or those of other commands with the same keys."""
        self._set_also(Context.SELECTION, selecting)

    def set_adjusting(self, adjusting: bool) -> None:
        """Activates the shortcuts for outlines that are being adjusted, before all others."""
        self._set_also(Context.OUTLINE, adjusting)

    def set_carrying(self, carrying: bool) -> None:
        """Activates the shortcuts for carried annotations, or those of other commands with the same keys."""
        self._set_also(Context.CARRY, carrying)

    def _set_also(self, context: Context, live: bool) -> None:
        if live is not (context in self._also):
            self._also ^= {context}
            self._activate_shortcuts()

    def _activate_shortcuts(self) -> None:
        live = [mode for mode in MODES if mode is self._mode or mode in self._also]
        taken: list[QKeySequence] = []
        for context in (*live, None):  # None: what belongs to no mode
            given: list[QKeySequence] = []
            for command in self.commands:
                if command.context is context or (context is None and command.context not in MODES):
                    keys = [QKeySequence(key) for key in self.shortcuts(command.id)]
                    keys = [key for key in keys if not any(same_key(key, other) for other in taken)]
                    self._give(command.id, keys)
                    given += keys
            taken += given
        for command in self.commands:
            if command.context in MODES and command.context not in live:
                self._give(command.id, [])

    def _give(self, command_id: str, keys: list[QKeySequence]) -> None:
        action = self._actions[command_id]
        if action.shortcuts() != keys:
            action.setShortcuts(keys)

    def attach(self, window: QWidget, canvas: QWidget) -> None:
        """Activates the shortcuts: those of the window in ``window``, those of the canvas in ``canvas``."""
        for command in self.commands:
            action = self._actions[command.id]
            if command.context in (Context.CANVAS, Context.CARRY):
                action.setShortcutContext(Qt.ShortcutContext.WidgetWithChildrenShortcut)
                canvas.addAction(action)
            else:
                action.setShortcutContext(Qt.ShortcutContext.WindowShortcut)
                window.addAction(action)

    def _make(self, command: Command) -> QAction:
        glyph = icon(command.icon, on=QPalette.ColorRole.Link)
        action = QAction(glyph, command.title, self)
        action.setObjectName(command.id)
        action.setIconText(f" {command.label}")  # the space keeps it off the icon
        action.setCheckable(command.checkable)
        action.setChecked(command.checked)
        action.setMenuRole(_ROLES.get(command.id, QAction.MenuRole.NoRole))
        if command.exclusive:
            group = self._groups.setdefault(command.exclusive, QActionGroup(self))
            group.addAction(action)
        return action

    def _set_tip(self, command_id: str) -> None:
        command, key = self._commands[command_id], self.shortcut_text(command_id)
        title = html.escape(plain(self._titles[command_id].rstrip("…")))
        keys = f"&nbsp;&nbsp;<span style='font-weight:normal'>({html.escape(key)})</span>" if key else ""
        missing = self._missing(command)
        reason = f"<p><i>Unavailable: {self._reasons[missing[0]]}.</i></p>" if missing else ""
        tip = f"<p style='white-space:pre'><b>{title}</b>{keys}</p><p>{html.escape(command.tip)}</p>{reason}"
        self._actions[command_id].setToolTip(tip)
        self._actions[command_id].setWhatsThis(command.tip)

    def _missing(self, command: Command, state: frozenset[str] | None = None) -> list[str]:
        state = self._state if state is None else state
        return [name for name in command.conditions if name not in state]

    def _overrides(self) -> Mapping[str, Shortcuts]:
        stored = self._settings.get(SHORTCUTS) if self._settings is not None else self._unsaved
        return {
            name: tuple(key for key in keys if isinstance(key, str) and not QKeySequence(key).isEmpty())
            for name, keys in stored.items()
            if name in self._commands and isinstance(keys, list)
        }

    def _save(self, overrides: dict[str, Any]) -> None:
        if self._settings is not None:
            self._settings.set(SHORTCUTS, overrides)
        else:
            self._unsaved = overrides
        self.apply_shortcuts()


_LONGEST_TITLE = 80
_ROLES = {
    "file.quit": QAction.MenuRole.QuitRole,
    "help.about": QAction.MenuRole.AboutRole,
    "edit.settings": QAction.MenuRole.PreferencesRole,
}
