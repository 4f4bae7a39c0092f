"""Outlines of controls are visible in the dark theme too."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from PySide6.QtCore import QPoint
from PySide6.QtGui import QColor, QPalette
from PySide6.QtWidgets import QCheckBox, QLineEdit, QRadioButton, QSpinBox, QWidget
from pytestqt.qtbot import QtBot

from samdesk.ui.kit.outline_style import OutlineStyle
from samdesk.ui.kit.theme import DARK, palette


@pytest.mark.parametrize("make", [QLineEdit, QSpinBox, QCheckBox, QRadioButton])
def test_an_unused_control_has_an_outline(qtbot: QtBot, make: Callable[[], QWidget]) -> None:
    style = OutlineStyle()
    widget = make()
    qtbot.addWidget(widget)
    widget.setStyle(style)
    widget.setPalette(palette(DARK))
    widget.resize(120, 26)
    picture = widget.grab().toImage()
    wanted = widget.palette().color(QPalette.ColorRole.Dark)
    middle = [picture.pixelColor(QPoint(x, 13)) for x in range(20)]
    assert any(near(color, wanted) for color in middle)
    widget.setStyle(None)  # type: ignore[arg-type]


def near(a: QColor, b: QColor) -> bool:
    return abs(a.red() - b.red()) + abs(a.green() - b.green()) + abs(a.blue() - b.blue()) < 40
