"""Non-modal messages beside the canvas, optionally with action buttons."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

from PySide6.QtCore import QEvent, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QColor
from PySide6.QtWidgets import (
    QFrame,
    QHBoxLayout,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from samdesk.ui.kit.icons import icon
from samdesk.ui.kit.plain import PlainLabel, button_text, plain_lines
from samdesk.ui.kit.shield import shield
from samdesk.ui.kit.theme import UNIT, Tokens, current_tokens

Action = tuple[str, Callable[[], Any]]
"""A button of a message: its text and its callback."""

LIMIT = 3
"""Maximum messages shown at once; the oldest of the least severe is dropped."""

ROOM = 82 * UNIT
"""Maximum width of text and buttons side by side, logical pixels."""

_ICONS = {"info": "ph.info", "warning": "ph.warning", "error": "ph.warning-octagon"}
_WEIGHT = {"info": 0, "warning": 1, "error": 2}


def kind_color(tokens: Tokens, kind: str) -> QColor:
    """The colour of a kind of message."""
    return QColor({"warning": tokens.warning, "error": tokens.bad}.get(kind, tokens.accent))


def _seconds(kind: str, has_buttons: bool) -> float | None:
    """How long a message stays by default; None: until it is closed."""
    if kind == "info":
        return 12 if has_buttons else 6
    return 12 if kind == "warning" and not has_buttons else None


class MessageRow(QFrame):
    """One message: icon, text, buttons, close."""

    closed = Signal()
    dismissed = Signal()
    """By the user, with the close button."""

    def __init__(
        self, text: str, kind: str, actions: Sequence[Action], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self.setObjectName("message")
        self.text, self.kind = text, kind
        self.clicked = False  # closed by a click of the user
        self._timer: QTimer | None = None
        self.setAccessibleName(plain_lines(f"{kind}: {text}"))
        self._mark = PlainLabel("", self)
        self._label = PlainLabel(text, self)
        self._label.setWordWrap(True)
        self._label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        policy = self._label.sizePolicy()  # keeps height-for-width
        policy.setHorizontalPolicy(QSizePolicy.Policy.Expanding)
        self._label.setSizePolicy(policy)
        self._actions = tuple(actions)
        self.buttons = [self._button(number, title) for number, (title, _) in enumerate(actions)]
        self._lay_out()
        self.refresh()

    def _lay_out(self) -> None:
        """Places the buttons beside the text, or below it if they would squeeze it."""
        rows = QVBoxLayout(self)
        rows.setContentsMargins(UNIT * 3 // 2, UNIT // 2, UNIT // 2, UNIT // 2)
        rows.setSpacing(UNIT // 2)
        head, foot = QHBoxLayout(), QHBoxLayout()
        for row in (head, foot):
            row.setSpacing(UNIT)
        rows.addLayout(head)
        head.addWidget(self._mark)
        head.addWidget(self._label, 1)
        wide = self._label.fontMetrics().horizontalAdvance(self._label.text()) + sum(
            button.sizeHint().width() + UNIT for button in self.buttons
        )
        below = bool(self.buttons) and wide > ROOM
        if below:
            foot.addStretch(1)
            rows.addLayout(foot)
        for button in self.buttons:
            (foot if below else head).addWidget(button)
        head.addWidget(self._close_button())
        if below:
            foot.addSpacing(UNIT // 2)

    def refresh(self) -> None:
        """Applies the colours of the current theme."""
        color = kind_color(current_tokens(), self.kind)
        self._mark.setPixmap(icon(_ICONS[self.kind], color).pixmap(QSize(18, 18), self.devicePixelRatioF()))

    @property
    def closes_by_itself(self) -> bool:
        """Whether it closes after a time."""
        return self._timer is not None

    def close_after(self, seconds: float) -> None:
        """Closes the message after a time, but not while the mouse or the focus is on it."""
        self._timer = QTimer(self)
        self._timer.setInterval(int(seconds * 1000))
        self._timer.timeout.connect(lambda: None if self._in_use() else self.closed.emit())
        self._timer.start()

    def _in_use(self) -> bool:
        return self.underMouse() or any(child.hasFocus() for child in self.findChildren(QWidget))

    def update_text(self, text: str, kind: str, actions: Sequence[Action]) -> bool:
        """Replaces text and callbacks in place, so that a button stays under the mouse.

        Returns False if the kind or the buttons differ.
        """
        if kind != self.kind or [title for title, _ in actions] != [title for title, _ in self._actions]:
            return False
        self.text, self._actions = text, tuple(actions)
        self._label.setText(text)
        self.setAccessibleName(plain_lines(f"{kind}: {text}"))
        if self._timer is not None:
            self._timer.start()
        return True

    def _button(self, number: int, title: str) -> QPushButton:
        button = QPushButton(button_text(title), self)

        def run() -> None:
            self.clicked = True
            slot = self._actions[number][1]
            self.closed.emit()
            slot()

        button.clicked.connect(run)
        return button

    def _close_button(self) -> QToolButton:
        button = QToolButton(self)
        button.setProperty("flat", True)
        button.setIcon(icon("ph.x"))
        button.setToolTip("Dismiss")
        button.setAccessibleName("Dismiss message")
        button.clicked.connect(self._dismiss)
        return button

    def _dismiss(self) -> None:
        self.clicked = True
        self.dismissed.emit()
        self.closed.emit()


class MessageBar(QWidget):
    """The stack of messages. A message replaces one with the same key."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._layout = QVBoxLayout(self)
        self._layout.setContentsMargins(0, 0, 0, 0)
        self._layout.setSpacing(UNIT // 2)
        self._rows: dict[str, MessageRow] = {}
        self._made = 0
        self.setVisible(False)

    @property
    def rows(self) -> tuple[MessageRow, ...]:
        """The messages shown, oldest first."""
        return tuple(self._rows.values())

    def texts(self) -> list[str]:
        """The texts shown, oldest first."""
        return [row.text for row in self._rows.values()]

    def show_message(
        self,
        text: str,
        kind: str = "info",
        actions: Sequence[Action] = (),
        key: str = "",
        seconds: float | None = None,
        dismissed: Callable[[], Any] | None = None,
    ) -> None:
        """Shows a message.

        Args:
            text: What happened, to which file, and what to do next; plain text.
            kind: "info", "warning" or "error".
            actions: Buttons; each also dismisses the message.
            key: Messages with the same key replace each other; empty: the text is the key.
            seconds: Time until it closes, not while the mouse or the focus is on it; 0: it stays; None: 6 s
                for "info", 12 s if it has buttons; 12 s for a "warning" without any; others stay.
            dismissed: Called if the user closes the message without a button.
        """
        key = key or text
        shown = self._rows.get(key)
        if shown is not None and shown.update_text(text, kind, actions):
            return
        row = MessageRow(text, kind, actions, self)
        row.closed.connect(lambda: self._close(key, row))
        if dismissed is not None:
            row.dismissed.connect(dismissed)
        if seconds is None:
            seconds = _seconds(kind, bool(actions))
        if seconds:
            row.close_after(seconds)
        self._replace(key, row)
        self._drop_excess()
        self.setVisible(bool(self._rows))

    def dismiss(self, key: str) -> None:
        """Closes a message, if it is shown."""
        row = self._rows.get(key)
        if row is not None:
            self._close(key, row)

    def leave_image(self) -> None:
        """Closes warnings without buttons: the user has gone on to another image."""
        for key, row in list(self._rows.items()):
            if row.kind == "warning" and not row.buttons:
                self._close(key, row)

    def clear(self) -> None:
        """Closes all messages."""
        for key in list(self._rows):
            self.dismiss(key)

    def changeEvent(self, event: QEvent) -> None:
        """Follows a theme change."""
        super().changeEvent(event)
        if event.type() == QEvent.Type.PaletteChange:
            for row in self._rows.values():
                row.refresh()

    def _replace(self, key: str, row: MessageRow) -> None:
        old = self._rows.get(key)
        if old is None:
            self._layout.insertWidget(self._place(row), row)
        else:
            self._layout.replaceWidget(old, row)
            old.hide()
            old.deleteLater()
        self._rows[key] = row

    def _place(self, row: MessageRow) -> int:
        """Where a row belongs: the newest on top, those that stay below those that close by themselves.

        The lower edge of the bar stays where it is, so a button that waits for an answer does not move while
        the mouse is on its way to it.
        """
        if row.closes_by_itself:
            return 0
        return sum(other.closes_by_itself for other in self._rows.values())

    def _drop_excess(self) -> None:
        while len(self._rows) > LIMIT:
            newest = next(reversed(self._rows))
            others = [key for key in self._rows if key != newest]
            self._close(min(others, key=lambda key: _WEIGHT[self._rows[key].kind]), None)

    def _close(self, key: str, row: MessageRow | None) -> None:
        found = self._rows.get(key)
        if found is None or (row is not None and found is not row):
            return
        if not found.clicked or len(self._rows) == 1:
            shield(self)  # a click on its way to the message must not hit what is below it, or the next one
        del self._rows[key]
        self._layout.removeWidget(found)
        found.hide()
        found.deleteLater()
        self.setVisible(bool(self._rows))
