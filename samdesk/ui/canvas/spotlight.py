"""The spotlight: one annotation in full light, its surroundings dimmed, the rest of the image more so."""

from __future__ import annotations

from PySide6.QtCore import QRectF, QSize, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath

from samdesk.ui.canvas.shapes import Shape
from samdesk.ui.canvas.viewport import Viewport

_AROUND = 3.0
"""How many times as large as an annotation's box its surroundings are."""
_LEAST = 96.0
"""Minimum side of the surroundings, image pixels: an object of a few pixels is not recognised by itself."""
_NEAR = 0.25
"""How much of its size an annotation's box is extended by for the lightly dimmed part."""
_ROUND = 16.0
"""Radius of the corners of that part, device pixels."""
_LIGHT, _DARK = QColor(0, 0, 0, 56), QColor(0, 0, 0, 88)
"""Over the surroundings, and again over what is further away."""


def surroundings(box: QRectF, image: tuple[int, int]) -> QRectF:
    """The part of an image that shows an annotation with its surroundings, image pixels.

    Args:
        box: The annotation's bounds, image pixels.
        image: Width and height of the image, pixels.
    """
    across, down = max(_AROUND * box.width(), _LEAST), max(_AROUND * box.height(), _LEAST)
    middle = box.center()
    around = QRectF(middle.x() - across / 2, middle.y() - down / 2, across, down)
    return around.intersected(QRectF(0, 0, image[0], image[1]))


def paint_spotlight(
    painter: QPainter, shape: Shape, view: Viewport, size: QSize, image: tuple[int, int]
) -> None:
    """Dims everything but a shape; the painter uses device pixels.

    Args:
        painter: Paints on the canvas.
        shape: What is in full light.
        view: Where the image lies on the canvas.
        size: Of the canvas, device pixels.
        image: Width and height of the image, pixels; beside it everything is dimmed alike.
    """
    painter.save()
    painter.setPen(Qt.PenStyle.NoPen)
    canvas = QRectF(0, 0, size.width(), size.height())
    outline = shape.path(view, (size.width(), size.height()))
    box = outline.boundingRect()
    dx, dy = box.width() * _NEAR, box.height() * _NEAR
    (left, top), (right, bottom) = view.to_device(0, 0), view.to_device(*image)
    around = box.adjusted(-dx, -dy, dx, dy).intersected(QRectF(left, top, right - left, bottom - top))
    near = QPainterPath()
    near.addRoundedRect(around, _ROUND, _ROUND)
    for color, lit in ((_LIGHT, outline), (_DARK, near)):
        dimmed = QPainterPath()  # filled even-odd: without what is lit
        dimmed.addRect(canvas)
        dimmed.addPath(lit)
        painter.setBrush(color)
        painter.drawPath(dimmed)
    painter.restore()
