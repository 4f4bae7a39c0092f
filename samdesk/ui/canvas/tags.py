"""Paints name tags and other text on the canvas, readable over any image."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSizeF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter

from samdesk.ui.canvas.shapes import Shape
from samdesk.ui.canvas.style import contrast, faded, ink_on
from samdesk.ui.kit.painting import draw_lock
from samdesk.ui.kit.plain import plain, plain_lines

_PAD_X, _PAD_Y = 6.0, 2.0
_WIDEST = 260.0
_LOCK = 14.0
"""Width of the padlock of a locked annotation."""
_GAP = 1.0
_CELL = 64.0
"""Side of a cell in which tags are looked for, logical pixels."""


@dataclass(frozen=True)
class Tag:
    """A name tag and where it is.

    Attributes:
        shape: What it names.
        text: Its text, elided.
        rect: Logical pixels.
    """

    shape: Shape
    text: str
    rect: QRectF


def place_tags(
    shapes: Sequence[Shape], to_widget: Callable[[float, float], QPointF], area: QRectF, font: QFont
) -> list[Tag]:
    """Places the name tags of shapes without overlap; those without room are left out.

    A tag is above its shape's top-left corner if there is room, else inside, below or at the right. Later
    shapes come first: the one under the mouse, the proposal.

    Args:
        shapes: In ascending order of importance.
        to_widget: Maps image pixels to logical pixels.
        area: The visible area, logical pixels.
        font: As ``paint_tag`` paints it, see ``tag_font``.
    """
    return [tag for tag in placing(shapes, to_widget, area, font) if tag is not None]


def placing(
    shapes: Sequence[Shape], to_widget: Callable[[float, float], QPointF], area: QRectF, font: QFont
) -> Iterator[Tag | None]:
    """Places one tag after the other, as ``place_tags``; None for a shape without room for its tag."""
    metrics = QFontMetricsF(font)
    taken = _Taken()
    sizes: dict[tuple[str, bool], tuple[str, QSizeF]] = {}  # of texts, which many shapes share
    for shape in reversed(shapes):
        over = QRectF(
            to_widget(shape.bounds.left(), shape.bounds.top()),
            to_widget(shape.bounds.right(), shape.bounds.bottom()),
        )
        if not over.intersects(area):
            yield None
            continue
        key = shape.text, shape.locked
        if key not in sizes:
            text = metrics.elidedText(plain(shape.text), Qt.TextElideMode.ElideRight, _WIDEST)
            width = metrics.horizontalAdvance(text) + 2 * _PAD_X + shape.locked * _LOCK
            sizes[key] = text, QSizeF(width, metrics.height() + 2 * _PAD_Y)
        text, size = sizes[key]
        rect = next((each for each in _places(size, over, area) if taken.add(each)), None)
        yield None if rect is None else Tag(shape, text, rect)


def _places(size: QSizeF, over: QRectF, area: QRectF) -> Iterator[QRectF]:
    """Where a tag may be, the best place first; each is inside ``area``."""
    room = area.adjusted(2, 2, -2, -2)
    left = min(max(over.left() - 1, room.left()), room.right() - size.width())
    inside = max(over.top(), area.top()) + 5
    places = (
        (left, over.top() - size.height() - 5),
        (left, inside),
        (left, over.bottom() + 5),
        (over.right() + 5, inside),
    )
    for x, y in places:
        rect = QRectF(QPointF(round(x), round(y)), size)
        if room.contains(rect):
            yield rect


class _Taken:
    """The rectangles taken so far, by the cells of a grid that they touch."""

    def __init__(self) -> None:
        self._cells: dict[tuple[int, int], list[QRectF]] = {}

    def add(self, rect: QRectF) -> bool:
        """Takes a rectangle if it is free, with a little space around it; returns whether it was."""
        wide = rect.adjusted(-_GAP, -_GAP, _GAP, _GAP)
        cells = [
            (column, row)
            for column in range(int(wide.left() // _CELL), int(wide.right() // _CELL) + 1)
            for row in range(int(wide.top() // _CELL), int(wide.bottom() // _CELL) + 1)
        ]
        if any(wide.intersects(other) for cell in cells for other in self._cells.get(cell, ())):
            return False
        for cell in cells:
            self._cells.setdefault(cell, []).append(rect)
        return True


def tag_font(font: QFont) -> QFont:
    """The font of name tags."""
    bold = QFont(font)
    bold.setWeight(QFont.Weight.DemiBold)
    return bold


def paint_tag(painter: QPainter, tag: Tag) -> None:
    """Paints a tag in its label's colour; the painter has the ``tag_font``."""
    color = tag.shape.color
    painter.setPen(faded(contrast(color), 0.55))
    painter.setBrush(color)
    painter.drawRoundedRect(tag.rect, 4, 4)
    painter.setPen(ink_on(color))
    room = tag.rect.adjusted(tag.shape.locked * _LOCK, 0, 0, 0)
    painter.drawText(room, Qt.AlignmentFlag.AlignCenter, tag.text)
    if tag.shape.locked:
        draw_lock(painter, QPointF(tag.rect.left() + _LOCK - 3, tag.rect.center().y()), ink_on(color))


def paint_note(painter: QPainter, text: str, at: QPointF) -> None:
    """Paints a small dark label with light text below and right of a point."""
    text = plain(text)
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
    title, _, rest = plain_lines(text).partition("\n")
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
