"""Paints name tags and other text on the canvas, readable over any image."""

from __future__ import annotations

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter

from samdesk.ui.canvas.style import contrast, faded, ink_on

_PAD_X, _PAD_Y = 6.0, 2.0


def paint_tag(painter: QPainter, text: str, over: QRectF, color: QColor, within: QRectF) -> None:
    """Paints a tag in the label's colour above ``over``'s top-left corner, kept inside ``within``.

    All rectangles are logical pixels.
    """
    font = QFont(painter.font())
    font.setWeight(QFont.Weight.DemiBold)
    metrics = QFontMetricsF(font)
    text = metrics.elidedText(text, Qt.TextElideMode.ElideRight, 260)
    width = metrics.horizontalAdvance(text) + 2 * _PAD_X
    height = metrics.height() + 2 * _PAD_Y
    left = min(max(over.left() - 1, within.left() + 2), within.right() - width - 2)
    top = over.top() - height - 5
    if top < within.top() + 2:  # no room above: inside, at the top of the visible part
        top = max(over.top(), within.top()) + 5
    top = min(top, within.bottom() - height - 2)
    pill = QRectF(round(left), round(top), width, height)
    painter.setPen(faded(contrast(color), 0.55))
    painter.setBrush(color)
    painter.drawRoundedRect(pill, 4, 4)
    painter.setFont(font)
    painter.setPen(ink_on(color))
    painter.drawText(pill, Qt.AlignmentFlag.AlignCenter, text)


def paint_note(painter: QPainter, text: str, at: QPointF) -> None:
    """Paints a small dark label with light text below and right of a point."""
    metrics = QFontMetricsF(painter.font())
    box = QRectF(
        at.x() + 12, at.y() + 12, metrics.horizontalAdvance(text) + 2 * _PAD_X, metrics.height() + 2 * _PAD_Y
    )
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(QColor(16, 18, 22, 205))
    painter.drawRoundedRect(box, 4, 4)
    painter.setPen(QColor(255, 255, 255))
    painter.drawText(box, Qt.AlignmentFlag.AlignCenter, text)


def paint_message(painter: QPainter, text: str, area: QRectF, ink: QColor) -> None:
    """Paints a message in the centre of an empty canvas; the first line is the title."""
    title, _, rest = text.partition("\n")
    font = QFont(painter.font())
    size = font.pointSizeF() if font.pointSizeF() > 0 else 10.0
    font.setPointSizeF(size * 1.35)
    font.setWeight(QFont.Weight.DemiBold)
    width = min(560.0, area.width() - 48)
    flags = int(Qt.AlignmentFlag.AlignHCenter | Qt.TextFlag.TextWordWrap)
    tall = QRectF(0, 0, width, 10_000)
    title_box = QFontMetricsF(font).boundingRect(tall, flags, title)
    rest_box = QFontMetricsF(painter.font()).boundingRect(tall, flags, rest) if rest else QRectF()
    top = area.center().y() - (title_box.height() + 8 + rest_box.height()) / 2
    left = area.center().x() - width / 2
    plain = painter.font()
    painter.setFont(font)
    painter.setPen(faded(ink, 0.85))
    painter.drawText(QRectF(left, top, width, title_box.height() + 2), flags, title)
    painter.setFont(plain)
    painter.setPen(faded(ink, 0.65))
    painter.drawText(QRectF(left, top + title_box.height() + 8, width, rest_box.height() + 2), flags, rest)
