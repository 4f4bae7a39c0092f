"""MaskPreview: a region on the canvas while a stroke or a drag changes it.

The region is kept as a raster of the screen. A step changes some of its pixels, and only the tiles around
those are coloured again: a step costs the same for ten vertices and for ten thousand.
"""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRect, QSize
from PySide6.QtGui import QColor, QPainter, QPainterPath, QRegion

from samdesk.base.cv import cv2
from samdesk.ui.canvas.mask_ink import TILE, argb_image, gray_image, tiles
from samdesk.ui.canvas.style import Mark, ink_of
from samdesk.ui.canvas.viewport import Viewport

_SHIFT = 4
"""Fractional bits of OpenCV's coordinates."""
_FINE = 12
"""A brush of a smaller radius is antialiased, device pixels."""


class MaskPreview:
    """One region of one colour, in device pixels of a viewport.

    Args:
        view: Where the image is; see ``is_for``.
        size: Of the canvas, device pixels.
        unit: Device pixels per logical pixel.
        color: Of the annotation's label.
    """

    def __init__(self, view: Viewport, size: QSize, unit: float, color: QColor) -> None:
        self._view, self._size, self._unit, self._rgb = view, QSize(size), unit, color.rgb()
        self._mask, self._canvas = gray_image(size.width(), size.height())
        self._colored = np.zeros((size.height(), size.width(), 4), np.uint8)
        self._image = argb_image(self._colored)
        self._ink = ink_of(Mark.SELECTED, color, unit)
        self._area = QRect(0, 0, size.width(), size.height())

    def is_for(self, view: Viewport, size: QSize, color: QColor) -> bool:
        """Whether it was made for this viewport, canvas size and colour; if not, it has to be made again."""
        return view == self._view and size == self._size and color.rgb() == self._rgb

    def fill(self, path: QPainterPath) -> None:
        """Adds a path of device pixels, filled even-odd."""
        self._paint(path, self._area)
        self._color(self._grown(path.boundingRect().toAlignedRect()))

    def refill(self, rect: QRect, path: QPainterPath) -> QRegion:
        """Replaces a rectangle of device pixels by a path; returns what has to be repainted."""
        rect = rect.intersected(self._area)
        if rect.isEmpty():
            return QRegion()
        self._part(rect)[...] = 0
        self._paint(path, rect)
        grown = self._grown(rect)
        self._color(grown)
        return self._logical(QRegion(grown))

    def stroke(
        self, start: tuple[float, float], end: tuple[float, float], radii: tuple[float, float], *, adds: bool
    ) -> QRegion:
        """Adds or erases a piece of a stroke; returns what has to be repainted, logical pixels.

        Args:
            start: Device pixels.
            end: Device pixels; the same for a dab.
            radii: At the start and at the end, device pixels.
            adds: False: erases.
        """
        most = max(radii)
        (x0, y0), (x1, y1) = start, end
        rect = QRect(
            QPointF(min(x0, x1) - most - 2, min(y0, y1) - most - 2).toPoint(),
            QPointF(max(x0, x1) + most + 2, max(y0, y1) + most + 2).toPoint(),
        ).intersected(self._area)
        if rect.isEmpty():
            return QRegion()
        part = self._part(rect)
        before = part.copy()
        _stamp(part, (x0 - rect.left(), y0 - rect.top()), (x1 - rect.left(), y1 - rect.top()), radii, adds)
        changed = QRegion()
        for tile in tiles(rect):
            top, left = tile.top() - rect.top(), tile.left() - rect.left()
            inside = slice(top, top + tile.height()), slice(left, left + tile.width())
            if not np.array_equal(before[inside], part[inside]):
                grown = self._grown(tile)
                self._color(grown)
                changed += QRegion(grown)
        return self._logical(changed)

    def draw(self, painter: QPainter) -> None:
        """Draws it with a painter in logical pixels."""
        painter.save()
        painter.scale(1 / self._unit, 1 / self._unit)
        painter.drawImage(0, 0, self._image)
        painter.restore()

    def _paint(self, path: QPainterPath, clip: QRect) -> None:
        painter = QPainter(self._canvas)
        painter.setClipRect(clip)
        painter.fillPath(path, QColor(255, 255, 255))
        painter.end()

    def _part(self, rect: QRect) -> np.ndarray:
        return self._mask[rect.top() : rect.bottom() + 1, rect.left() : rect.right() + 1]

    def _grown(self, rect: QRect) -> QRect:
        more = self._ink.reach
        return rect.adjusted(-more, -more, more, more).intersected(self._area)

    def _color(self, rect: QRect) -> None:
        """Colours the pixels of a rectangle: inside, outline and what is around it."""
        rect = rect.intersected(self._area)
        small = max(rect.width(), rect.height()) <= 2 * TILE and not rect.isEmpty()
        for tile in [rect] if small else tiles(rect):
            around = self._grown(tile)
            mask = self._part(around)
            low, high = int(mask.min()), int(mask.max())
            target = self._colored[tile.top() : tile.bottom() + 1, tile.left() : tile.right() + 1]
            if low == high:
                target[...] = self._ink.inside if high else 0
                continue
            top, left = tile.top() - around.top(), tile.left() - around.left()
            target[...] = self._ink.colored(mask)[top : top + tile.height(), left : left + tile.width()]

    def _logical(self, region: QRegion) -> QRegion:
        if self._unit == 1:
            return region
        found = QRegion()
        for rect in region:  # type: ignore[attr-defined]
            left, top = int(rect.left() / self._unit), int(rect.top() / self._unit)
            right, bottom = rect.right() / self._unit + 1, rect.bottom() / self._unit + 1
            found += QRect(left, top, int(right) - left + 1, int(bottom) - top + 1)
        return found


def _stamp(
    mask: np.ndarray,
    start: tuple[float, float],
    end: tuple[float, float],
    radii: tuple[float, float],
    adds: bool,
) -> None:
    """Sets or clears two discs and what lies between them, in pixels of the mask."""
    value = 255 if adds else 0
    line = cv2.LINE_AA if max(radii) < _FINE else cv2.LINE_8
    # OpenCV's pixel centres have whole coordinates.
    a, b = (np.array(each, np.float64) - 0.5 for each in (start, end))
    for center, radius in ((a, radii[0]), (b, radii[1])):
        cv2.circle(mask, _fixed(center), max(round(radius * 2**_SHIFT), 1), value, -1, line, _SHIFT)
    length = float(np.hypot(*(b - a)))
    if length > 0:
        across = np.array([a[1] - b[1], b[0] - a[0]]) / length
        corners = [a + across * radii[0], b + across * radii[1], b - across * radii[1], a - across * radii[0]]
        cv2.fillConvexPoly(mask, np.array([_fixed(corner) for corner in corners]), value, line, _SHIFT)


def _fixed(point: np.ndarray) -> tuple[int, int]:
    return round(float(point[0]) * 2**_SHIFT), round(float(point[1]) * 2**_SHIFT)


def ring_region(center: QPointF, radius: float, reach: int = 4) -> QRegion:
    """The part of a canvas that a circle's line covers, in rectangles; logical pixels."""
    if radius < 40:
        side = radius + reach
        return QRegion(
            QRect((center - QPointF(side, side)).toPoint(), QSize(round(2 * side), round(2 * side)))
        )
    count = 48
    angles = np.linspace(0, 2 * np.pi, count + 1)
    xs, ys = center.x() + radius * np.cos(angles), center.y() + radius * np.sin(angles)
    # An arc bulges beyond its chord by at most this.
    more = reach + int(radius * (1 - np.cos(np.pi / count))) + 1
    found = QRegion()
    for i in range(count):
        left, right = sorted((int(xs[i]), int(xs[i + 1])))
        top, bottom = sorted((int(ys[i]), int(ys[i + 1])))
        found += QRect(left - more, top - more, right - left + 2 * more, bottom - top + 2 * more)
    return found
