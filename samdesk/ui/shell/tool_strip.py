"""ToolStrip: the vertical toolbar of tools and canvas toggles."""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolBar, QToolButton, QWidget

from samdesk.ui.commands.actions import Actions
from samdesk.ui.commands.table import TOOL
from samdesk.ui.kit.theme import UNIT, current_tokens

BUTTON = 5 * UNIT
"""Side of a tool button, logical pixels."""


class KeyedButton(QToolButton):
    """A tool button with the shortcut of its command in the bottom right corner."""

    def __init__(self, actions: Actions, command_id: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._key = ""
        self._actions = actions
        self._command_id = command_id
        self.setDefaultAction(actions.action(command_id))
        self.setAccessibleName(actions.command(command_id).title)
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonIconOnly)
        self.setFixedSize(BUTTON, BUTTON)
        self.setIconSize(QSize(22, 22))
        actions.shortcuts_changed.connect(self._update_key)
        self._update_key()

    @property
    def key(self) -> str:
        """The shortcut shown: the command's first key if it is a single character, else empty."""
        return self._key

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paints the button and its shortcut."""
        super().paintEvent(event)
        if not self._key:
            return
        tokens = current_tokens()
        painter = QPainter(self)
        font = self.font()
        font.setPixelSize(9)
        painter.setFont(font)
        ink = tokens.disabled if not self.isEnabled() else tokens.accent if self.isChecked() else tokens.muted
        painter.setPen(QColor(ink))
        box = QRect(0, 0, self.width() - 5, self.height() - 3)
        painter.drawText(box, int(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignBottom), self._key)
        painter.end()

    def _update_key(self) -> None:
        key = self._actions.shortcut_text(self._command_id)
        self._key = key if len(key) == 1 else ""
        self.update()


class ToolStrip(QToolBar):
    """The tools, segment everything, and at the bottom the toggles of the canvas."""

    def __init__(self, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__("Tools", parent)
        self.setObjectName("tools")
        self.setOrientation(Qt.Orientation.Vertical)
        self.setMovable(False)
        self.setFloatable(False)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        self.toggleViewAction().setEnabled(False)
        self._actions = actions
        self.buttons: dict[str, KeyedButton] = {}
        for command in actions.commands:
            if command.exclusive == TOOL:
                self._add(command.id)
        self.addSeparator()
        self._add("sam.everything")
        spring = QWidget(self)
        spring.setSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Expanding)
        self.addWidget(spring)
        for command_id in ("view.hover_preview", "view.toggle_annotations", "view.fit"):
            self._add(command_id)

    def _add(self, command_id: str) -> None:
        button = KeyedButton(self._actions, command_id, self)
        self.buttons[command_id] = button
        self.addWidget(button)
