"""Clipboard: clips on the system's clipboard, as annotations and as plain text."""

from __future__ import annotations

from PySide6.QtCore import QByteArray, QMimeData
from PySide6.QtGui import QGuiApplication

from samdesk.ui.arrange.clip import MIME_TYPE, Clip, ClipError, from_json, may_be_clip, to_json


class Clipboard:
    """Puts clips on the system's clipboard and takes them from it, of whatever window or program."""

    def __init__(self) -> None:
        self._last: tuple[bytes, Clip] | None = None
        """What was put there last: pasting it again needs no reading."""

    def put(self, clip: Clip) -> None:
        """Puts a clip on the clipboard."""
        data, written = QMimeData(), to_json(clip)
        data.setData(MIME_TYPE, QByteArray(written))
        data.setText(written.decode())
        QGuiApplication.clipboard().setMimeData(data)
        self._last = written, clip

    def take(self) -> Clip:
        """Returns the clip on the clipboard.

        Raises:
            ClipError: There is none, or one that cannot be used.
        """
        data = _content()
        if data is not None and data.hasFormat(MIME_TYPE):
            found = bytes(data.data(MIME_TYPE).data())
        else:
            text = data.text() if data is not None and data.hasText() else ""
            if not may_be_clip(text):
                raise ClipError(
                    "There are no annotations on the clipboard.", next="Copy some first (Ctrl+C)."
                )
            found = text.encode("utf-8", "replace")
        if self._last is not None and self._last[0] == found:
            return self._last[1]
        return from_json(found)

    def release(self) -> None:
        """Leaves what was put there as plain text, which outlasts this program where the system keeps it.

        Qt must not end with data of Python's on the clipboard: it would be deleted after Python has gone.
        """
        data, last = _content(), self._last
        if last is not None and data is not None and bytes(data.data(MIME_TYPE).data()) == last[0]:
            QGuiApplication.clipboard().setText(last[0].decode())
        self._last = None


def _content() -> QMimeData | None:
    """What is on the clipboard; None: nothing, which Qt's types do not tell."""
    return QGuiApplication.clipboard().mimeData()
