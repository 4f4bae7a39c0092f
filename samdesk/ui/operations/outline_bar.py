"""OutlineBar: smooths, simplifies or tidies the selection with a slider, over the canvas."""

from __future__ import annotations

from itertools import islice

from PySide6.QtCore import QRectF, Qt, Signal
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import (
    QButtonGroup,
    QFrame,
    QHBoxLayout,
    QPushButton,
    QSlider,
    QToolButton,
    QVBoxLayout,
)

from samdesk.base.text import counted
from samdesk.domain.operations import Adjustment
from samdesk.ui.canvas.view import CanvasView
from samdesk.ui.kit.overlay import DodgingOverlay
from samdesk.ui.kit.plain import PlainLabel, button_text, tip
from samdesk.ui.kit.shield import shield
from samdesk.ui.kit.theme import UNIT
from samdesk.ui.operations.kinds import KINDS, OutlineKind

_STEPS = 100
_MOST_SPARED = 50
"""Selected annotations whose places the bar avoids."""
_ANOTHER_BAR = 1e6
"""How much worse it is to hide a pixel of another bar, the brush's say, than one of the selection."""


class OutlineBar(QFrame):
    """The kind, a slider for its amount, what it does to the vertices, and whether to keep it.

    Signals:
        kind_chosen: (``OutlineKind``) the user chose another kind.
        amount_changed: (float) the user moved the slider.
        accepted: The user keeps what is shown.
        cancelled: The user goes back to what was there before.
    """

    kind_chosen = Signal(object)
    amount_changed = Signal(float)
    accepted = Signal()
    cancelled = Signal()

    def __init__(self, canvas: CanvasView) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self.setProperty("card", True)
        self.setCursor(Qt.CursorShape.ArrowCursor)
        self.setAccessibleName("Adjust outline")
        self._kind = KINDS[0]
        self.kinds = {kind.id: self._kind_button(kind) for kind in KINDS}
        self.slider = QSlider(Qt.Orientation.Horizontal, self)
        self.slider.setRange(0, _STEPS)
        self.slider.setPageStep(_STEPS // 10)
        self.slider.setMinimumWidth(24 * UNIT)
        self.slider.setAccessibleName("Amount")
        self.amount_label = PlainLabel("", self)
        self.amount_label.setMinimumWidth(9 * UNIT)
        self.detail = PlainLabel("", self)
        self.cancel_button = QPushButton("Cancel", self)
        self.cancel_button.setToolTip("Go back to the outline as it was (Esc)")
        self.accept_button = QPushButton("Accept", self)
        self.accept_button.setToolTip("Keep this outline (Enter)")
        self.accept_button.setProperty("primary", True)
        for button in (self.cancel_button, self.accept_button):
            button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._lay_out()
        self.slider.valueChanged.connect(lambda _value: self._move())
        self.cancel_button.clicked.connect(self.cancelled)
        self.accept_button.clicked.connect(self.accepted)
        self.setVisible(False)
        self._overlay = DodgingOverlay(canvas, self, self._hidden)

    def open(self, kind: OutlineKind, amount: float) -> None:
        """Shows the bar with the keyboard on its slider."""
        self.set_kind(kind, amount)
        self.detail.setText("")
        self.setVisible(True)
        self.slider.setFocus(Qt.FocusReason.OtherFocusReason)

    def close_bar(self) -> None:
        """Hides the bar."""
        if not self.isHidden():
            shield(self)  # a click on its way to a button is no prompt
            self.setVisible(False)

    def set_kind(self, kind: OutlineKind, amount: float) -> None:
        """Shows a kind and its amount."""
        self._kind = kind
        self.kinds[kind.id].setChecked(True)
        blocked = self.slider.blockSignals(True)
        self.slider.setValue(round(kind.share(amount) * _STEPS))
        self.slider.blockSignals(blocked)
        self.slider.setToolTip(tip(kind.tip))
        self._show_amount(amount)

    def step(self, steps: int) -> None:
        """Moves the slider by steps of a twentieth of its length."""
        self.slider.setValue(self.slider.value() + steps * _STEPS // 20)

    def set_result(self, adjustment: Adjustment) -> None:
        """Shows what the adjustment does to the selection."""
        lowest = "Lowest IoU" if len(adjustment.annotations) > 1 else "IoU"
        self.detail.setText(
            f"{adjustment.vertices_before:,} → {counted(adjustment.vertices, 'vertex', 'vertices')}"
            f"  ·  {lowest} {adjustment.iou:.3f}"
        )

    def _hidden(self, rect: QRectF) -> float:
        """How much of the selection's bounds a rectangle of the canvas covers, square logical pixels.

        What it covers of another bar counts so much that it never lies there.
        """
        covered = 0.0
        for other in self._canvas.findChildren(QFrame, options=Qt.FindChildOption.FindDirectChildrenOnly):
            if other is not self and other.isVisible():
                common = QRectF(other.geometry()).intersected(rect)
                covered += _ANOTHER_BAR * common.width() * common.height()
        for shape in (self._canvas.shape(i) for i in islice(self._canvas.selection, _MOST_SPARED)):
            if shape is not None:
                bounds = shape.bounds
                top_left = self._canvas.to_widget(bounds.left(), bounds.top())
                bottom_right = self._canvas.to_widget(bounds.right(), bounds.bottom())
                common = QRectF(top_left, bottom_right).intersected(rect)
                covered += common.width() * common.height()
        return covered

    def _move(self) -> None:
        amount = self._kind.amount(self.slider.value() / _STEPS)
        self._show_amount(amount)
        self.amount_changed.emit(amount)

    def _show_amount(self, amount: float) -> None:
        self.amount_label.setText(self._kind.words(amount))

    def _kind_button(self, kind: OutlineKind) -> QToolButton:
        button = QToolButton(self)
        button.setText(button_text(kind.title))
        button.setToolTip(tip(kind.tip))
        button.setCheckable(True)
        button.setProperty("flat", True)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        button.clicked.connect(lambda _checked=False: self.kind_chosen.emit(kind))
        return button

    def _lay_out(self) -> None:
        group = QButtonGroup(self)
        top, bottom, rows = QHBoxLayout(), QHBoxLayout(), QVBoxLayout(self)
        for button in self.kinds.values():
            group.addButton(button)
            top.addWidget(button)
        top.addSpacing(2 * UNIT)
        top.addWidget(self.slider, 1)
        top.addWidget(self.amount_label)
        bottom.addSpacing(UNIT // 2)  # in line with the text of the buttons above
        bottom.addWidget(self.detail, 1)
        bottom.addWidget(self.cancel_button)
        bottom.addWidget(self.accept_button)
        for row in (top, bottom):
            row.setSpacing(UNIT)
            rows.addLayout(row)
        rows.setContentsMargins(UNIT * 3 // 2, UNIT, UNIT * 3 // 2, UNIT)
        rows.setSpacing(UNIT)

    # Qt overrides: what happens on the bar does not reach the canvas below

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        event.accept()

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        event.accept()

    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        event.accept()
