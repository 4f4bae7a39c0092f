"""A fallback font for systems without fonts, such as bare containers: Qt ships none."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from PySide6.QtGui import QFont, QFontDatabase, QFontMetrics

_FILES = ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf", "DejaVuSansMono.ttf")


def has_glyphs(font: QFont) -> bool:
    """Whether the font has glyphs for text."""
    return QFontMetrics(font).inFont("a")


def ensure_font(font: QFont) -> bool:
    """Registers the DejaVu fonts of matplotlib (a dependency of ultralytics) if the font has no glyphs.

    Args:
        font: The application's font.

    Returns:
        Whether it has glyphs now.
    """
    if has_glyphs(font):
        return True
    spec = importlib.util.find_spec("matplotlib")  # found, not imported: importing it takes a second
    for place in spec.submodule_search_locations or () if spec else ():
        for name in _FILES:
            path = Path(place) / "mpl-data" / "fonts" / "ttf" / name
            if path.is_file():
                QFontDatabase.addApplicationFont(str(path))
    return has_glyphs(font)
