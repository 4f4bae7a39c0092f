"""Icons: Phosphor glyphs from qtawesome's fonts, in the palette's colours at any pixel ratio."""

from __future__ import annotations

import importlib.util
import json
from functools import lru_cache
from pathlib import Path
from typing import TypeAlias

from PySide6.QtCore import QPoint, QRect, QSize, Qt
from PySide6.QtGui import (
    QColor,
    QFont,
    QFontDatabase,
    QGuiApplication,
    QIcon,
    QIconEngine,
    QPainter,
    QPalette,
    QPixmap,
)

from samdesk.base.places import resources

_FAMILY = "ph"

Ink: TypeAlias = QPalette.ColorRole | QColor
"""A palette role, whose colour is followed when it changes, or a fixed colour."""


class IconError(LookupError):
    """An unknown icon name, or a missing icon font."""


@lru_cache(maxsize=1)
def _files() -> tuple[Path, Path]:
    # Found without importing qtawesome: its import loads every binding and every family, which takes a
    # fifth of the startup time budget of the window.
    spec = importlib.util.find_spec("qtawesome")
    for place in spec.submodule_search_locations or () if spec else ():
        fonts = Path(place) / "fonts"
        font, chars = sorted(fonts.glob("phosphor-[0-9]*.ttf")), sorted(fonts.glob("phosphor-charmap-*.json"))
        if font and chars:
            return font[-1], chars[-1]
    raise IconError("qtawesome's Phosphor font was not found; reinstall the package qtawesome")


@lru_cache(maxsize=1)
def glyphs() -> dict[str, str]:
    """All icons of the family: name without prefix to character."""
    codes: dict[str, str] = json.loads(_files()[1].read_text(encoding="utf-8"))
    return {name: chr(int(code, 16)) for name, code in codes.items()}


def glyph(name: str) -> str:
    """The character of the icon ``ph.name``; raises ``IconError`` for an unknown name."""
    family, _, short = name.partition(".")
    try:
        if family == _FAMILY:
            return glyphs()[short]
    except KeyError:
        pass
    raise IconError(f"there is no icon named {name!r}")


@lru_cache(maxsize=1)
def _font_family() -> str:
    loaded = QFontDatabase.applicationFontFamilies(QFontDatabase.addApplicationFont(str(_files()[0])))
    if not loaded:
        raise IconError(f"the icon font {_files()[0]} could not be loaded")
    return loaded[0]


def paint_glyph(painter: QPainter, rect: QRect, name: str, color: QColor) -> None:
    """Paints an icon centred in ``rect``, as large as its height."""
    font = QFont(_font_family())
    font.setPixelSize(max(rect.height(), 1))
    font.setHintingPreference(QFont.HintingPreference.PreferNoHinting)
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.TextAntialiasing)
    painter.setFont(font)
    painter.setPen(color)
    painter.drawText(rect, int(Qt.AlignmentFlag.AlignCenter) | int(Qt.TextFlag.TextDontClip), glyph(name))
    painter.restore()


class _GlyphEngine(QIconEngine):
    """Paints a glyph in the palette's current colour, so that it follows a theme change."""

    def __init__(self, name: str, color: Ink, on: Ink | None) -> None:
        super().__init__()
        self._name = name
        self._color = color
        self._on = on

    def clone(self) -> QIconEngine:
        """A copy for another QIcon."""
        return _GlyphEngine(self._name, self._color, self._on)

    def paint(self, painter: QPainter, rect: QRect, mode: QIcon.Mode, state: QIcon.State) -> None:
        """Paints into ``rect``."""
        paint_glyph(painter, rect, self._name, self._ink(mode, state))

    def pixmap(self, size: QSize, mode: QIcon.Mode, state: QIcon.State) -> QPixmap:
        """The icon as a pixmap of ``size`` device pixels."""
        pixmap = QPixmap(size)
        if pixmap.isNull():  # Qt requests empty icons while a button is squeezed
            return pixmap
        pixmap.fill(Qt.GlobalColor.transparent)
        painter = QPainter(pixmap)
        self.paint(painter, QRect(QPoint(0, 0), size), mode, state)
        painter.end()
        return pixmap

    def _ink(self, mode: QIcon.Mode, state: QIcon.State) -> QColor:
        ink = self._on if self._on is not None and state == QIcon.State.On else self._color
        if isinstance(ink, QColor):
            return ink
        palette = QGuiApplication.palette()
        if mode == QIcon.Mode.Disabled:
            return palette.color(QPalette.ColorGroup.Disabled, QPalette.ColorRole.ButtonText)
        if mode == QIcon.Mode.Selected:
            return palette.color(QPalette.ColorRole.HighlightedText)
        return palette.color(ink)


def icon(name: str, color: Ink = QPalette.ColorRole.ButtonText, on: Ink | None = None) -> QIcon:
    """The icon ``ph.name``.

    Args:
        name: Phosphor name with its prefix, as in qtawesome.
        color: A palette role (followed live) or a fixed colour.
        on: The same for the state On of checkable actions; None: as ``color``.

    Raises:
        IconError: There is no icon of that name.
    """
    glyph(name)
    return QIcon(_GlyphEngine(name, color, on))


def app_icon() -> QIcon:
    """The icon of the window, the welcome page and the about box."""
    return QIcon(str(resources() / "icons" / "samdesk.svg"))
