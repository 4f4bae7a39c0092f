"""OutlineStyle: Fusion with outlines that are visible in the dark theme, where its own are too dark."""

from __future__ import annotations

from PySide6.QtCore import QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPalette, QPen
from PySide6.QtWidgets import (
    QApplication,
    QProxyStyle,
    QStyle,
    QStyleHintReturn,
    QStyleOption,
    QStyleOptionComplex,
    QWidget,
)

from samdesk.ui.kit.focus import limit_click_focus

_BOXES = (QStyle.PrimitiveElement.PE_IndicatorCheckBox, QStyle.PrimitiveElement.PE_IndicatorItemViewItemCheck)
_FIELDS = (QStyle.ComplexControl.CC_SpinBox, QStyle.ComplexControl.CC_ComboBox)


class OutlineStyle(QProxyStyle):
    """Fusion, with fields, check boxes and radio buttons outlined in the palette's ``Dark``."""

    def __init__(self) -> None:
        super().__init__("Fusion")

    # Qt overrides

    def polish(self, what: QWidget | QApplication | QPalette) -> None:  # type: ignore[override]
        """Fusion's, and where a click gives the keyboard: see ``limit_click_focus``."""
        super().polish(what)
        if isinstance(what, QWidget):
            limit_click_focus(what)

    def drawPrimitive(
        self,
        element: QStyle.PrimitiveElement,
        option: QStyleOption,
        painter: QPainter,
        widget: QWidget | None = None,
    ) -> None:
        """Fusion's, then the outline."""
        super().drawPrimitive(element, option, painter, widget)
        if element in _BOXES:
            _outline(painter, option, 2.0)
        elif element == QStyle.PrimitiveElement.PE_IndicatorRadioButton:
            _outline(painter, option, option.rect.height() / 2)
        elif element == QStyle.PrimitiveElement.PE_FrameLineEdit:
            _outline(painter, option, 2.0)

    def styleHint(
        self,
        hint: QStyle.StyleHint,
        option: QStyleOption | None = None,
        widget: QWidget | None = None,
        data: QStyleHintReturn | None = None,
    ) -> int:
        """Fusion's, but without icons on dialog buttons, which some desktops would add."""
        if hint == QStyle.StyleHint.SH_DialogButtonBox_ButtonsHaveIcons:
            return 0
        return super().styleHint(hint, option, widget, data)

    def drawComplexControl(
        self,
        control: QStyle.ComplexControl,
        option: QStyleOptionComplex,
        painter: QPainter,
        widget: QWidget | None = None,
    ) -> None:
        """Fusion's, then the outline."""
        super().drawComplexControl(control, option, painter, widget)
        if control in _FIELDS:
            _outline(painter, option, 2.0)


def _outline(painter: QPainter, option: QStyleOption, radius: float) -> None:
    if option.state & QStyle.StateFlag.State_HasFocus:
        return  # Fusion paints the focus itself
    color: QColor = option.palette.color(QPalette.ColorRole.Dark)
    rect = QRectF(option.rect).adjusted(0.5, 0.5, -0.5, -0.5)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(QPen(color, 1))
    painter.drawRoundedRect(rect, radius, radius)
    painter.restore()
