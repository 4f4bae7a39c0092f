"""AdjustPanel: sliders for how the image is shown, on a card over the canvas, and a chip that says so."""

from __future__ import annotations

import math

from PySide6.QtCore import QPoint, QRect, QSize, Qt, Signal
from PySide6.QtGui import QHideEvent, QMouseEvent, QShowEvent
from PySide6.QtWidgets import (
    QCheckBox,
    QFrame,
    QGridLayout,
    QHBoxLayout,
    QPushButton,
    QSlider,
    QToolButton,
    QVBoxLayout,
    QWidget,
)

from samdesk.ui.canvas.layers.adjustments import Adjustments, signed
from samdesk.ui.canvas.view import CanvasView
from samdesk.ui.kit.icons import icon
from samdesk.ui.kit.overlay import MARGIN, Overlay
from samdesk.ui.kit.plain import PlainLabel, button_text, plain
from samdesk.ui.kit.theme import UNIT

_ROWS = ("brightness", "contrast", "gamma")
_REACH = 100
"""Sliders go from minus this to this; 0 is neutral."""
_MOST_GAMMA = 5.0


class AdjustPanel(QFrame):
    """Shows and sets the ``Adjustments`` of a canvas.

    Signals:
        shown_changed: It was opened or closed.
    """

    shown_changed = Signal()

    def __init__(self, canvas: CanvasView) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self._showing = False
        self.setProperty("card", True)
        self.setAccessibleName("Adjust view")
        self.setCursor(Qt.CursorShape.ArrowCursor)
        self.sliders = {name: self._slider(name) for name in _ROWS}
        self.values = {name: PlainLabel("", self) for name in _ROWS}
        self.equalise = QCheckBox("Equalise tones", self)
        self.equalise.setToolTip("Spreads the tones, so that dark and light parts show more")
        self.reset = QPushButton("Reset", self)
        self.close_button = QToolButton(self)
        self.close_button.setProperty("flat", True)
        self.close_button.setIcon(icon("ph.x"))
        self.close_button.setAccessibleName("Close")
        self.close_button.setToolTip("Close; the adjustments stay")
        self._lay_out()
        for slider in self.sliders.values():
            slider.valueChanged.connect(self._apply)
        self.equalise.toggled.connect(self._apply)
        self.reset.clicked.connect(lambda: canvas.set_adjustments(Adjustments()))
        self.close_button.clicked.connect(self.hide)
        canvas.adjustments_changed.connect(self._show_values)
        self._overlay = _TopRight(canvas, self)
        self._show_values(canvas.adjustments)
        self.hide()

    def open(self) -> None:
        """Shows the panel with the keyboard on its first slider."""
        self.show()
        self.sliders[_ROWS[0]].setFocus(Qt.FocusReason.OtherFocusReason)

    def showEvent(self, event: QShowEvent) -> None:
        """Emits ``shown_changed``."""
        super().showEvent(event)
        self.shown_changed.emit()

    def hideEvent(self, event: QHideEvent) -> None:
        """Emits ``shown_changed``."""
        super().hideEvent(event)
        self.shown_changed.emit()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Keeps clicks beside the controls off the canvas."""
        event.accept()

    def _slider(self, name: str) -> QSlider:
        slider = QSlider(Qt.Orientation.Horizontal, self)
        slider.setRange(-_REACH, _REACH)
        slider.setPageStep(10)
        slider.setFixedWidth(20 * UNIT)
        slider.setAccessibleName(plain(name.capitalize()))
        slider.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        return slider

    def _lay_out(self) -> None:
        title = PlainLabel("Adjust view", self)
        title.setProperty("heading", True)
        note = PlainLabel("Files and models are not affected.", self)
        note.setProperty("muted", True)
        note.setWordWrap(True)
        head = QHBoxLayout()
        head.addWidget(title, 1)
        head.addWidget(self.close_button)
        grid = QGridLayout()
        grid.setHorizontalSpacing(UNIT)
        grid.setVerticalSpacing(UNIT)
        width = self.fontMetrics().horizontalAdvance("+100") + 2
        for row, name in enumerate(_ROWS):
            value = self.values[name]
            value.setAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            value.setMinimumWidth(width)
            grid.addWidget(PlainLabel(name.capitalize(), self), row, 0)
            grid.addWidget(self.sliders[name], row, 1)
            grid.addWidget(value, row, 2)
        foot = QHBoxLayout()
        foot.addWidget(self.equalise, 1)
        foot.addWidget(self.reset)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(UNIT * 3 // 2, UNIT, UNIT, UNIT)
        layout.setSpacing(UNIT)
        for part in (head, grid, foot):
            layout.addLayout(part)
        layout.addWidget(note)

    def _apply(self, _value: object = None) -> None:
        if self._showing:
            return
        gamma = _MOST_GAMMA ** (self.sliders["gamma"].value() / _REACH)
        self._canvas.set_adjustments(
            Adjustments(
                self.sliders["brightness"].value(),
                self.sliders["contrast"].value(),
                round(100 * gamma),
                self.equalise.isChecked(),
            )
        )

    def _show_values(self, adjustments: Adjustments) -> None:
        gamma = adjustments.gamma / 100
        at = {
            "brightness": adjustments.brightness,
            "contrast": adjustments.contrast,
            "gamma": round(_REACH * math.log(gamma, _MOST_GAMMA)),
        }
        self._showing = True
        for name, slider in self.sliders.items():
            if not slider.isSliderDown():
                slider.setValue(at[name])
        self.equalise.setChecked(adjustments.equalise)
        self._showing = False
        self.values["brightness"].setText(signed(adjustments.brightness))
        self.values["contrast"].setText(signed(adjustments.contrast))
        self.values["gamma"].setText(f"{gamma:.2f}")
        self.reset.setEnabled(not adjustments.neutral)


class AdjustChip(QToolButton):
    """Says over the canvas that the image is not shown as it is; a click opens the panel."""

    def __init__(self, canvas: CanvasView, panel: AdjustPanel) -> None:
        super().__init__(canvas)
        self._panel = panel
        self.setObjectName("adjusted")
        self.setIcon(icon("ph.sliders-horizontal"))
        self.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self.setCursor(Qt.CursorShape.ArrowCursor)
        self.setToolTip("The image is shown adjusted; files and models are not affected. Click to change it.")
        self.clicked.connect(panel.open)
        canvas.adjustments_changed.connect(self._follow)
        panel.shown_changed.connect(lambda: self._follow(canvas.adjustments))
        self._overlay = _TopRight(canvas, self)
        self.hide()

    def _follow(self, adjustments: Adjustments) -> None:
        self.setText(button_text(f" View: {adjustments.words}"))
        self.setAccessibleName(plain(f"View adjusted: {adjustments.words}"))
        self.setVisible(not adjustments.neutral and self._panel.isHidden())
        self._overlay.place()


class _TopRight(Overlay):
    """Keeps a widget in the top right corner of the canvas."""

    def __init__(self, host: QWidget, widget: QWidget) -> None:
        super().__init__(host, widget, host)
        self.place()

    def _geometry(self) -> QRect:
        size = self._fitted(0, self._host.size() - QSize(2 * MARGIN, 2 * MARGIN))
        return QRect(QPoint(self._host.width() - MARGIN - size.width(), MARGIN), size)
