"""CandidateStrip: thumbnails of the mask candidates with their predicted IoU."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFontMetrics,
    QHelpEvent,
    QMouseEvent,
    QPainter,
    QPainterPath,
    QPaintEvent,
    QPalette,
    QPen,
    QTransform,
)
from PySide6.QtWidgets import QToolTip, QWidget

from samdesk.ui.canvas.proposal import ProposedMask
from samdesk.ui.canvas.shapes import bounds_of, region_path
from samdesk.ui.kit import painting
from samdesk.ui.kit.shield import shield
from samdesk.ui.kit.theme import UNIT

TILE = QSize(72, 56)
CAPTION = 20
GAP = UNIT
MAX_CANDIDATES = 3


class CandidateStrip(QWidget):
    """Shows two or three mask candidates at an edge of the canvas. Never takes keyboard focus.

    Signals:
        chosen: Index of the candidate that was clicked.
    """

    chosen = Signal(int)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._candidates: tuple[ProposedMask, ...] = ()
        self._paths: list[QPainterPath] = []
        self._index = 0
        self._hovered = -1
        self._color = QColor()
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setMouseTracking(True)
        self.setCursor(Qt.CursorShape.ArrowCursor)
        self.setAccessibleName("Mask candidates")
        self.setVisible(False)

    def set_candidates(self, candidates: Sequence[ProposedMask], index: int, color: QColor | str) -> None:
        """Shows candidates; hides the strip unless there is a choice of two or more.

        Args:
            candidates: Best first; three at most are shown.
            index: The current one.
            color: That of the label the mask would get.
        """
        choice = len(candidates) > 1
        if not choice and (self.underMouse() or candidates):
            shield(self)  # a click on its way to the strip is no prompt
        count = len(self._candidates)
        self._candidates = tuple(candidates[:MAX_CANDIDATES])
        self._paths = []  # made when first painted, so that a frame never shown costs nothing
        self._index = index
        self._color = QColor(color)
        if len(self._candidates) != count:
            self._hovered = -1
            self.updateGeometry()
            self.resize(self.sizeHint())
        self.setVisible(choice)
        self.update()

    def tile(self, number: int) -> QRect:
        """The rectangle of a candidate, widget pixels."""
        left = GAP + number * (TILE.width() + GAP)
        return QRect(left, GAP, TILE.width(), TILE.height() + CAPTION)

    def _at(self, point: QPoint) -> int:
        return next((i for i in range(len(self._candidates)) if self.tile(i).contains(point)), -1)

    def _hint_width(self) -> int:
        return QFontMetrics(painting.small_font(self.font())).horizontalAdvance("Tab") + 14

    def _extent(self) -> QRectF:
        """The rectangle of the image that every tile shows, so that shapes can be compared."""
        extent = QRectF()
        for mask in self._candidates:
            extent = extent.united(bounds_of(mask.region))
        margin = 0.12 * max(extent.width(), extent.height()) + 1
        return extent.adjusted(-margin, -margin, margin, margin)

    # Qt overrides

    def sizeHint(self) -> QSize:  # noqa: D102
        count = max(len(self._candidates), 1)
        hint = self._hint_width() + GAP if count > 1 else 0
        return QSize(GAP + count * (TILE.width() + GAP) + hint, TILE.height() + CAPTION + 2 * GAP)

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        number = self._at(event.position().toPoint())
        if number >= 0 and event.button() == Qt.MouseButton.LeftButton:
            self.chosen.emit(number)
        event.accept()  # not passed on to the canvas

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        event.accept()

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        self._hover(self._at(event.position().toPoint()))
        event.accept()

    def leaveEvent(self, event: QEvent) -> None:  # noqa: D102
        self._hover(-1)
        super().leaveEvent(event)

    def event(self, event: QEvent) -> bool:  # noqa: D102
        if isinstance(event, QHelpEvent):
            number = self._at(event.pos())
            text = "Tab: next mask. Shift+Tab: previous mask" if len(self._candidates) > 1 else ""
            if number >= 0:
                score = self._candidates[number].score
                text = f"Mask {number + 1} of {len(self._candidates)}\nPredicted IoU {score:.3f}"
            QToolTip.showText(event.globalPos(), text, self)
            return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform)
        background = self.palette().color(QPalette.ColorRole.Window)
        background.setAlpha(236)
        painter.setPen(QPen(painting.line(self.palette()), 1))
        painter.setBrush(background)
        painter.drawRoundedRect(QRectF(self.rect()).adjusted(0.5, 0.5, -0.5, -0.5), UNIT, UNIT)
        extent = self._extent()
        if not self._paths:
            detail = extent.width() / TILE.width() / 2
            self._paths = [region_path(mask.region, detail) for mask in self._candidates]
        for number in range(len(self._candidates)):
            self._paint_tile(painter, number, extent)
        if len(self._candidates) > 1:
            painter.setFont(painting.small_font(self.font()))
            width = self._hint_width()
            cap = QRectF(self.width() - GAP - width, GAP + TILE.height() / 2 - 10, width, 20)
            painting.draw_cap(painter, cap, "Tab", self.palette())

    def _hover(self, number: int) -> None:
        if number != self._hovered:
            self._hovered = number
            cursor = Qt.CursorShape.PointingHandCursor if number >= 0 else Qt.CursorShape.ArrowCursor
            self.setCursor(cursor)
            self.update()

    def _paint_tile(self, painter: QPainter, number: int, extent: QRectF) -> None:
        rect, palette = self.tile(number), self.palette()
        image_rect = QRectF(rect.left(), rect.top(), TILE.width(), TILE.height())
        scale = min(image_rect.width() / extent.width(), image_rect.height() / extent.height())
        to_tile = QTransform.fromTranslate(image_rect.center().x(), image_rect.center().y())
        to_tile.scale(scale, scale)
        to_tile.translate(-extent.center().x(), -extent.center().y())
        painter.save()
        clip = QPainterPath()
        clip.addRoundedRect(image_rect, 4, 4)
        painter.setClipPath(clip)
        painter.fillRect(
            image_rect, painting.blend(palette.color(QPalette.ColorRole.Base), QColor("#808080"), 0.2)
        )
        fill = QColor(self._color)
        fill.setAlphaF(0.5)
        painter.setPen(QPen(self._color, 1.5))
        painter.setBrush(fill)
        painter.drawPath(to_tile.map(self._paths[number]))
        painter.restore()
        self._paint_frame(painter, image_rect, number)
        self._paint_score(painter, rect, number)

    def _paint_frame(self, painter: QPainter, image_rect: QRectF, number: int) -> None:
        palette = self.palette()
        painter.setBrush(Qt.BrushStyle.NoBrush)
        if number == self._index:
            painter.setPen(QPen(palette.color(QPalette.ColorRole.Highlight), 2.5))
            painter.drawRoundedRect(image_rect.adjusted(-1, -1, 1, 1), 5, 5)
        else:
            hovered = number == self._hovered
            painter.setPen(QPen(painting.faint(palette) if hovered else painting.line(palette), 1))
            painter.drawRoundedRect(image_rect.adjusted(0.5, 0.5, -0.5, -0.5), 4, 4)

    def _paint_score(self, painter: QPainter, rect: QRect, number: int) -> None:
        palette, current = self.palette(), number == self._index
        font = painting.small_font(self.font(), 0.92)
        font.setBold(current)
        painter.setFont(font)
        painter.setPen(palette.color(QPalette.ColorRole.WindowText) if current else painting.faint(palette))
        caption = QRect(rect.left(), rect.bottom() - CAPTION + 3, rect.width(), CAPTION)
        text = f"{self._candidates[number].score:.2f}"
        painter.drawText(caption, Qt.AlignmentFlag.AlignCenter, text)
        if current:
            half_width = QFontMetrics(font).horizontalAdvance(text) / 2
            dot = QPointF(caption.center().x() - half_width - 8, caption.center().y() + 0.5)
            painting.draw_dot(painter, dot, palette.color(QPalette.ColorRole.Highlight), radius=2.5)
