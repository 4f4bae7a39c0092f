"""A few frames of a video in a row, each with its time."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtGui import QImage, QPixmap
from PySide6.QtWidgets import QHBoxLayout, QVBoxLayout, QWidget

from samdesk.exchange.frames.preview import VideoPicture
from samdesk.ui.kit.plain import PlainLabel, plain
from samdesk.ui.kit.theme import UNIT

_WIDTH, _HEIGHT = 24 * UNIT, 17 * UNIT


class VideoPictures(QWidget):
    """Frames in a row."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(UNIT)

    def show_pictures(self, pictures: Sequence[VideoPicture]) -> None:
        """Shows these frames instead of those before."""
        while (item := self._row.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.deleteLater()
        for picture in pictures:
            self._row.addWidget(_labelled(picture, self))
        self._row.addStretch(1)
        self.setVisible(bool(pictures))


def _labelled(picture: VideoPicture, parent: QWidget) -> QWidget:
    holder = QWidget(parent)
    column = QVBoxLayout(holder)
    column.setContentsMargins(0, 0, 0, 0)
    column.setSpacing(UNIT // 2)
    shown = PlainLabel("", holder)
    shown.setPixmap(_scaled(picture, parent.devicePixelRatioF()))
    shown.setAccessibleName(plain(f"Frame at {picture.text}"))
    when = PlainLabel(picture.text, holder)
    when.setProperty("muted", True)
    when.setAlignment(Qt.AlignmentFlag.AlignHCenter)
    column.addWidget(shown, 0, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignBottom)
    column.addWidget(when)
    return holder


def _scaled(picture: VideoPicture, ratio: float) -> QPixmap:
    rows, columns = picture.pixels.shape[:2]
    image = QImage(picture.pixels.data, columns, rows, 3 * columns, QImage.Format.Format_RGB888)
    pixmap = QPixmap.fromImage(image).scaled(
        round(_WIDTH * ratio), round(_HEIGHT * ratio), Qt.AspectRatioMode.KeepAspectRatio,
        Qt.TransformationMode.SmoothTransformation,
    )  # fmt: skip
    pixmap.setDevicePixelRatio(ratio)
    return pixmap
