"""Dialog buttons have no icons on any desktop."""

from __future__ import annotations

from PySide6.QtWidgets import QStyle
from pytestqt.qtbot import QtBot

from samdesk.ui.kit.outline_style import OutlineStyle


def test_dialog_buttons_have_no_icons(qtbot: QtBot) -> None:
    style = OutlineStyle()
    assert style.styleHint(QStyle.StyleHint.SH_DialogButtonBox_ButtonsHaveIcons) == 0
