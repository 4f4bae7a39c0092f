"""Where the keyboard is: one widget of a window has it, unless the user takes it elsewhere."""

from __future__ import annotations

from collections.abc import Callable

import shiboken6
from PySide6.QtCore import QEvent, QObject, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QDialog,
    QDockWidget,
    QKeySequenceEdit,
    QLineEdit,
    QMainWindow,
    QPlainTextEdit,
    QTextEdit,
    QWidget,
)

_TEXT_FIELDS = (QLineEdit, QTextEdit, QPlainTextEdit, QAbstractSpinBox, QKeySequenceEdit)
OWN_KEYS = "own_keys"
"""Property of a text field that handles Enter and Esc itself, and leaves for home itself; of another widget:
it handles Esc."""
_ENTER = (Qt.Key.Key_Return, Qt.Key.Key_Enter)


def is_text_field(widget: QWidget | None) -> bool:
    """Whether the user types text into a widget."""
    return isinstance(widget, _TEXT_FIELDS) or (isinstance(widget, QComboBox) and widget.isEditable())


def is_pressed_by_enter(widget: QWidget | None) -> bool:
    """Whether Enter presses a widget that has the keyboard: a button, or a drop-down list."""
    return isinstance(widget, QAbstractButton) or (isinstance(widget, QComboBox) and not widget.isEditable())


def limit_click_focus(widget: QWidget) -> None:
    """Makes a button or drop-down list of a window take the keyboard by Tab only, not by a click.

    Dialogs are left alone: there the keyboard follows the mouse, as in every form.
    """
    if is_pressed_by_enter(widget) and not isinstance(widget.window(), QDialog):
        allowed = widget.focusPolicy() & Qt.FocusPolicy.TabFocus
        widget.setFocusPolicy(Qt.FocusPolicy(allowed))


class FocusRule(QObject):
    """Returns the keyboard of a main window to one widget, its home.

    * After a dialog, and when the widget that has the keyboard is hidden or disabled, home gets it.
    * Enter and Esc leave a text field: Enter keeps the text, Esc restores what was there before. A field with
      the property ``OWN_KEYS`` decides for itself.
    * Space is a key of home, except in text fields; Enter presses a button that was reached by Tab, and Esc
      leaves it, unless Esc is the shortcut of something else just then.

    While home is not visible, only Enter on a button is changed.
    """

    def __init__(self, window: QMainWindow, home: QWidget) -> None:
        super().__init__(window)
        self._window, self._home = window, home
        self._watched: QWidget | None = None
        self._text = ""  # of the text field that has the keyboard, when it got it
        self._in_dialog = False
        application = QApplication.instance()
        assert isinstance(application, QApplication)
        application.focusChanged.connect(self._follow)
        window.installEventFilter(self)

    def take_home(self) -> None:
        """Gives the keyboard to home, if it is visible."""
        if self._home.isVisible():
            if isinstance(QApplication.activeWindow(), QDockWidget):  # a floating panel
                self._window.activateWindow()
            self._home.setFocus(Qt.FocusReason.OtherFocusReason)

    def _follow(self, old: QWidget | None, now: QWidget | None) -> None:
        self._watch(None)
        if now is None:
            return
        if not self._owns(now):
            self._in_dialog = self._in_dialog or isinstance(now.window(), QDialog)
            return
        after_dialog, self._in_dialog = self._in_dialog, False
        if now is self._home:
            return
        if self._home.isVisible() and (after_dialog or self._is_gone(old) or _is_editor_of(old, now)):
            self.take_home()
        else:
            self._watch(now)

    def _owns(self, widget: QWidget) -> bool:
        window = widget.window()
        floating = isinstance(window, QDockWidget) and window.parent() is self._window
        return window is self._window or floating

    def _is_gone(self, old: QWidget | None) -> bool:
        """Whether the keyboard has only moved on because its widget was hidden or disabled."""
        if old is None or not shiboken6.isValid(old) or not self._owns(old):
            return False
        return not (old.isVisible() and old.isEnabled())

    def _watch(self, widget: QWidget | None) -> None:
        """Filters the keys of the widget that has the keyboard, and of no other."""
        if self._watched is not None and shiboken6.isValid(self._watched):
            self._watched.removeEventFilter(self)
        self._watched = widget
        if widget is not None:
            widget.installEventFilter(self)
            self._text = widget.text() if isinstance(widget, QLineEdit) else ""

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Handles Space, Enter and Esc of the widget that has the keyboard, and the end of a dialog."""
        if watched is self._window and event.type() is QEvent.Type.WindowUnblocked:
            self.take_home()  # the dialog may have been the desktop's own, which is no widget
            return False
        if (
            watched is not self._watched
            or not isinstance(event, QKeyEvent)
            or not isinstance(watched, QWidget)
        ):
            return False
        action = self._action(watched, event)
        if action is None:
            return False
        if event.type() is QEvent.Type.ShortcutOverride:
            leaves = event.key() == Qt.Key.Key_Escape and not is_text_field(watched)
            event.setAccepted(not leaves)
            return not leaves
        if event.type() is not QEvent.Type.KeyPress:
            return False
        action()
        return True

    def _action(self, watched: QWidget, event: QKeyEvent) -> Callable[[], object] | None:
        """What a key does in a widget, instead of what the widget or a shortcut would do; None: nothing."""
        key = event.key()
        if event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier:
            return None
        if key in _ENTER and isinstance(watched, QAbstractButton):
            return watched.click
        if not self._home.isVisible():
            return None
        if is_text_field(watched):
            return self._text_action(watched, event)
        if key in _ENTER and isinstance(watched, QComboBox):
            return watched.showPopup
        if key == Qt.Key.Key_Space:
            return lambda: self._pass_home(event)
        return self.take_home if key == Qt.Key.Key_Escape and not watched.property(OWN_KEYS) else None

    def _text_action(self, field: QWidget, event: QKeyEvent) -> Callable[[], object] | None:
        """What a key does in a text field; a row's editor is ended by its list."""
        if not isinstance(field, QLineEdit) or _item_view_of(field) is not None or field.property(OWN_KEYS):
            return None
        if event.key() in _ENTER:
            return lambda: self._commit(field, event)
        return (lambda: self._cancel(field)) if event.key() == Qt.Key.Key_Escape else None

    def _commit(self, field: QLineEdit, event: QKeyEvent) -> None:
        field.event(event)  # which may open a dialog or hide the field
        self.take_home()

    def _cancel(self, field: QLineEdit) -> None:
        if field.text() != self._text:
            field.setText(self._text)
        self.take_home()

    def _pass_home(self, event: QKeyEvent) -> None:
        self.take_home()
        again = QKeyEvent(
            event.type(), event.key(), event.modifiers(), event.text(), event.isAutoRepeat(), event.count()
        )
        QApplication.sendEvent(self._home, again)


def _item_view_of(widget: QWidget) -> QAbstractItemView | None:
    """The list or table that a widget is an editor of, or None."""
    port = widget.parentWidget()
    view = port.parentWidget() if port is not None else None
    return view if isinstance(view, QAbstractItemView) and view.viewport() is port else None


def _is_editor_of(old: QWidget | None, now: QWidget) -> bool:
    """Whether ``old`` is the editor of a row of ``now`` that has closed."""
    return (
        old is not None
        and shiboken6.isValid(old)
        and isinstance(old, QLineEdit)
        and _item_view_of(old) is now
    )
