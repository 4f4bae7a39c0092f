"""CarryBar: what was carried to the image, what of it is doubtful, and what can be done, above the canvas."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from samdesk.ui.commands.actions import Actions
from samdesk.ui.commands.buttons import CommandButton
from samdesk.ui.kit.icons import icon
from samdesk.ui.kit.plain import PlainLabel, plain, tip
from samdesk.ui.kit.shield import shield
from samdesk.ui.kit.theme import UNIT

_DECIDE = ("carry.swap", "carry.reject", "carry.accept")


class CarryBar(QFrame):
    """Shows what was carried; decides nothing.

    Signals:
        closed: The user has read it.
    """

    closed = Signal()

    def __init__(self, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("job")
        self.setAutoFillBackground(True)
        self.setAccessibleName("Carried objects")
        self.heading = PlainLabel("", self)
        self.heading.setProperty("heading", True)
        self.detail = PlainLabel("", self)
        self.detail.setProperty("muted", True)
        for label in (self.heading, self.detail):
            label.setWordWrap(True)
            policy = label.sizePolicy()  # keeps height-for-width
            policy.setHorizontalPolicy(QSizePolicy.Policy.Expanding)
            label.setSizePolicy(policy)
        self.buttons = {name: CommandButton(actions, name, self) for name in (*_DECIDE, "carry.next")}
        self.buttons["carry.accept"].setProperty("primary", True)
        self.close_button = QToolButton(self)
        self.close_button.setProperty("flat", True)
        self.close_button.setIcon(icon("ph.x"))
        self.close_button.setIconSize(QSize(18, 18))
        self.close_button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.close_button.clicked.connect(self.closed)
        self._shown: tuple[str, str, tuple[str, ...], str] | None = None
        self._lay_out()
        self.setVisible(False)

    def _lay_out(self) -> None:
        words = QVBoxLayout()
        words.setSpacing(0)
        words.addStretch(1)
        words.addWidget(self.heading)
        words.addWidget(self.detail)
        words.addStretch(1)
        layout = QHBoxLayout(self)
        layout.setContentsMargins(UNIT * 3 // 2, UNIT // 2, UNIT, UNIT // 2)
        layout.setSpacing(UNIT)
        layout.addLayout(words, 1)
        lines = 2 * self.fontMetrics().lineSpacing() + UNIT  # with one line, too: the canvas keeps its size
        self.setMinimumHeight(max(lines, self.buttons["carry.accept"].sizeHint().height() + UNIT))
        for button in (*self.buttons.values(), self.close_button):
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
            layout.addWidget(button)

    def show_progress(self, text: str, detail: str) -> None:
        """Says what is being carried."""
        self._show(text, detail, (), "Cancel (Esc)")

    def show_result(self, text: str, detail: str, *, pending: bool, some: bool) -> None:
        """Says what was carried.

        Args:
            text: What.
            detail: What else there is to know, as sentences.
            pending: Whether there is something to decide about.
            some: Whether anything was carried, which can be carried on then.
        """
        further = ("carry.next",) if some else ()
        self._show(text, detail, _DECIDE if pending else further, "Close")

    def vanish(self) -> None:
        """Hides the bar; the canvas moves into its place."""
        self._shown = None
        if not self.isHidden():
            shield(self)
            self.setVisible(False)

    def _show(self, text: str, detail: str, offered: tuple[str, ...], close: str) -> None:
        shown = (text, detail, offered, close)
        if shown == self._shown:
            return
        self._shown = shown
        self.heading.setText(text)
        self.detail.setText(detail)
        self.detail.setVisible(bool(detail))
        self.setAccessibleDescription(plain(f"{text}. {detail}"))
        for name, button in self.buttons.items():
            button.setVisible(name in offered)
        self.close_button.setToolTip(tip(close))
        self.close_button.setAccessibleName(plain(close))
        self.setVisible(True)
