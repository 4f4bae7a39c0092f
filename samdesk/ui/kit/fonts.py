"""A font where the machine has none, as in a bare container: Qt brings none of its own."""

from __future__ import annotations

import importlib.util
from pathlib import Path

from PySide6.QtGui import QFont, QFontDatabase, QFontMetrics

_FILES = ("DejaVuSans.ttf", "DejaVuSans-Bold.ttf", "DejaVuSansMono.ttf")


def can_write(font: QFont) -> bool:
    """Whether text in this font would show."""
    return QFontMetrics(font).inFont("a")


def ensure_font(font: QFont) -> bool:
    """Lends Qt the DejaVu fonts that come with matplotlib (which ultralytics needs) if text would not show.

    Args:
        font: The application's font.

    Returns:
        Whether text in it shows now.
    """
    if can_write(font):
        return True
    spec = importlib.util.find_spec("matplotlib")  # found, not imported: importing it takes a second
    for place in spec.submodule_search_locations or () if spec else ():
        for name in _FILES:
            path = Path(place) / "mpl-data" / "fonts" / "ttf" / name
            if path.is_file():
                QFontDatabase.addApplicationFont(str(path))
    return can_write(font)
