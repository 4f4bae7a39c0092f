"""Actions: the command table as QActions, with the user's own shortcuts."""

from __future__ import annotations

import html
from collections.abc import Callable, Collection, Iterable, Mapping
from typing import Any

from PySide6.QtCore import QEvent, QObject, Qt, Signal
from PySide6.QtGui import QAction, QActionGroup, QKeyEvent, QKeySequence, QPalette
from PySide6.QtWidgets import (
    QAbstractItemView,
    QAbstractSlider,
    QAbstractSpinBox,
    QComboBox,
    QKeySequenceEdit,
    QLineEdit,
    QPlainTextEdit,
    QTabBar,
    QTextEdit,
    QWidget,
)

from samdesk.settings.table import SHORTCUTS, Settings
from samdesk.ui.commands.table import COMMANDS, CONDITIONS, Command, Context
from samdesk.ui.kit.icons import icon

Shortcuts = tuple[str, ...]


class Actions(QObject):
    """One QAction a command: its slots, whether it can be used now, and its keys.

    Signals:
        shortcuts_changed(): Some command has other keys now.
    """

    shortcuts_changed = Signal()

    def __init__(
        self,
        settings: Settings | None = None,
        commands: Iterable[Command] = COMMANDS,
        parent: QObject | None = None,
    ) -> None:
        """Makes the actions, all that wait for a condition disabled.

        Args:
            settings: Where the user's own shortcuts are kept; None: the defaults.
            commands: The table.
            parent: The Qt parent.
        """
        super().__init__(parent)
        self._settings = settings
        self._commands = {command.id: command for command in commands}
        self._titles = {command.id: command.title for command in self._commands.values()}
        self._groups: dict[str, QActionGroup] = {}
        self._state: frozenset[str] = frozenset()
        self._actions = {command.id: self._make(command) for command in self._commands.values()}
        self.apply_shortcuts()
        self.update(())

    @property
    def commands(self) -> tuple[Command, ...]:
        """The table the actions were made from."""
        return tuple(self._commands.values())

    @property
    def state(self) -> frozenset[str]:
        """The conditions that hold, as last told to ``update``."""
        return self._state

    def action(self, command_id: str) -> QAction:
        """The action of a command; ``KeyError`` if there is none."""
        return self._actions[command_id]

    def command(self, command_id: str) -> Command:
        """A command of the table; ``KeyError`` if there is none."""
        return self._commands[command_id]

    def on(self, command_id: str, slot: Callable[..., Any]) -> None:
        """Calls ``slot()``, or ``slot(checked)`` if it is checkable, when the user invokes the command."""
        if self._commands[command_id].checkable:
            self._actions[command_id].triggered.connect(lambda checked: slot(checked))
        else:
            self._actions[command_id].triggered.connect(lambda _checked=False: slot())

    def trigger(self, command_id: str) -> bool:
        """Invokes a command as the user would; False if it is disabled now."""
        action = self._actions[command_id]
        if not action.isEnabled():
            return False
        action.trigger()
        return True

    def update(self, state: Collection[str]) -> None:
        """Enables the commands whose condition holds and disables the others.

        Args:
            state: The names in ``CONDITIONS`` that hold now.
        """
        unknown = set(state) - CONDITIONS.keys()
        if unknown:
            raise KeyError(f"no such conditions: {', '.join(sorted(unknown))}")
        before, self._state = self._state, frozenset(state)
        for command in self._commands.values():
            missing = self._missing(command)
            self._actions[command.id].setEnabled(not missing)
            if missing != self._missing(command, before):
                self._set_tip(command.id)

    def set_checked(self, command_id: str, checked: bool) -> None:
        """Shows a checkable command as on or off without invoking it."""
        self._actions[command_id].setChecked(checked)

    def set_title(self, command_id: str, title: str = "") -> None:
        """Says more than the table does ("Undo Add person"); empty: the table's title again."""
        self._titles[command_id] = title or self._commands[command_id].title
        self._actions[command_id].setText(self._titles[command_id])
        self._set_tip(command_id)

    def shortcuts(self, command_id: str) -> Shortcuts:
        """The keys of a command in portable text, the user's own or the defaults."""
        changed = self._overrides().get(command_id)
        return self._commands[command_id].shortcuts if changed is None else changed

    def shortcut_text(self, command_id: str) -> str:
        """The first key of a command as the user's platform writes it; empty if it has none."""
        keys = self.shortcuts(command_id)
        return native(keys[0]) if keys else ""

    def shortcut_texts(self, command_id: str) -> tuple[str, ...]:
        """All keys of a command as the user's platform writes them, each once."""
        return tuple(dict.fromkeys(native(key) for key in self.shortcuts(command_id)))

    def clash(self, command_id: str, key: str) -> Command | None:
        """The command that already has this key where this command would hear it, or None."""
        context, wanted = self._commands[command_id].context, QKeySequence(key)
        for other in self._commands.values():
            if other.id != command_id and _overlap(context, other.context):
                held = [QKeySequence(text) for text in self.shortcuts(other.id)]
                if any(same_key(wanted, sequence) for sequence in held):
                    return other
        return None

    def rebind(self, command_id: str, keys: Iterable[str]) -> None:
        """Gives a command other keys (portable text) and remembers them; the table's own are forgotten."""
        chosen = tuple(keys)
        overrides: dict[str, Any] = {name: list(held) for name, held in self._overrides().items()}
        overrides.pop(command_id, None)
        if chosen != self._commands[command_id].shortcuts:
            overrides[command_id] = list(chosen)
        self._save(overrides)

    def reset_shortcuts(self) -> None:
        """Gives every command its default keys."""
        self._save({})

    def apply_shortcuts(self) -> None:
        """Takes the keys from the settings."""
        for command_id, action in self._actions.items():
            action.setShortcuts([QKeySequence(key) for key in self.shortcuts(command_id)])
            self._set_tip(command_id)
        self.shortcuts_changed.emit()

    def attach(self, window: QWidget, canvas: QWidget) -> None:
        """Makes the shortcuts work: window-wide ones in ``window``, the canvas's own in ``canvas``."""
        for command in self._commands.values():
            action = self._actions[command.id]
            if command.context is Context.CANVAS:
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
        title = html.escape(self._titles[command_id].rstrip("…"))
        keys = f"&nbsp;&nbsp;<span style='font-weight:normal'>({html.escape(key)})</span>" if key else ""
        missing = self._missing(command)
        why = f"<p><i>Not now: {CONDITIONS[missing[0]]}.</i></p>" if missing else ""
        tip = f"<p style='white-space:pre'><b>{title}</b>{keys}</p><p>{html.escape(command.tip)}</p>{why}"
        self._actions[command_id].setToolTip(tip)
        self._actions[command_id].setWhatsThis(command.tip)

    def _missing(self, command: Command, state: frozenset[str] | None = None) -> list[str]:
        holding = self._state if state is None else state
        return [name for name in command.conditions if name not in holding]

    def _overrides(self) -> Mapping[str, Shortcuts]:
        stored = self._settings.get(SHORTCUTS) if self._settings is not None else self._unsaved
        return {
            name: tuple(key for key in keys if isinstance(key, str) and not QKeySequence(key).isEmpty())
            for name, keys in stored.items()
            if name in self._commands and isinstance(keys, list)
        }

    _unsaved: dict[str, Any] = {}

    def _save(self, overrides: dict[str, Any]) -> None:
        if self._settings is not None:
            self._settings.set(SHORTCUTS, overrides)
        else:
            self._unsaved = overrides
        self.apply_shortcuts()


_ROLES = {
    "file.quit": QAction.MenuRole.QuitRole,
    "help.about": QAction.MenuRole.AboutRole,
    "edit.settings": QAction.MenuRole.PreferencesRole,
}


def native(key: str) -> str:
    """A key sequence as the user's platform writes it; the two Enter keys have one name."""
    text = QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText)
    return text.replace("Return", "Enter")


def same_key(one: QKeySequence, other: QKeySequence) -> bool:
    """Whether pressing one would be heard as the other."""
    return one.matches(other) != QKeySequence.SequenceMatch.NoMatch or (
        other.matches(one) != QKeySequence.SequenceMatch.NoMatch
    )


def _overlap(one: Context, other: Context) -> bool:
    # The window hears what the canvas hears, so a key of the one is a key of the other.
    return one is other or Context.WINDOW in (one, other)


_TYPING = (QLineEdit, QTextEdit, QPlainTextEdit, QAbstractSpinBox, QKeySequenceEdit)
_WALKING = (QAbstractItemView, QAbstractSlider, QComboBox, QTabBar)
_WALK_KEYS = frozenset(
    (
        Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down,
        Qt.Key.Key_PageUp, Qt.Key.Key_PageDown, Qt.Key.Key_Home, Qt.Key.Key_End,
    )
)  # fmt: skip


def widget_needs_key(widget: QWidget | None, event: QKeyEvent) -> bool:
    """Whether the widget with the focus wants a key for itself, so that no shortcut may take it.

    Text fields want everything without Ctrl, Alt or Meta (and keep their own Ctrl keys themselves);
    lists, sliders and the like want the arrows.
    """
    command_keys = (
        Qt.KeyboardModifier.ControlModifier
        | Qt.KeyboardModifier.AltModifier
        | Qt.KeyboardModifier.MetaModifier
    )
    if widget is None or event.type() != QEvent.Type.ShortcutOverride or event.modifiers() & command_keys:
        return False
    if isinstance(widget, _TYPING) or (isinstance(widget, QComboBox) and widget.isEditable()):
        return not Qt.Key.Key_F1 <= event.key() <= Qt.Key.Key_F35
    return isinstance(widget, _WALKING) and event.key() in _WALK_KEYS
