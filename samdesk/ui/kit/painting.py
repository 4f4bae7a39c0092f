"""Paints the marks of list delegates: swatches, badges, eyes, dots. Lengths are logical pixels."""

from __future__ import annotations

from collections.abc import Collection

from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetrics, QPainter, QPainterPath, QPalette, QPen
from PySide6.QtWidgets import QStyle, QStyleOptionViewItem

from samdesk.ui.kit.plain import plain


def blend(a: QColor, b: QColor, share: float) -> QColor:
    """Colour ``a`` with ``share`` (0..1) of ``b`` mixed in, opaque."""
    keep = 1.0 - share
    return QColor.fromRgbF(
        a.redF() * keep + b.redF() * share,
        a.greenF() * keep + b.greenF() * share,
        a.blueF() * keep + b.blueF() * share,
    )


def is_dark(palette: QPalette) -> bool:
    """Whether the palette has light text on a dark background."""
    return palette.color(QPalette.ColorRole.Base).lightnessF() < 0.5


def is_selected(option: QStyleOptionViewItem) -> bool:
    """Whether the row is selected (the stubs hide ``state`` from mypy)."""
    return bool(option.state & QStyle.StateFlag.State_Selected)


def is_hovered(option: QStyleOptionViewItem) -> bool:
    """Whether the mouse is over the row."""
    return bool(option.state & QStyle.StateFlag.State_MouseOver)


def row_rect(option: QStyleOptionViewItem) -> QRect:
    """The row's rectangle in the viewport."""
    return QRect(option.rect)


def row_palette(option: QStyleOptionViewItem) -> QPalette:
    """The row's palette."""
    return QPalette(option.palette)


def row_font(option: QStyleOptionViewItem) -> QFont:
    """The row's font."""
    return QFont(option.font)


def ink(palette: QPalette) -> QColor:
    """The colour of a row's text."""
    return palette.color(QPalette.ColorRole.Text)


def faint(palette: QPalette) -> QColor:
    """The colour of secondary text: a contrast of over 4.5 to 1."""
    return blend(palette.color(QPalette.ColorRole.Text), palette.color(QPalette.ColorRole.Base), 0.34)


def line(palette: QPalette) -> QColor:
    """The colour of a hairline."""
    return blend(palette.color(QPalette.ColorRole.Base), palette.color(QPalette.ColorRole.Text), 0.22)


def warning(palette: QPalette) -> QColor:
    """An amber that is readable on the palette's base colour."""
    return QColor("#f0b03f") if is_dark(palette) else QColor("#a86200")


def success(palette: QPalette) -> QColor:
    """A green that is readable on the palette's base colour."""
    return QColor("#5ec98a") if is_dark(palette) else QColor("#1b7f4b")


def small_font(font: QFont, factor: float = 0.86) -> QFont:
    """A smaller copy of a font."""
    result = QFont(font)
    if font.pointSizeF() > 0:
        result.setPointSizeF(font.pointSizeF() * factor)
    else:
        result.setPixelSize(max(1, round(font.pixelSize() * factor)))
    return result


def draw_row_ground(
    painter: QPainter, rect: QRect, palette: QPalette, *, selected: bool, hovered: bool
) -> None:
    """Paints a row's background: accented and marked at the left if selected, tinted if hovered."""
    base = palette.color(QPalette.ColorRole.Base)
    accent = palette.color(QPalette.ColorRole.Highlight)
    if selected:
        painter.fillRect(rect, blend(base, accent, 0.26))
        painter.fillRect(QRect(rect.left(), rect.top(), 3, rect.height()), accent)
    elif hovered:
        painter.fillRect(rect, blend(base, palette.color(QPalette.ColorRole.Text), 0.07))


def draw_swatch(painter: QPainter, rect: QRectF, color: QColor, palette: QPalette) -> None:
    """Paints a label's colour as an outlined rounded square, visible on any background."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(blend(color, palette.color(QPalette.ColorRole.Text), 0.35), 1))
    painter.setBrush(color)
    painter.drawRoundedRect(rect.adjusted(0.5, 0.5, -0.5, -0.5), 3, 3)
    painter.restore()


def draw_text(painter: QPainter, rect: QRect, text: str, color: QColor, *, right: bool = False) -> None:
    """Paints one line of text, elided at its end, vertically centred."""
    painter.setPen(color)
    metrics = QFontMetrics(painter.font())
    shown = metrics.elidedText(plain(text), Qt.TextElideMode.ElideRight, rect.width())
    side = Qt.AlignmentFlag.AlignRight if right else Qt.AlignmentFlag.AlignLeft
    painter.drawText(rect, side | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine, shown)


def draw_marked_text(
    painter: QPainter, rect: QRect, text: str, marked: Collection[int], palette: QPalette
) -> None:
    """Paints one line of text as ``draw_text``, with the characters at some places bold and accented."""
    shown = plain(text)
    if not marked or shown != text:
        draw_text(painter, rect, text, ink(palette))
        return
    painter.save()
    painter.setClipRect(rect)
    font, left = QFont(painter.font()), rect.left()
    for place, character in enumerate(shown):
        is_marked = place in marked
        font.setBold(is_marked)
        painter.setFont(font)
        painter.setPen(palette.color(QPalette.ColorRole.Link) if is_marked else ink(palette))
        flags = Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine
        painter.drawText(QRect(left, rect.top(), rect.right() - left, rect.height()), flags, character)
        left += QFontMetrics(font).horizontalAdvance(character)
    painter.restore()


def draw_cap(painter: QPainter, rect: QRectF, text: str, palette: QPalette) -> None:
    """Paints a key cap: a character in an outlined box."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(line(palette), 1))
    painter.setBrush(
        blend(palette.color(QPalette.ColorRole.Base), palette.color(QPalette.ColorRole.Text), 0.06)
    )
    painter.drawRoundedRect(rect.adjusted(0.5, 0.5, -0.5, -0.5), 3, 3)
    painter.setPen(ink(palette))
    painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, text)
    painter.restore()


def badge_width(font: QFont, text: str) -> int:
    """The width of ``draw_badge`` for ``text``."""
    return QFontMetrics(font).horizontalAdvance(text) + 12


def draw_badge(painter: QPainter, rect: QRectF, text: str, palette: QPalette) -> None:
    """Paints text in a muted, rounded box."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    background = blend(palette.color(QPalette.ColorRole.Base), palette.color(QPalette.ColorRole.Text), 0.12)
    painter.setBrush(background)
    painter.drawRoundedRect(rect, rect.height() / 2, rect.height() / 2)
    painter.setPen(blend(palette.color(QPalette.ColorRole.Text), background, 0.15))
    painter.drawText(rect, Qt.AlignmentFlag.AlignCenter, text)
    painter.restore()


def draw_eye(painter: QPainter, center: QPointF, color: QColor, *, shown: bool) -> None:
    """Paints an eye 16 wide, crossed out if ``shown`` is False."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.translate(center)
    painter.setPen(QPen(color, 1.4, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    lid = QPainterPath(QPointF(-7, 0))
    lid.quadTo(QPointF(0, -8), QPointF(7, 0))
    lid.quadTo(QPointF(0, 8), QPointF(-7, 0))
    painter.drawPath(lid)
    if shown:
        painter.setBrush(color)
        painter.drawEllipse(QPointF(0, 0), 1.8, 1.8)
    else:
        painter.drawLine(QPointF(-6, 5.5), QPointF(6, -5.5))
    painter.restore()


def draw_fold(painter: QPainter, center: QPointF, color: QColor, *, folded: bool) -> None:
    """Paints a caret that points right (folded) or down, 8 wide."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    pen = QPen(color, 1.6, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin)
    painter.setPen(pen)
    painter.translate(center)
    if folded:
        painter.rotate(-90)
    painter.drawPolyline([QPointF(-4, -2), QPointF(0, 2), QPointF(4, -2)])
    painter.restore()


def draw_lock(painter: QPainter, center: QPointF, color: QColor) -> None:
    """Paints a padlock 9 wide."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.translate(center)
    painter.setPen(QPen(color, 1.4, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap))
    painter.setBrush(Qt.BrushStyle.NoBrush)
    shackle = QPainterPath(QPointF(-2.8, 0))
    shackle.lineTo(QPointF(-2.8, -2.4))
    shackle.arcTo(QRectF(-2.8, -5.2, 5.6, 5.6), 180, -180)
    shackle.lineTo(QPointF(2.8, 0))
    painter.drawPath(shackle)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(color)
    painter.drawRoundedRect(QRectF(-4.5, -0.8, 9, 6.6), 1.4, 1.4)
    painter.restore()


def draw_dot(
    painter: QPainter, center: QPointF, color: QColor, *, radius: float = 3.5, filled: bool = True
) -> None:
    """Paints a dot, or a ring."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(QPen(color, 1.4))
    painter.setBrush(color if filled else Qt.BrushStyle.NoBrush)
    painter.drawEllipse(center, radius, radius)
    painter.restore()


def draw_check(painter: QPainter, center: QPointF, color: QColor) -> None:
    """Paints a check mark 10 wide."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    pen = QPen(color, 2, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin)
    painter.setPen(pen)
    path = QPainterPath(center + QPointF(-4.5, 0.2))
    path.lineTo(center + QPointF(-1.4, 3.4))
    path.lineTo(center + QPointF(4.5, -3.2))
    painter.drawPath(path)
    painter.restore()


def draw_alert(painter: QPainter, center: QPointF, color: QColor, size: float = 12) -> None:
    """Paints a warning triangle ``size`` wide."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    half = size / 2
    pen = QPen(color, size / 9, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin)
    painter.setPen(pen)
    path = QPainterPath(center + QPointF(0, -half * 0.9))
    path.lineTo(center + QPointF(half, half * 0.8))
    path.lineTo(center + QPointF(-half, half * 0.8))
    path.closeSubpath()
    painter.drawPath(path)
    painter.drawLine(center + QPointF(0, -half * 0.25), center + QPointF(0, half * 0.2))
    painter.drawPoint(center + QPointF(0, half * 0.52))
    painter.restore()


def draw_focus_frame(painter: QPainter, rect: QRect, palette: QPalette) -> None:
    """Paints a frame just inside a list, or a row, that has the keyboard."""
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.setPen(palette.color(QPalette.ColorRole.Highlight))
    painter.drawRect(rect.adjusted(0, 0, -1, -1))


def draw_flag(painter: QPainter, center: QPointF, color: QColor) -> None:
    """Paints a flag on its pole, 10 high."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.translate(center)
    painter.setPen(QPen(color, 1.4, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    painter.drawLine(QPointF(-3, -5), QPointF(-3, 5))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(color)
    painter.drawPolygon([QPointF(-3, -5), QPointF(4.5, -2.2), QPointF(-3, 0.8)])
    painter.restore()


def draw_cross(painter: QPainter, center: QPointF, color: QColor) -> None:
    """Paints a diagonal cross, 7 wide."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.translate(center)
    painter.setPen(QPen(color, 1.8, Qt.PenStyle.SolidLine, Qt.PenCapStyle.RoundCap))
    painter.drawLine(QPointF(-3.5, -3.5), QPointF(3.5, 3.5))
    painter.drawLine(QPointF(-3.5, 3.5), QPointF(3.5, -3.5))
    painter.restore()


def draw_pencil(painter: QPainter, center: QPointF, color: QColor) -> None:
    """Paints a pencil, 10 wide."""
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.translate(center)
    pen = QPen(color, 3.4, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap)
    painter.setPen(pen)
    painter.drawLine(QPointF(-2.4, 2.4), QPointF(4, -4))
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(color)
    painter.drawPolygon([QPointF(-5, 5), QPointF(-3.9, 1.3), QPointF(-1.3, 3.9)])
    painter.restore()


def error(palette: QPalette) -> QColor:
    """The colour of what is wrong."""
    return QColor("#f0706c" if is_dark(palette) else "#c03a38")
