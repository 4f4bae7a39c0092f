"""TopBar: the horizontal toolbar, and the button that shows the model in use."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QToolBar, QToolButton, QWidget

from samdesk.ui.commands.actions import Actions
from samdesk.ui.kit.icons import icon
from samdesk.ui.kit.plain import button_text, plain, tip
from samdesk.ui.kit.theme import UNIT
from samdesk.ui.shell.status_bar import state_color

_WITH_TEXT = ("file.open_folder", "run.auto_annotate", "review.start", "image.accept_next")
_STATES = {
    "ok": "good",
    "ready": "good",
    "busy": "busy",
    "loading": "busy",
    "warning": "warning",
    "error": "bad",
}
_HEIGHT = 4 * UNIT


class ModelChip(QToolButton):
    """Shows the model, its device and its precision; a click opens the model dialog."""

    def __init__(self, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("chip")
        self._state = "none"
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.setIcon(icon("ph.cpu"))
        self.setIconSize(QSize(16, 16))
        self.setFixedHeight(_HEIGHT - 4)
        self.clicked.connect(actions.action("model.choose").trigger)
        self.set_model("No model", "Click to choose a model", "warning")

    @property
    def state(self) -> str:
        """The state shown: good, busy, warning or bad."""
        return self._state

    def set_model(self, text: str, explanation: str, state: str) -> None:
        """Shows a model.

        Args:
            text: Title, device and precision.
            explanation: The tooltip.
            state: "ok", "busy", "warning" or "error".
        """
        self._state = _STATES.get(state, "none")
        self.setText(f" {button_text(text)}     ")  # the spaces make room for the dot
        self.setToolTip(tip(explanation or text))
        self.setAccessibleName(plain(f"Model: {text}"))
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paints the button and the dot of its state at the right end."""
        super().paintEvent(event)
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        color = state_color(self._state)
        x, y = self.width() - 12 - 8, (self.height() - 8) // 2
        if self._state == "busy":
            painter.setPen(color)
            painter.drawEllipse(x + 1, y + 1, 6, 6)
        else:
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(color)
            painter.drawEllipse(x, y, 8, 8)
        painter.end()


class TopBar(QToolBar):
    """Open, undo, redo | auto-annotate | previous, next, accept image | model, theme, help."""

    def __init__(self, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__("Toolbar", parent)
        self.setObjectName("top")
        self.setMovable(False)
        self.setFloatable(False)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.PreventContextMenu)
        self.toggleViewAction().setEnabled(False)
        self.setIconSize(QSize(18, 18))
        self._actions = actions
        for group in (
            ("file.open_folder", "edit.undo", "edit.redo"),
            ("run.auto_annotate", "review.start"),
            ("image.previous", "image.next", "image.accept_next"),
        ):
            for command_id in group:
                self._add(command_id)
            self.addSeparator()
        last = self.actions()[-1]
        self.removeAction(last)
        spring = QWidget(self)
        spring.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Preferred)
        self.addWidget(spring)
        self.chip = ModelChip(actions, self)
        self.addWidget(self.chip)
        self._add("view.theme")
        self._add("help.shortcuts")

    def _add(self, command_id: str) -> None:
        button = QToolButton(self)
        button.setDefaultAction(self._actions.action(command_id))
        with_text = command_id in _WITH_TEXT
        style = (
            Qt.ToolButtonStyle.ToolButtonTextBesideIcon
            if with_text
            else Qt.ToolButtonStyle.ToolButtonIconOnly
        )
        button.setToolButtonStyle(style)
        button.setFixedHeight(_HEIGHT)
        button.setAccessibleName(self._actions.command(command_id).title)
        self.addWidget(button)
