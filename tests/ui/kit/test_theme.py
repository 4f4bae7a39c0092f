from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtGui import QColor, QGuiApplication, QPalette
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from samdesk.settings.table import Settings
from samdesk.ui.commands.actions import Actions
from samdesk.ui.kit.icons import icon
from samdesk.ui.kit.message_bar import MessageBar
from samdesk.ui.kit.theme import DARK, LIGHT, Theme, Tokens, current_tokens
from samdesk.ui.shell.tool_strip import ToolStrip
from samdesk.ui.wiring import COMMANDS


@pytest.fixture
def theme(qapp: QApplication) -> Iterator[Theme]:
    palette, sheet = QPalette(qapp.palette()), qapp.styleSheet()
    made = Theme(qapp, "light")
    yield made
    made.set_choice("system")
    made.deleteLater()
    qapp.setPalette(palette)
    qapp.setStyleSheet(sheet)


def luminance(color: str) -> float:
    def linear(value: float) -> float:
        return value / 12.92 if value <= 0.04045 else ((value + 0.055) / 1.055) ** 2.4

    c = QColor(color)
    return 0.2126 * linear(c.redF()) + 0.7152 * linear(c.greenF()) + 0.0722 * linear(c.blueF())


def contrast(one: str, other: str) -> float:
    high, low = sorted((luminance(one), luminance(other)), reverse=True)
    return (high + 0.05) / (low + 0.05)


@pytest.mark.parametrize("tokens", [LIGHT, DARK], ids=lambda t: t.name)
def test_text_can_be_read_on_every_ground(tokens: Tokens) -> None:
    for ground in (tokens.window, tokens.base, tokens.raised, tokens.hover):
        assert contrast(tokens.text, ground) >= 7
        assert contrast(tokens.muted, ground) >= 4.5
        assert contrast(tokens.disabled, ground) >= 2
    assert contrast(tokens.accent_text, tokens.accent) >= 4.5
    assert contrast(tokens.accent_text, tokens.bad) >= 4.5
    assert contrast(tokens.accent, tokens.accent_soft) >= 3
    for mark in (tokens.good, tokens.warning, tokens.bad, tokens.accent):
        assert contrast(mark, tokens.window) >= 3


@pytest.mark.parametrize("tokens", [LIGHT, DARK], ids=lambda t: t.name)
def test_greys_are_neutral_and_do_not_tint_the_image(tokens: Tokens) -> None:
    for grey in (tokens.canvas, tokens.window, tokens.base, tokens.raised, tokens.border, tokens.text):
        color = QColor(grey)
        assert color.red() == color.green() == color.blue()


def test_dark_is_dark_enough_for_the_image_to_be_the_brightest() -> None:
    assert luminance(DARK.canvas) < luminance(DARK.window) < 0.03


def test_the_choice_changes_palette_and_icons_at_once(theme: Theme, qapp: QApplication) -> None:
    heard: list[object] = []
    theme.changed.connect(heard.append)
    shown = icon("ph.cursor")
    assert current_tokens() is LIGHT
    dark_ink = _ink(shown)
    theme.set_choice("dark")
    assert heard == [DARK]
    assert current_tokens() is DARK
    assert qapp.palette().color(QPalette.ColorRole.Window) == QColor(DARK.window)
    assert dark_ink < 80
    assert _ink(shown) > 180
    assert theme.toggle() == "light"
    assert theme.tokens is LIGHT


def test_a_visible_message_follows_a_theme_change(theme: Theme, qtbot: QtBot) -> None:
    bar = MessageBar()
    qtbot.addWidget(bar)
    bar.show_message("Not saved.", "error")
    light = bar.rows[0]._mark.pixmap().toImage()
    theme.set_choice("dark")
    qtbot.waitUntil(lambda: bar.rows[0]._mark.pixmap().toImage() != light)


def test_the_tools_keep_their_width_when_the_theme_changes(
    theme: Theme, qtbot: QtBot, tmp_path: Path
) -> None:
    strip = ToolStrip(Actions(COMMANDS, Settings(tmp_path / "settings.json")))
    qtbot.addWidget(strip)
    before = strip.sizeHint()
    theme.toggle()
    assert strip.sizeHint() == before


def test_the_system_is_followed_while_it_runs(theme: Theme, qapp: QApplication) -> None:
    desktop = {"dark": False}
    following = Theme(qapp, "system", system_is_dark=lambda: desktop["dark"])
    assert following.tokens is LIGHT
    for dark, tokens in ((True, DARK), (False, LIGHT)):
        desktop["dark"] = dark
        scheme = Qt.ColorScheme.Dark if dark else Qt.ColorScheme.Light
        QGuiApplication.styleHints().colorSchemeChanged.emit(scheme)
        assert following.tokens is tokens
        assert qapp.palette().color(QPalette.ColorRole.Window) == QColor(tokens.window)
    following.set_choice("dark")
    QGuiApplication.styleHints().colorSchemeChanged.emit(Qt.ColorScheme.Light)
    assert following.tokens is DARK
    following.deleteLater()


_NO_FONTS = """<?xml version="1.0"?><!DOCTYPE fontconfig SYSTEM "fonts.dtd">
<fontconfig><dir>{0}</dir><cachedir>{0}/cache</cachedir></fontconfig>"""

_WRITE = """
from PySide6.QtWidgets import QApplication, QLabel
from samdesk.ui.kit.theme import Theme
app = QApplication([])
theme = Theme(app, "light")
image = QLabel("Hello world").grab().toImage()
print(len({image.pixel(x, y) for x in range(image.width()) for y in range(image.height())}))
"""


def test_text_shows_on_a_machine_without_fonts(tmp_path: Path) -> None:
    if importlib.util.find_spec("matplotlib") is None or sys.platform != "linux":
        pytest.skip("needs matplotlib's fonts and fontconfig")
    (tmp_path / "fonts.conf").write_text(_NO_FONTS.format(tmp_path / "none"))
    environment = {
        **os.environ,
        "FONTCONFIG_FILE": str(tmp_path / "fonts.conf"),
        "QT_QPA_PLATFORM": "offscreen",
    }
    done = subprocess.run(
        [sys.executable, "-c", _WRITE],
        env=environment,
        check=True,
        timeout=60,
        capture_output=True,
        text=True,
    )
    assert int(done.stdout) > 20  # shades of grey; without letters there is one


def _ink(shown: object) -> int:
    image = shown.pixmap(32, 32).toImage()  # type: ignore[attr-defined]
    inked = [image.pixelColor(x, y) for x in range(32) for y in range(32)]
    return max((c for c in inked if c.alpha() > 200), key=lambda c: c.alpha()).lightness()
