"""The dialog's fields for the parameters of auto-annotate, made from their table."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtWidgets import QCheckBox, QComboBox, QFormLayout, QWidget

from samdesk.settings.parameters import PARAMETERS, DetectionParameters, Parameter
from samdesk.ui.kit.fields import caption, form, fraction_field, integer_field, select_entry


class ParameterField:
    """The field of one parameter: a spin box, check box or combo box, by the type of its values.

    Attributes:
        widget: The field.
        value: Returns its value.
        set_value: Shows a value.
    """

    def __init__(self, parameter: Parameter) -> None:
        self.widget: QWidget
        self.value: Callable[[], Any]
        self.set_value: Callable[[Any], None]
        if parameter.choices:
            self._make_combo(parameter)
        elif isinstance(parameter.default, bool):
            check = QCheckBox()
            self.widget, self.value, self.set_value = check, check.isChecked, check.setChecked
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

    def _make_spin_box(self, parameter: Parameter) -> None:
        low, high, step = parameter.minimum, parameter.maximum, parameter.step
        if isinstance(parameter.default, float):
            decimal = fraction_field(parameter.help)
            decimal.setRange(low, high)
            decimal.setSingleStep(step)
            self.widget, self.value, self.set_value = decimal, decimal.value, decimal.setValue
        else:
            suffix = f" {parameter.unit}" if parameter.unit else ""
            whole = integer_field(round(low), round(high), round(step), suffix, parameter.help)
            self.widget, self.value, self.set_value = whole, whole.value, whole.setValue


class ParameterFields:
    """The fields of all parameters, in the order of the table."""

    def __init__(self) -> None:
        self._fields = {parameter.name: ParameterField(parameter) for parameter in PARAMETERS}

    def form(self, caption_width: int) -> QFormLayout:
        """Lays the fields out, each with its title."""
        layout = form()
        for parameter in PARAMETERS:
            layout.addRow(caption(parameter.title, caption_width), self._fields[parameter.name].widget)
        return layout

    def values(self) -> dict[str, Any]:
        """The values shown, by name."""
        return {name: field.value() for name, field in self._fields.items()}

    def set_values(self, values: DetectionParameters) -> None:
        """Shows other values."""
        for name, field in self._fields.items():
            field.set_value(getattr(values, name))
