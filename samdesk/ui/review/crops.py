"""CropRow: crops of a few annotations with their surroundings, read in the background."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPaintEvent, QPen, QPixmap
from PySide6.QtWidgets import QWidget

from samdesk.dataset.search import FoundAnnotation
from samdesk.domain.annotation import AnnotationId
from samdesk.domain.document import ImageKey
from samdesk.domain.geometry.types import RgbImage
from samdesk.domain.labels import LabelId
from samdesk.images.reader import read_image
from samdesk.ui.canvas.spotlight import surroundings
from samdesk.ui.editing.marks import score_text
from samdesk.ui.kit import painting
from samdesk.ui.kit.theme import UNIT
from samdesk.workers.thumbnails import ThumbnailLoader

SIDE = 11 * UNIT
COUNT = 10
_GAP = UNIT
_PER_ROW = 5


class CropRow(QWidget):
    """Shows up to ten annotations in two rows, each in its surroundings with its box and score."""

    def __init__(
        self, folder: Path, color_of: Callable[[LabelId], str], parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._folder, self._color_of = folder, color_of
        self._found: tuple[FoundAnnotation, ...] = ()
        self._crops: dict[AnnotationId, tuple[QPixmap, QRectF]] = {}
        self._loader = ThumbnailLoader(read=lambda path, _side: read_image(path), parent=self)
        self._loader.ready.connect(self._cut)
        self.setFixedSize(_PER_ROW * (SIDE + _GAP) - _GAP, 2 * (SIDE + 3 * UNIT) - UNIT)
        self.setAccessibleName("The most doubtful of those that are accepted")

    def show_annotations(self, found: Sequence[FoundAnnotation]) -> None:
        """Shows these annotations, the first ten of them."""
        self._found = tuple(found[:COUNT])
        wanted = {f.image for f in self._found if f.id not in self._crops}
        self._loader.request([(ImageKey(key), self._folder / key) for key in sorted(wanted)])
        self.update()

    @property
    def complete(self) -> bool:
        """Whether all crops are there."""
        return all(found.id in self._crops for found in self._found)

    def stop(self) -> None:
        """Ends the thread that reads the images."""
        self._loader.stop()

    def _cut(self, key: str, rgb: RgbImage) -> None:
        height, width = rgb.shape[:2]
        image = QImage(rgb.data, width, height, rgb.strides[0], QImage.Format.Format_RGB888)
        for found in self._found:
            if found.image == key:
                x0, y0, x1, y1 = found.bounds
                box = QRectF(x0, y0, max(x1 - x0, 1), max(y1 - y0, 1))
                around = surroundings(box, (width, height))
                crop = image.copy(around.toAlignedRect())
                scale = min(SIDE / crop.width(), SIDE / crop.height())
                ratio = self.devicePixelRatioF()
                size = QSize(max(1, round(crop.width() * scale)), max(1, round(crop.height() * scale)))
                scaled = QPixmap.fromImage(crop).scaled(
                    size * ratio,
                    Qt.AspectRatioMode.IgnoreAspectRatio,
                    Qt.TransformationMode.SmoothTransformation,
                )
                scaled.setDevicePixelRatio(ratio)
                moved = box.translated(-around.topLeft())
                place = QRectF(moved.topLeft() * scale, moved.size() * scale)
                self._crops[found.id] = scaled, place
        self.update()

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paints the crops."""
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(painting.small_font(self.font()))
        for number, found in enumerate(self._found):
            left = number % _PER_ROW * (SIDE + _GAP)
            top = number // _PER_ROW * (SIDE + 3 * UNIT)
            tile = QRect(left, top, SIDE, SIDE)
            painter.fillRect(tile, painting.blend(self.palette().window().color(), QColor("#808080"), 0.15))
            crop = self._crops.get(found.id)
            if crop is not None:
                size = crop[0].deviceIndependentSize()
                at = QRectF(tile).center() - QRectF(0, 0, size.width(), size.height()).center()
                painter.drawPixmap(at, crop[0])
                painter.setPen(QPen(QColor(self._color_of(found.label_id)), 2))
                painter.drawRect(crop[1].translated(at))
            painter.setPen(painting.faint(self.palette()))
            text = QRect(left, top + SIDE, SIDE, 2 * UNIT + 4)
            painter.drawText(text, Qt.AlignmentFlag.AlignCenter, f"doubt {score_text(found.doubt)}")
