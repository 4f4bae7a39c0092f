"""BrushBar: the brush's size and its eraser, over the canvas while the brush is in use."""

from __future__ import annotations

import math

from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QFrame, QHBoxLayout, QSlider, QToolButton, QWidget

from samdesk.ui.canvas.tools.base import Tool
from samdesk.ui.canvas.tools.brush import LARGEST, SMALLEST, BrushTool
from samdesk.ui.canvas.view import CanvasView
from samdesk.ui.kit.icons import icon
from samdesk.ui.kit.overlay import MARGIN, Overlay
from samdesk.ui.kit.plain import PlainLabel
from samdesk.ui.kit.theme import UNIT

_STEPS = 200
"""Steps of the slider, by equal factors."""


class BrushBar(QFrame):
    """Shows and sets the size of the brush, and whether it erases. Never takes keyboard focus."""

    def __init__(self, canvas: CanvasView, brush: BrushTool) -> None:
        super().__init__(canvas)
        self._brush = brush
        self.setProperty("card", True)
        self.setObjectName("brush_bar")
        self.setAccessibleName("Brush options")
        self.setCursor(Qt.CursorShape.ArrowCursor)
        self.slider = QSlider(Qt.Orientation.Horizontal, self)
        self.slider.setRange(0, _STEPS)
        self.slider.setFixedWidth(18 * UNIT)
        self.slider.setAccessibleName("Brush size")
        self.slider.setToolTip("Brush size in image pixels: [ and ], or Shift+wheel")
        self.value = PlainLabel("", self)
        self.value.setAccessibleName("Brush size in pixels")
        self.value.setMinimumWidth(self.value.fontMetrics().horizontalAdvance("8888 px"))
        self.eraser = QToolButton(self)
        self.eraser.setIcon(icon("ph.eraser"))
        self.eraser.setCheckable(True)
        self.eraser.setAutoRaise(True)
        self.eraser.setAccessibleName("Erase")
        self.eraser.setToolTip("Erase. Ctrl, Alt or the right button erase for one stroke")
        layout = QHBoxLayout(self)
        layout.setContentsMargins(UNIT * 3 // 2, UNIT // 2, UNIT // 2, UNIT // 2)
        layout.setSpacing(UNIT)
        layout.addWidget(PlainLabel("Size", self))
        for widget in (self.slider, self.value, self.eraser):
            layout.addWidget(widget)
        for control in (self.slider, self.eraser):
            control.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.slider.valueChanged.connect(lambda step: brush.set_size(_size_at(step)))
        self.eraser.toggled.connect(brush.set_erases)
        brush.options_changed.connect(self._show_options)
        canvas.tool_changed.connect(self._follow_tool)
        self._overlay = _TopLeft(canvas, self)
        self._show_options()
        self.hide()

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Keeps clicks beside the controls off the canvas."""
        event.accept()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        """Keeps clicks beside the controls off the canvas."""
        event.accept()

    def _follow_tool(self, tool: Tool) -> None:
        self.setVisible(tool is self._brush)

    def _show_options(self) -> None:
        for widget in (self.slider, self.eraser):
            widget.blockSignals(True)
        self.slider.setValue(_step_of(self._brush.size))
        self.eraser.setChecked(self._brush.erases)
        for widget in (self.slider, self.eraser):
            widget.blockSignals(False)
        self.value.setText(f"{self._brush.size:.0f} px")


class _TopLeft(Overlay):
    """Keeps a widget at the top left of the host."""

    def __init__(self, host: QWidget, widget: QWidget) -> None:
        super().__init__(host, widget, host)
        self._room, self._card = host, widget
        self.place()

    def _geometry(self) -> QRect:
        room = self._room.size() - QSize(2 * MARGIN, 2 * MARGIN)
        return QRect(QPoint(MARGIN, MARGIN), self._fitted(0, room))


def _size_at(step: int) -> float:
    return float(round(SMALLEST * (LARGEST / SMALLEST) ** (step / _STEPS)))


def _step_of(size: float) -> int:
    return round(_STEPS * math.log(size / SMALLEST) / math.log(LARGEST / SMALLEST))
