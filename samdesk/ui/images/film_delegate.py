"""FilmDelegate: paints one image of the filmstrip: thumbnail, state mark, name and annotation count."""

from __future__ import annotations

from pathlib import PurePosixPath

from PySide6.QtCore import QModelIndex, QPersistentModelIndex, QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPalette, QPen, QPixmap
from PySide6.QtWidgets import QStyledItemDelegate, QStyleOptionViewItem

from samdesk.domain.split import Split
from samdesk.ui.images.cell_view import paint_ground
from samdesk.ui.images.film_view import GRID_CELL
from samdesk.ui.images.model import ImageRole, ImageState, RunMark
from samdesk.ui.kit import painting

Index = QModelIndex | QPersistentModelIndex

CAPTION = 22
MARGIN = 4


class FilmDelegate(QStyledItemDelegate):
    """Paints a thumbnail above its caption; the current image has a frame in the accent colour."""

    def sizeHint(self, option: QStyleOptionViewItem, index: Index) -> QSize:  # noqa: D102
        return GRID_CELL

    def paint(self, painter: QPainter, option: QStyleOptionViewItem, index: Index) -> None:  # noqa: D102
        rect, palette = painting.row_rect(option), painting.row_palette(option)
        cell = rect.adjusted(MARGIN // 2, MARGIN // 2, -MARGIN // 2, -MARGIN // 2)
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        paint_ground(painter, QRectF(cell).adjusted(1, 1, -1, -1), option, 0.22)
        area = cell.adjusted(MARGIN, MARGIN, -MARGIN, -CAPTION)
        state: ImageState = index.data(ImageRole.STATE)
        if not index.data(ImageRole.MATCHES):
            painter.setOpacity(0.45)
        self._paint_thumbnail(painter, area, index.data(Qt.ItemDataRole.DecorationRole), state, palette)
        mark: RunMark | None = index.data(ImageRole.RUN)
        if mark is not None:
            draw_run_mark(painter, QPointF(area.left() + 11, area.top() + 11), mark, palette)
        if index.data(ImageRole.UNFINISHED):
            draw_unfinished(painter, QPointF(area.right() - 11, area.top() + 11), palette)
        painter.setFont(painting.small_font(painting.row_font(option)))
        split: Split | None = index.data(ImageRole.SPLIT)
        if split is not None:
            draw_split(painter, QPointF(area.left() + 3, area.bottom() - 3), split, palette)
        caption = QRect(cell.left() + 6, cell.bottom() - CAPTION + 1, cell.width() - 12, CAPTION)
        self._paint_caption(painter, caption, index, state, palette)
        painter.restore()

    def _paint_thumbnail(
        self, painter: QPainter, area: QRect, pixmap: QPixmap | None, state: ImageState, palette: QPalette
    ) -> None:
        if pixmap is not None:
            size = pixmap.size().scaled(area.size(), Qt.AspectRatioMode.KeepAspectRatio)
            target = QRect(area.topLeft(), size)
            target.moveCenter(area.center())
            painter.drawPixmap(target, pixmap)
            return
        base, text = palette.color(QPalette.ColorRole.Base), palette.color(QPalette.ColorRole.Text)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(painting.blend(base, text, 0.08))
        painter.drawRoundedRect(QRectF(area), 3, 3)
        if state is ImageState.PROBLEM:
            center = QRectF(area).center()
            painting.draw_alert(painter, center, painting.warning(palette), min(28, area.height() * 0.6))

    def _paint_caption(
        self, painter: QPainter, area: QRect, index: Index, state: ImageState, palette: QPalette
    ) -> None:
        mark = QPointF(area.left() + 6, area.center().y() + 0.5)
        draw_state(painter, mark, state, palette)
        metrics = QFontMetrics(painter.font())
        count: int = index.data(ImageRole.COUNT)
        shown = f"{count:,}" if count else ""
        width = metrics.horizontalAdvance(shown) + (6 if shown else 0)
        painter.setPen(painting.faint(palette))
        middle = Qt.AlignmentFlag.AlignVCenter
        painter.drawText(area, middle | Qt.AlignmentFlag.AlignRight, shown)
        name = area.adjusted(16, 0, -width, 0)
        text = metrics.elidedText(
            PurePosixPath(index.data()).stem, Qt.TextElideMode.ElideMiddle, name.width()
        )
        painter.setPen(painting.ink(palette))
        painter.drawText(name, middle | Qt.AlignmentFlag.AlignLeft, text)


def draw_split(painter: QPainter, corner: QPointF, split: Split, palette: QPalette) -> None:
    """Paints the name of a split on a plate, ``corner`` its lower left corner: val and test stand out."""
    metrics = QFontMetrics(painter.font())
    plate = QRectF(0, 0, metrics.horizontalAdvance(split) + 8, metrics.height())
    plate.moveBottomLeft(corner)
    stands_out = split != "train"
    back = palette.color(QPalette.ColorRole.Highlight if stands_out else QPalette.ColorRole.Base)
    ink = palette.color(QPalette.ColorRole.HighlightedText if stands_out else QPalette.ColorRole.Text)
    back.setAlphaF(0.9)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(back)
    painter.drawRoundedRect(plate, 3, 3)
    painter.setPen(ink)
    painter.drawText(plate, Qt.AlignmentFlag.AlignCenter, split)


def draw_unfinished(painter: QPainter, center: QPointF, palette: QPalette) -> None:
    """Paints the mark of an image that was left with unfinished work: a dashed ring on a disc."""
    base, accent = palette.color(QPalette.ColorRole.Base), palette.color(QPalette.ColorRole.Highlight)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(base)
    painter.drawEllipse(center, 8.0, 8.0)
    pen = QPen(accent, 2.0)
    pen.setDashPattern([1.6, 1.3])
    painter.setPen(pen)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.drawEllipse(center, 5.0, 5.0)


def draw_run_mark(painter: QPainter, center: QPointF, mark: RunMark, palette: QPalette) -> None:
    """Paints what a run has made of an image: a check, a ring or an alert, on a disc."""
    accent = palette.color(QPalette.ColorRole.Highlight)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(palette.color(QPalette.ColorRole.Base))
    painter.drawEllipse(center, 8.0, 8.0)
    if mark is RunMark.FAILED:
        painting.draw_alert(painter, center, painting.warning(palette), 11)
    elif mark is RunMark.EMPTY:
        painting.draw_dot(painter, center, accent, radius=4, filled=False)
    else:
        painting.draw_check(painter, center, accent)


def draw_state(painter: QPainter, center: QPointF, state: ImageState, palette: QPalette) -> None:
    """Paints the mark of an image's state; states differ in shape, not only in colour."""
    if state is ImageState.ACCEPTED:
        painting.draw_check(painter, center, painting.success(palette))
    elif state is ImageState.PENDING:
        painting.draw_dot(painter, center, painting.warning(palette), radius=4)
    elif state is ImageState.FLAGGED:
        painting.draw_flag(painter, center, painting.warning(palette))
    elif state is ImageState.STARTED:
        painting.draw_dot(painter, center, painting.faint(palette), radius=2.5)
    elif state is ImageState.PROBLEM:
        painting.draw_alert(painter, center, painting.warning(palette), 11)
    else:
        painting.draw_dot(painter, center, painting.faint(palette), radius=3.5, filled=False)
