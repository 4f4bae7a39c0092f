"""The table of auto-annotate's parameters, and everything that is made from it."""

from __future__ import annotations

import inspect
from dataclasses import fields

import pytest
from pytestqt.qtbot import QtBot
from typer.main import get_command

import samdesk
from samdesk.batch.plan import AutoAnnotatePlan
from samdesk.cli.main import cli
from samdesk.settings.parameters import PARAMETERS, DetectionParameters, Parameter
from samdesk.settings.table import AUTO_PARAMETERS, SETTINGS
from samdesk.ui.auto_annotate.parameter_fields import ParameterField, ParameterFields


def test_the_plan_has_every_parameter_with_its_default() -> None:
    plan = AutoAnnotatePlan()
    assert {row.name: getattr(plan, row.name) for row in PARAMETERS} == {
        row.name: row.default for row in PARAMETERS
    }


def test_the_public_function_takes_every_parameter_with_the_plans_default() -> None:
    arguments = inspect.signature(samdesk.auto_annotate).parameters
    of_the_window = ("mapping", "keys", "class_names", "replaces", "concepts", "edited")
    shared = [f.name for f in fields(AutoAnnotatePlan) if f.name not in of_the_window]
    assert {row.name for row in PARAMETERS} < set(shared)
    assert {name: arguments[name].default for name in shared} == {
        name: getattr(AutoAnnotatePlan(), name) for name in shared
    }


def test_the_command_line_has_an_option_for_every_parameter() -> None:
    options = {option.name: option for option in get_command(cli).commands["annotate"].params}  # type: ignore[attr-defined]
    for row in PARAMETERS:
        assert options[row.name].opts == ["--" + row.name.replace("_", "-")]
        assert options[row.name].default == row.default
        assert options[row.name].help == row.usage


def test_every_parameter_is_remembered_in_a_setting_of_its_range() -> None:
    assert list(AUTO_PARAMETERS) == [row.name for row in PARAMETERS]
    for row in PARAMETERS:
        setting = AUTO_PARAMETERS[row.name]
        assert setting in SETTINGS
        assert (setting.key, setting.default, setting.title) == (f"auto.{row.name}", row.default, row.title)
        assert (setting.minimum, setting.maximum) == (row.minimum, row.maximum)


def test_the_keys_of_the_settings_on_disk_are_those_of_before() -> None:
    assert [row.key for row in PARAMETERS][:4] == ["auto.conf", "auto.iou", "auto.imgsz", "auto.max_det"]


def test_the_dialogs_fields_show_and_return_every_parameter(qtbot: QtBot) -> None:
    parameters = ParameterFields()
    other = DetectionParameters(conf=0.4, iou=0.6, imgsz=1280, max_det=50)
    for values in (DetectionParameters(), other):
        parameters.set_values(values)
        assert DetectionParameters(**parameters.values()) == values


@pytest.mark.parametrize(
    ("parameter", "shown"),
    [
        (Parameter("Flip", "Help.", "Usage.", name="flip", default=False), True),
        (Parameter("Size", "Help.", "Usage.", "px", minimum=1, maximum=9, name="size", default=3), 7),
        (Parameter("Share", "Help.", "Usage.", step=0.05, name="share", default=0.5), 0.35),
        (Parameter("Way", "Help.", "Usage.", choices=(("a", "A"), ("b", "B")), name="way", default="a"), "b"),
    ],
)
def test_a_parameter_of_any_type_has_a_field(qtbot: QtBot, parameter: Parameter, shown: object) -> None:
    field = ParameterField(parameter)
    qtbot.addWidget(field.widget)
    field.set_value(shown)
    assert field.value() == shown
    assert field.widget.toolTip() == "Help."


def test_a_choice_that_is_not_listed_is_refused() -> None:
    way = Parameter("Way", "Help.", "Usage.", choices=(("a", "A"),), name="way", default="a")
    way.check("a")
    with pytest.raises(ValueError, match="way must be one of a, not 'b'"):
        way.check("b")
