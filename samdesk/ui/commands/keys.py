"""Key sequences: their names, when two are the same key, and which widgets need a key themselves."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent, QKeySequence
from PySide6.QtWidgets import (
    QAbstractItemView,
    QAbstractSlider,
    QComboBox,
    QTabBar,
    QWidget,
)

from samdesk.ui.kit.focus import is_text_field

_ARROW_WIDGETS = (QAbstractItemView, QAbstractSlider, QComboBox, QTabBar)
_ARROW_KEYS = frozenset(
    (
        Qt.Key.Key_Left, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Down,
        Qt.Key.Key_PageUp, Qt.Key.Key_PageDown, Qt.Key.Key_Home, Qt.Key.Key_End,
    )
)  # fmt: skip


def native(key: str) -> str:
    """A key sequence in the platform's notation; Return and Enter are both "Enter"."""
    text = QKeySequence(key).toString(QKeySequence.SequenceFormat.NativeText)
    return text.replace("Return", "Enter")


def same_key(one: QKeySequence, other: QKeySequence) -> bool:
    """Whether one sequence equals the other or is the beginning of it, so that both would match."""
    return one.matches(other) != QKeySequence.SequenceMatch.NoMatch or (
        other.matches(one) != QKeySequence.SequenceMatch.NoMatch
    )


def widget_needs_key(widget: QWidget | None, event: QKeyEvent) -> bool:
    """Whether the focused widget must get a key before any shortcut does.

    Text fields need every key without Ctrl, Alt or Meta (they handle their own Ctrl keys); lists, sliders,
    combo boxes and tab bars need the arrow and page keys.
    """
    command_keys = (
        Qt.KeyboardModifier.ControlModifier
        | Qt.KeyboardModifier.AltModifier
        | Qt.KeyboardModifier.MetaModifier
    )
    if widget is None or event.type() != QEvent.Type.ShortcutOverride or event.modifiers() & command_keys:
        return False
    if is_text_field(widget):
        return not Qt.Key.Key_F1 <= event.key() <= Qt.Key.Key_F35
    return isinstance(widget, _ARROW_WIDGETS) and event.key() in _ARROW_KEYS
