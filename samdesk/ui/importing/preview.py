"""Small pictures of images with the outlines that an import would add."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import shapely
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen, QPixmap, QPolygonF
from PySide6.QtWidgets import QHBoxLayout, QWidget

from samdesk.ui.importing.looked_at import Picture
from samdesk.ui.kit.plain import PlainLabel, plain, tip
from samdesk.ui.kit.theme import UNIT

_HEIGHT = 16 * UNIT
_HALO = QColor(0, 0, 0, 140)


class Pictures(QWidget):
    """Some images in a row."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._row = QHBoxLayout(self)
        self._row.setContentsMargins(0, 0, 0, 0)
        self._row.setSpacing(UNIT)

    def show_pictures(self, pictures: Sequence[Picture], colors: Mapping[str, str]) -> None:
        """Shows images; ``colors``: of each class, ``#rrggbb``."""
        while (item := self._row.takeAt(0)) is not None:
            if (widget := item.widget()) is not None:
                widget.deleteLater()
        for picture in pictures:
            label = PlainLabel("", self)
            label.setPixmap(_painted(picture, colors, self.devicePixelRatioF()))
            label.setToolTip(tip(f"{picture.name}: {len(picture.outlines):,}"))
            label.setAccessibleName(plain(picture.name))
            self._row.addWidget(label)
        self._row.addStretch(1)
        self.setVisible(bool(pictures))


def _painted(picture: Picture, colors: Mapping[str, str], ratio: float) -> QPixmap:
    rows, columns = picture.pixels.shape[:2]
    image = QImage(picture.pixels.data, columns, rows, 3 * columns, QImage.Format.Format_RGB888)
    height = round(_HEIGHT * ratio)
    pixmap = QPixmap.fromImage(image).scaledToHeight(height, Qt.TransformationMode.SmoothTransformation)
    scale = picture.scale * height / rows
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    for label, region in picture.outlines:
        color = QColor(colors.get(label, "#ffffff"))
        for ring in shapely.get_rings(shapely.get_parts(region)):
            shape = QPolygonF([QPointF(x * scale, y * scale) for x, y in shapely.get_coordinates(ring)])
            for pen in (QPen(_HALO, 3 * ratio), QPen(color, 1.5 * ratio)):
                painter.setPen(pen)
                painter.drawPolyline(shape)
    painter.end()
    pixmap.setDevicePixelRatio(ratio)
    return pixmap
