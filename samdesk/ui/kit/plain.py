"""Text on widgets is plain text: names from files are neither HTML nor shortcuts nor control characters.

Qt guesses whether the text of a label, a message box or a tooltip is HTML, and then reads the images that
it names. Every text that is not written in the program goes through this module.
"""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QLabel, QWidget

from samdesk.base.text import printable

LONGEST = 1_000
"""The most characters of a text with several lines; of more, the middle is left out."""
LONGEST_LINE = 250
LONGEST_BUTTON = 60


class PlainLabel(QLabel):
    """A label that shows its text as it is."""

    def __init__(self, text: str = "", parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setTextFormat(Qt.TextFormat.PlainText)
        self.setText(text)

    def setText(self, text: str) -> None:  # noqa: D102 - Qt's
        super().setText(printable(text, lines=True, limit=LONGEST))


def plain(text: str) -> str:
    """Returns the text of an item, a window's title or an accessible name: one line."""
    return printable(text, limit=LONGEST_LINE)


def plain_lines(text: str) -> str:
    """Returns a text with line breaks of its own, for a widget that does not guess at HTML."""
    return printable(text, lines=True, limit=LONGEST)


def tip(text: str) -> str:
    """Returns a tooltip that is shown as it is."""
    shown = plain_lines(text)
    if not _may_be_html(shown):
        return shown
    escaped = shown.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")
    return f"<p style='white-space:pre-wrap'>{escaped}</p>"


def button_text(text: str, limit: int = LONGEST_BUTTON) -> str:
    """Returns the text of a button or menu entry: an ampersand in it is no shortcut."""
    return printable(text, limit=limit).replace("&", "&&")


def _may_be_html(text: str) -> bool:
    """Whether Qt could take a text for HTML; it looks for less."""
    return "<" in text or "&lt;" in text
