"""Guide: the three steps of labelling, in a row above the canvas, for those who try samdesk."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QToolButton, QWidget

from samdesk.ui.commands.actions import Actions
from samdesk.ui.kit.icons import icon
from samdesk.ui.kit.shield import shield
from samdesk.ui.kit.theme import UNIT, current_tokens

POINT, ACCEPT, NEXT, DONE = range(4)
"""The steps: place a prompt, accept its mask, go to the next image; then all is done."""


class Guide(QFrame):
    """Names three steps, the current one in bold, and marks those done. Hidden unless ``begin`` is called.

    It is a row of its own, because everything that floats over the image would hide a part of it. It goes
    when another image is shown anyway, so that no image moves under the mouse.

    Signals:
        finished: The user has gone through all steps, or has closed it.
    """

    finished = Signal()

    def __init__(self, actions: Actions, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("job")
        self.setAccessibleName("Guide")
        self._actions = actions
        self._step = POINT
        self._image = ""
        self.steps = [QLabel(self) for _ in range(DONE)]
        close = QToolButton(self)
        close.setProperty("flat", True)
        close.setIcon(icon("ph.x"))
        close.setIconSize(QSize(12, 12))
        close.setToolTip("Close the guide")
        close.setAccessibleName("Close the guide")
        close.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        close.clicked.connect(self._finish)
        self.close_button = close
        layout = QHBoxLayout(self)
        layout.setContentsMargins(UNIT * 3 // 2, UNIT // 2, UNIT, UNIT // 2)
        layout.setSpacing(UNIT * 3)
        layout.addStretch(1)
        for label in self.steps:
            label.setTextFormat(Qt.TextFormat.RichText)
            layout.addWidget(label)
        layout.addStretch(1)
        layout.addWidget(close)
        actions.shortcuts_changed.connect(self._update)
        self.hide()

    @property
    def step(self) -> int:
        """The current step: ``POINT``, ``ACCEPT``, ``NEXT`` or ``DONE``."""
        return self._step

    def begin(self) -> None:
        """Shows the first step."""
        self._step = POINT
        self.show()
        self._update()

    def note_mask(self) -> None:
        """A mask of the user's prompts is shown."""
        self._advance(POINT)

    def note_added(self) -> None:
        """An annotation was added."""
        self._advance(ACCEPT)

    def note_image(self, key: str) -> None:
        """An image is shown; one after the first step ends the guide when the others are done."""
        if self._image and key != self._image and self._step == NEXT:
            self._advance(NEXT)
        self._image = key

    def changeEvent(self, event: object) -> None:
        """Follows a theme change."""
        super().changeEvent(event)  # type: ignore[arg-type]
        self._update()

    def _advance(self, done: int) -> None:
        if self.isHidden() or self._step != done:
            return
        self._step += 1
        self._update()
        if self._step == DONE:
            self._finish()

    def _finish(self) -> None:
        shield(self)
        self.hide()
        self.finished.emit()

    def _texts(self) -> tuple[str, str, str]:
        return (
            "Click an object, or drag a box around it",
            f"{self._key('prompt.accept', 'Enter')} keeps the mask",
            f"{self._key('image.next', 'D')} goes to the next image",
        )

    def _key(self, command_id: str, preferred: str) -> str:
        """A key of a command; ``preferred`` if it is one of them."""
        keys = self._actions.shortcut_texts(command_id)
        return preferred if preferred in keys or not keys else keys[0]

    def _update(self) -> None:
        if self.isHidden():
            return
        tokens = current_tokens()
        for number, (label, text) in enumerate(zip(self.steps, self._texts(), strict=True)):
            mark = "✓" if number < self._step else str(number + 1)
            color = tokens.text if number == self._step else tokens.muted
            accent = tokens.accent if number <= self._step else tokens.muted
            weight = 600 if number == self._step else 400
            label.setText(
                f"<span style='color:{accent};font-weight:600'>{mark}</span>&nbsp;&nbsp;"
                f"<span style='color:{color};font-weight:{weight}'>{text}</span>"
            )
