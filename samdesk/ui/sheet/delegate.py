"""SheetDelegate: paints a cell of the contact sheet: crop, outline, state, label and doubt."""

from __future__ import annotations

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPointF, QRect, QRectF, QSizeF, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPalette, QPen, QPixmap
from PySide6.QtWidgets import QStyle, QStyledItemDelegate, QStyleOptionViewItem

from samdesk.domain.review import AnnotationReview
from samdesk.ui.editing.marks import draw_review, score_text
from samdesk.ui.images.cell_view import paint_ground
from samdesk.ui.kit import painting
from samdesk.ui.sheet.grid import CAPTION
from samdesk.ui.sheet.model import CELL_ROLE, Cell

Index = QModelIndex | QPersistentModelIndex

_GAP = 4
_BADGE = 9.0


class SheetDelegate(QStyledItemDelegate):
    """Paints the crop above the label's name; a selected cell has the accent colour around it."""

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:  # noqa: D102
        cell: Cell = index.data(CELL_ROLE)
        rect, palette = painting.row_rect(option), painting.row_palette(option)
        frame = rect.adjusted(_GAP // 2, _GAP // 2, -_GAP // 2, -_GAP // 2)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        _paint_ground(painter, frame, option)
        area = QRectF(frame.adjusted(_GAP, _GAP, -_GAP, -CAPTION))
        crop = _paint_crop(painter, area, cell, palette)
        _paint_outline(painter, crop, cell)
        _paint_state(painter, QPointF(crop.right() - 10, crop.top() + 10), cell.found.review, palette)
        caption = QRect(frame.left() + 6, frame.bottom() - CAPTION + 1, frame.width() - 12, CAPTION)
        painter.setFont(painting.small_font(painting.row_font(option)))
        _paint_caption(painter, caption, cell, palette)
        painter.restore()


def _paint_ground(painter: QPainter, frame: QRect, option: QStyleOptionViewItem) -> None:
    inside = QRectF(frame).adjusted(1, 1, -1, -1)
    paint_ground(painter, inside, option, 0.28)
    if option.state & QStyle.StateFlag.State_HasFocus:
        painter.setPen(QPen(painting.ink(painting.row_palette(option)), 1, Qt.PenStyle.DotLine))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRoundedRect(inside.adjusted(2, 2, -2, -2), 4, 4)


def _paint_crop(painter: QPainter, area: QRectF, cell: Cell, palette: QPalette) -> QRectF:
    """Paints the crop, or a placeholder. Returns where it is."""
    pixmap = cell.pixmap
    if pixmap is None:
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(painting.blend(palette.color(QPalette.ColorRole.Base), painting.ink(palette), 0.08))
        painter.drawRoundedRect(area, 3, 3)
        if cell.problem:
            painting.draw_alert(painter, area.center(), painting.warning(palette), 18)
        return area
    place = _fitted(area, pixmap)
    painter.drawPixmap(place, pixmap, QRectF(pixmap.rect()))
    return place


def _fitted(area: QRectF, pixmap: QPixmap) -> QRectF:
    size = QSizeF(pixmap.size()).scaled(area.size(), Qt.AspectRatioMode.KeepAspectRatio)
    place = QRectF(QPointF(), size)
    place.moveCenter(area.center())
    return place


def _paint_outline(painter: QPainter, crop: QRectF, cell: Cell) -> None:
    if cell.path is None or cell.pixmap is None:
        return
    ratio = painter.device().devicePixelRatio()  # a cosmetic pen does not follow it by itself
    painter.save()
    painter.setClipRect(crop)
    painter.translate(crop.topLeft())
    painter.scale(crop.width(), crop.height())
    painter.setBrush(Qt.BrushStyle.NoBrush)
    for color, width in ((QColor(0, 0, 0, 150), 3.0), (cell.color, 1.6)):
        pen = QPen(color, width * ratio)
        pen.setCosmetic(True)
        painter.setPen(pen)
        painter.drawPath(cell.path)
    painter.restore()


def _paint_state(painter: QPainter, centre: QPointF, review: AnnotationReview, palette: QPalette) -> None:
    """The mark of each state but pending, which most have."""
    if review is AnnotationReview.PENDING:
        return
    ground = palette.color(QPalette.ColorRole.Base)
    ground.setAlphaF(0.85)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(ground)
    painter.drawEllipse(centre, _BADGE, _BADGE)
    draw_review(painter, centre, review, palette)


def _paint_caption(painter: QPainter, rect: QRect, cell: Cell, palette: QPalette) -> None:
    number = score_text(cell.found.doubt)
    metrics = QFontMetrics(painter.font())
    room = metrics.horizontalAdvance(number) + 6 if number else 0
    swatch = QRectF(rect.left(), rect.center().y() - 4, 9, 9)
    painting.draw_swatch(painter, swatch, cell.color, palette)
    text = QRect(rect.left() + 14, rect.top(), max(0, rect.width() - 14 - room), rect.height())
    painting.draw_text(painter, text, cell.label, painting.ink(palette))
    if rect.width() > 14 + 2 * room:
        painting.draw_text(painter, rect, number, painting.faint(palette), right=True)
