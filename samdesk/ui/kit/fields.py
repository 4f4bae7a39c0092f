"""Form fields and labels shared by the dialogs."""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise, product

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QFormLayout,
    QFrame,
    QLabel,
    QLayout,
    QLayoutItem,
    QPushButton,
    QSpinBox,
    QWidget,
)

from samdesk.ui.kit.plain import PlainLabel, plain
from samdesk.ui.kit.theme import UNIT

TABLE_STYLE = """
    QAbstractItemView::item { padding: 3px 5px; border: none; }
    QAbstractItemView::item:selected { background: palette(highlight); color: palette(highlighted-text); }
    QHeaderView::section { background: palette(window); color: palette(placeholder-text); border: none;
        border-bottom: 1px solid palette(mid); padding: 5px 8px; }
"""
"""Style sheet of tables: padding around the text and a muted header."""

FIELD_WIDTH = 15 * UNIT

CHECKPOINTS = "Checkpoints (*.pt *.pth *.safetensors);;All files (*)"
"""File dialog filter for checkpoints."""


class ExplicitButton(QPushButton):
    """The main button of a dialog whose action rewrites files.

    Never the default: Enter in a field does not press it, only Enter or Space on the button itself.
    """

    def __init__(self, text: str, parent: QWidget | None = None) -> None:
        super().__init__(text, parent)
        self.setProperty("primary", True)
        self.setAutoDefault(False)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Enter presses the button too."""
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            self.click()
        else:
            super().keyPressEvent(event)


def select_entry(combo: QComboBox, value: str, title: str) -> None:
    """Selects the entry with this data; adds it with ``title`` if it is missing."""
    if combo.findData(value) < 0:
        combo.addItem(plain(title), value)
    combo.setCurrentIndex(combo.findData(value))


def fill_devices(combo: QComboBox, devices: list[tuple[str, str]]) -> None:
    """Fills a combo box with "Automatic" and devices (id, title); keeps the selected one."""
    chosen = combo.currentData() or ""
    blocked = combo.blockSignals(True)
    combo.clear()
    combo.addItem("Automatic", "")
    for device, title in devices:
        combo.addItem(title if device in title else f"{title} ({device})", device)
    combo.blockSignals(blocked)
    select_entry(combo, chosen, chosen)


def fraction_field(tip: str) -> QDoubleSpinBox:
    """A spin box for a number between 0 and 1."""
    spin = QDoubleSpinBox()
    spin.setRange(0.0, 1.0)
    spin.setSingleStep(0.05)
    spin.setDecimals(2)
    spin.setToolTip(tip)
    spin.setFixedWidth(FIELD_WIDTH)
    return spin


def integer_field(low: int, high: int, step: int, unit: str, tip: str) -> QSpinBox:
    """A spin box for an integer."""
    spin = QSpinBox()
    spin.setRange(low, high)
    spin.setSingleStep(step)
    spin.setSuffix(unit)
    spin.setToolTip(tip)
    spin.setFixedWidth(FIELD_WIDTH)
    return spin


def form() -> QFormLayout:
    """An empty form."""
    layout = QFormLayout()
    layout.setHorizontalSpacing(2 * UNIT)
    layout.setVerticalSpacing(UNIT)
    layout.setFieldGrowthPolicy(QFormLayout.FieldGrowthPolicy.AllNonFixedFieldsGrow)
    return layout


def caption(text: str, width: int = 0) -> QLabel:
    """The caption of a field."""
    label = PlainLabel(text)
    label.setMinimumWidth(width)
    return label


def heading(text: str) -> QLabel:
    """The title of a group of fields."""
    label = PlainLabel(text)
    label.setProperty("heading", True)
    return label


def muted_label(text: str = "") -> QLabel:
    """A word-wrapped label in the muted colour."""
    label = PlainLabel(text)
    label.setProperty("muted", True)
    label.setWordWrap(True)
    return label


def separator(parent: QWidget) -> QFrame:
    """A horizontal line."""
    line = QFrame(parent)
    line.setFrameShape(QFrame.Shape.HLine)
    line.setFrameShadow(QFrame.Shadow.Plain)
    line.setForegroundRole(parent.palette().ColorRole.Mid)
    return line


def tab_in_reading_order(dialog: QWidget) -> None:
    """Makes Tab go through the fields of a dialog in the order of its layouts, whenever they were made.

    Call it once everything is laid out: widgets without a parent at first come last otherwise.
    """
    for before, after in pairwise(_focusable(dialog.layout())):
        QWidget.setTabOrder(before, after)


def _focusable(item: QLayout | QLayoutItem | None) -> Iterator[QWidget]:
    """Yields the widgets of a layout that Tab reaches, those of inner layouts and widgets in their place."""
    if item is None:
        return
    widget = item.widget()
    if widget is not None:
        if widget.focusPolicy() & Qt.FocusPolicy.TabFocus:
            yield widget
        else:
            yield from _focusable(widget.layout())
        return
    inner = item.layout()
    if isinstance(inner, QFormLayout):  # its items are in the order in which the rows were added
        for row, role in product(range(inner.rowCount()), QFormLayout.ItemRole):
            yield from _focusable(inner.itemAt(row, role))
    elif inner is not None:
        for n in range(inner.count()):
            yield from _focusable(inner.itemAt(n))
