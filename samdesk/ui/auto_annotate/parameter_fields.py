"""The dialog's fields for the parameters of auto-annotate, made from their table."""

from __future__ import annotations

from collections.abc import Callable, Collection
from typing import Any

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QComboBox, QGridLayout, QLabel, QWidget

from samdesk.settings.parameters import PARAMETERS, DetectionParameters, Parameter
from samdesk.ui.kit.fields import caption, fraction_field, integer_field, select_entry
from samdesk.ui.kit.theme import UNIT


class ParameterField:
    """The field of one parameter: a spin box, check box or combo box, by the type of its values.

    Attributes:
        widget: The field.
        value: Returns its value.
        set_value: Shows a value.
        on_change: Has a function called with each new value.
    """

    def __init__(self, parameter: Parameter) -> None:
        self.widget: QWidget
        self.value: Callable[[], Any]
        self.set_value: Callable[[Any], None]
        self.on_change: Callable[[Callable[[Any], object]], object]
        if parameter.choices:
            self._make_combo(parameter)
        elif isinstance(parameter.default, bool):
            check = QCheckBox()
            self.widget, self.value, self.set_value = check, check.isChecked, check.setChecked
            self.on_change = check.toggled.connect
        else:
            self._make_spin_box(parameter)
        self.widget.setToolTip(parameter.help)
        self.widget.setAccessibleName(parameter.title)

    def _make_combo(self, parameter: Parameter) -> None:
        combo = QComboBox()
        for value, title in parameter.choices:
            combo.addItem(title, value)
        self.widget, self.value = combo, combo.currentData
        self.set_value = lambda value: select_entry(combo, value, value)
        self.on_change = lambda slot: combo.currentIndexChanged.connect(lambda _: slot(combo.currentData()))

    def _make_spin_box(self, parameter: Parameter) -> None:
        low, high, step = parameter.minimum, parameter.maximum, parameter.step
        if isinstance(parameter.default, float):
            decimal = fraction_field(parameter.help)
            decimal.setRange(low, high)
            decimal.setSingleStep(step)
            decimal.setSpecialValueText(parameter.off)
            self.widget, self.value, self.set_value = decimal, decimal.value, decimal.setValue
            self.on_change = decimal.valueChanged.connect
        else:
            suffix = f" {parameter.unit}" if parameter.unit else ""
            whole = integer_field(round(low), round(high), round(step), suffix, parameter.help)
            whole.setSpecialValueText(parameter.off)
            self.widget, self.value, self.set_value = whole, whole.value, whole.setValue
            self.on_change = whole.valueChanged.connect


class ParameterFields:
    """The fields of all parameters, in the order of the table."""

    def __init__(self) -> None:
        self._fields = {parameter.name: ParameterField(parameter) for parameter in PARAMETERS}
        self._captions: dict[str, QLabel] = {}

    def grid(self, caption_width: int) -> QGridLayout:
        """Lays the fields out in two columns, each with its title."""
        layout = QGridLayout()
        layout.setHorizontalSpacing(2 * UNIT)
        layout.setVerticalSpacing(UNIT)
        for place, parameter in enumerate(PARAMETERS):
            row, side = divmod(place, 2)
            name = caption(parameter.title, caption_width if side == 0 else 0)
            name.setToolTip(parameter.help)
            self._captions[parameter.name] = name
            layout.addWidget(name, row, 2 * side)
            layout.addWidget(
                self._fields[parameter.name].widget, row, 2 * side + 1, Qt.AlignmentFlag.AlignLeft
            )
        layout.setColumnStretch(1, 1)
        return layout

    def widget(self, name: str) -> QWidget:
        """The field of a parameter."""
        return self._fields[name].widget

    @property
    def widgets(self) -> list[QWidget]:
        """The fields, in order."""
        return [field.widget for field in self._fields.values()]

    def on_change(self, name: str, slot: Callable[[Any], object]) -> None:
        """Has a function called with each new value of a parameter."""
        self._fields[name].on_change(slot)

    def set_enabled(self, names: Collection[str]) -> None:
        """Enables the fields of some parameters only."""
        for name, field in self._fields.items():
            field.widget.setEnabled(name in names)
            if name in self._captions:
                self._captions[name].setEnabled(name in names)

    def values(self) -> dict[str, Any]:
        """The values shown, by name."""
        return {name: field.value() for name, field in self._fields.items()}

    def set_values(self, values: DetectionParameters) -> None:
        """Shows other values."""
        for name, field in self._fields.items():
            field.set_value(getattr(values, name))
