"""MomentField: a spin box for a moment of a video, shown as 1:05.5."""

from __future__ import annotations

from PySide6.QtGui import QValidator
from PySide6.QtWidgets import QDoubleSpinBox, QWidget

from samdesk.exchange.frames.times import clock, moment
from samdesk.ui.kit.plain import plain
from samdesk.ui.kit.theme import UNIT


class MomentField(QDoubleSpinBox):
    """Seconds, typed and shown as minutes and seconds."""

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(plain(name))
        self.setDecimals(2)
        self.setSingleStep(1)
        self.setFixedWidth(13 * UNIT)
        self.setToolTip("Minutes and seconds, like 1:05 or 0:07.5, or only seconds")

    def textFromValue(self, value: float) -> str:  # noqa: D102 - Qt's
        return clock(value)

    def valueFromText(self, text: str) -> float:  # noqa: D102 - Qt's
        try:
            return moment(text)
        except ValueError:
            return self.value()

    def validate(self, text: str, position: int) -> tuple[QValidator.State, str, int]:  # noqa: D102 - Qt's
        try:
            fits = self.minimum() <= moment(text) <= self.maximum() + 0.005
        except ValueError:
            fits = False
        return (QValidator.State.Acceptable if fits else QValidator.State.Intermediate), text, position
