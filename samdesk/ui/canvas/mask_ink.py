"""Paints regions as rasters: the same cost for ten vertices and for ten thousand.

Qt's antialiased outlines take milliseconds for a thousand vertices. Here the region is filled, which is
fast, and its outline comes of growing and shrinking the pixels of the fill.
"""

from __future__ import annotations

from collections.abc import Iterator
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRect, QRectF
from PySide6.QtGui import QColor, QImage, QPainter, QPainterPath

from samdesk.base.cv import cv2

Pixels = NDArray[np.uint8]
TILE = 128
"""Side of a tile, device pixels."""
_STEEPER: Pixels = np.clip(128 + 2.2 * (np.arange(256) - 128), 0, 255).astype(np.uint8)
"""Makes an edge that is blurred over three pixels one of about one pixel, as of an antialiased line."""


class MaskInk:
    """How the pixels of a region are coloured: the fill, the line on its edge and up to two lines around it.

    Args:
        color: Of the fill and the line.
        fill: Opacity of the fill, 0..1.
        width: Of the line, device pixels.
        around: Colour of each line on both sides of it, and its width in device pixels, the nearest first.
    """

    def __init__(self, color: QColor, fill: float, width: float, around: list[tuple[QColor, float]]) -> None:
        outside = max(1, round(width / 2 + 0.25))
        reaches = [outside, *(max(1, round(each)) for _, each in around[:2])]
        inside = [max(1, round(width) - outside), *reaches[1:]]
        self._steps = [
            (_disc(inward), _disc(outward)) for inward, outward in zip(inside, reaches, strict=True)
        ]
        self.fill = QColor(color)
        """The colour of a pixel far inside."""
        self.fill.setAlphaF(fill)
        self.reach = sum(reaches) + 2
        """Device pixels around the region that it may colour."""
        colors = [(color, fill), (color, 1.0), *((each, 1.0) for each, _ in around[:2])]
        self._weights = _premultiplied(colors)
        self.inside = np.array(np.rint(self._weights[:, 0] * 255), np.uint8)
        """The colour of a pixel far inside: B, G, R, A, premultiplied."""

    def colored(self, mask: Pixels) -> Pixels:
        """The colours of a mask.

        Args:
            mask: (H, W), 255 inside, 0 outside.

        Returns:
            (H, W, 4) B, G, R, A, premultiplied; those within ``reach`` of the mask's edge depend on what
            lies beyond.
        """
        inner = outer = cv2.LUT(cv2.blur(mask, (3, 3)), _STEEPER)  # the raster has hard edges
        before, bands = outer - outer, []
        for inward, outward in self._steps:  # the line, then what is around it, on either side
            inner, outer = cv2.erode(inner, inward), cv2.dilate(outer, outward)
            within = outer - inner
            bands.append(within - before)
            before = within
        return np.asarray(cv2.transform(cv2.merge([inner, *bands]), self._weights), np.uint8)


def paint_mask(painter: QPainter, path: QPainterPath, ink: MaskInk) -> None:
    """Paints a path, filled even-odd, with a painter in device pixels."""
    rect = _visible(painter, path.boundingRect(), ink.reach)
    if rect.isEmpty():
        return
    more = ink.reach
    around = rect.adjusted(-more, -more, more, more)
    buffer, image = gray_image(around.width(), around.height())
    filler = QPainter(image)
    filler.translate(-around.topLeft())
    filler.fillPath(path, QColor(255, 255, 255))
    filler.end()
    for tile in tiles(rect):
        left, top = tile.left() - around.left(), tile.top() - around.top()
        right, bottom = left + tile.width(), top + tile.height()
        mask = buffer[top - more : bottom + more, left - more : right + more]
        low, high = int(mask.min()), int(mask.max())
        if low == high:
            if high:
                painter.fillRect(tile, ink.fill)
            continue
        pixels = np.ascontiguousarray(ink.colored(mask)[more:-more, more:-more])
        painter.drawImage(tile.topLeft(), argb_image(pixels))


def gray_image(width: int, height: int) -> tuple[Pixels, QImage]:
    """An empty (height, width) mask, and an image on the same memory to paint on it."""
    stride = -(-width // 4) * 4  # QImage wants rows of whole 32-bit words
    buffer = np.zeros((height, stride), np.uint8)
    return buffer[:, :width], QImage(buffer.data, width, height, stride, QImage.Format.Format_Grayscale8)


def argb_image(pixels: Pixels) -> QImage:
    """An image on the memory of (H, W, 4) premultiplied B, G, R, A."""
    height, width = pixels.shape[:2]
    return QImage(pixels.data, width, height, 4 * width, QImage.Format.Format_ARGB32_Premultiplied)


def tiles(rect: QRect) -> Iterator[QRect]:
    """The parts of a rectangle in the tiles of a grid."""
    if rect.isEmpty():
        return
    left, top, right, bottom = rect.left(), rect.top(), rect.right() + 1, rect.bottom() + 1
    xs = [left, *range((left // TILE + 1) * TILE, right, TILE), right]
    ys = [top, *range((top // TILE + 1) * TILE, bottom, TILE), bottom]
    for y0, y1 in pairwise(ys):
        for x0, x1 in pairwise(xs):
            yield QRect(x0, y0, x1 - x0, y1 - y0)


def _visible(painter: QPainter, bounds: QRectF, reach: int) -> QRect:
    """The pixels of a path that can be seen, and those around them that may be coloured."""
    back, _ = painter.transform().inverted()
    seen = back.mapRect(QRectF(painter.window()))
    if painter.hasClipping():
        seen = seen.intersected(painter.clipBoundingRect())
    return bounds.adjusted(-reach, -reach, reach, reach).intersected(seen).toAlignedRect()


def _disc(reach: int) -> Pixels:
    return np.asarray(cv2.getStructuringElement(cv2.MORPH_ELLIPSE, (2 * reach + 1, 2 * reach + 1)), np.uint8)


def _premultiplied(colors: list[tuple[QColor, float]]) -> NDArray[np.float64]:
    """(4, N) B, G, R, A of colours with an opacity, 0..1."""
    columns = [[c.blue() * a, c.green() * a, c.red() * a, 255 * a] for c, a in colors]
    weights: NDArray[np.float64] = np.array(columns, np.float64).T / 255
    return weights
