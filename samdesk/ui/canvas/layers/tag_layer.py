"""TagLayer: the name tags of all annotations in one cached bitmap."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from PySide6.QtCore import QPoint, QPointF, QRect, QRectF
from PySide6.QtGui import QFont, QImage, QPainter

from samdesk.ui.canvas.layers.layer import Layer, transparent
from samdesk.ui.canvas.shapes import Shape
from samdesk.ui.canvas.tags import Tag, paint_tag, placing, tag_font
from samdesk.ui.canvas.viewport import Viewport

_MOST_TRIED = 1500
"""Shapes for whose tags a place is looked for, the largest first."""
_MOST_PLACED = 400
_SMALLEST = 10.0
"""Logical pixels; the tag of a smaller shape hides it and its neighbours."""


class TagLayer(Layer):
    """The cached tags. They are placed anew after every change of the viewport; until then they move with it.

    Attributes:
        placed: The tags of the last finished bitmap, the most important first.
    """

    def __init__(self) -> None:
        super().__init__(QImage.Format.Format_ARGB32_Premultiplied, transparent())
        self._shapes: list[Shape] = []
        self._first = 0
        self._font = QFont()
        self._unit = 1.0
        self._next: list[Tag] = []
        self.placed: list[Tag] = []

    def set_shapes(self, shapes: Sequence[Shape], first: Sequence[Shape] = ()) -> None:
        """Sets the shapes to name; those in ``first`` are placed before all others."""
        now = [*shapes, *first]
        if now != self._shapes or len(first) != self._first:
            self._shapes, self._first = now, len(first)
            self.invalidate()
            if not now:
                self.placed = []

    def names(self, shape: Shape) -> bool:
        """Whether a shape has its tag in the bitmap."""
        return any(tag.shape is shape for tag in self.placed)

    def set_font(self, font: QFont, unit: float) -> None:
        """Sets the font of the window, and the device pixel ratio."""
        if (font, unit) != (self._font, self._unit):
            self._font, self._unit = font, unit
            self.invalidate()

    def draw(self, painter: QPainter, view: Viewport, *, smooth: bool = True) -> None:
        """Draws the tags in device pixels, each at its size, where its place has moved to."""
        if self._front is None:
            return
        image, seen = self._front
        edge = self._unit  # of the outline
        for tag in self.placed:
            at = QPointF(tag.rect.x() * self._unit, tag.rect.y() * self._unit)
            u, v = view.to_device(*seen.to_image(at.x(), at.y()))
            size = tag.rect.size() * self._unit
            part = QRectF(at, size).adjusted(-edge, -edge, edge, edge).toAlignedRect()
            painter.drawImage(QPoint(round(u - at.x()), round(v - at.y())) + part.topLeft(), image, part)

    def _kept_from_front(self, back: QImage) -> list[QRect]:
        return [back.rect()]  # where there is room for a tag depends on all others

    def _paint(self, image: QImage, rect: QRect, view: Viewport) -> Iterator[None]:
        self._next = []
        unit = self._unit

        def to_widget(x: float, y: float) -> QPointF:
            u, v = view.to_device(x, y)
            return QPointF(u / unit, v / unit)

        area = QRectF(0, 0, image.width() / unit, image.height() / unit)
        font = tag_font(self._font)
        tried = placing(self._ranked(view, image.width(), image.height()), to_widget, area, font)
        for number, tag in enumerate(tried):
            if tag is not None:
                self._next.append(tag)
            if len(self._next) >= _MOST_PLACED:
                break
            if number % 8 == 0:
                yield
        painter = QPainter(image)
        try:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.scale(unit, unit)
            painter.setFont(font)
            for tag in reversed(self._next):
                paint_tag(painter, tag)
                yield
        finally:
            painter.end()

    def _finish(self) -> None:
        self.placed = self._next
        super()._finish()

    def _ranked(self, view: Viewport, width: int, height: int) -> list[Shape]:
        """The shapes to name, the most important last: the largest of those in sight, then the first ones."""
        count = len(self._shapes) - self._first
        rest, first = self._shapes[:count], self._shapes[count:]
        bounds = np.array([s.bounds.getCoords() for s in rest], np.float64).reshape(-1, 4)
        x0, y0 = view.to_image(0, 0)
        x1, y1 = view.to_image(width, height)
        seen = (bounds[:, 0] < x1) & (bounds[:, 2] > x0) & (bounds[:, 1] < y1) & (bounds[:, 3] > y0)
        sides = np.maximum(bounds[:, 2] - bounds[:, 0], bounds[:, 3] - bounds[:, 1])
        seen &= sides * view.scale >= _SMALLEST * self._unit
        order = np.flatnonzero(seen)
        order = order[np.argsort(sides[order], kind="stable")][-_MOST_TRIED:]
        return [*(rest[i] for i in order.tolist()), *first]
