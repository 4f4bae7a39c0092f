"""Name tags: readable on every label colour."""

from __future__ import annotations

from PySide6.QtGui import QColor

from samdesk.domain.label_colors import label_color
from samdesk.ui.canvas.style import ink_on
from tests.helpers.color_difference import contrast


def test_text_is_readable_on_every_label_colour() -> None:
    for number in range(200):
        color = label_color(number)
        assert contrast(color, ink_on(QColor(color)).name()) >= 4.3, color
