"""ShapeLayer: many regions in one cached bitmap."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRect, QRectF
from PySide6.QtGui import QImage, QPainter

from samdesk.ui.canvas.layers.layer import Layer, transparent
from samdesk.ui.canvas.shapes import Shape
from samdesk.ui.canvas.style import DEFAULT_OPACITY, DEFAULT_OUTLINE, REACH, paint_region
from samdesk.ui.canvas.viewport import Viewport


class ShapeLayer(Layer):
    """The cached regions, in painting order."""

    def __init__(self) -> None:
        super().__init__(QImage.Format.Format_ARGB32_Premultiplied, transparent())
        self._shapes: list[Shape] = []
        self._bounds: NDArray[np.float64] = np.zeros((0, 4))
        self._shown = False  # the bitmap has shapes
        self._unit = 1.0
        self._without_selected = False
        self._opacity = DEFAULT_OPACITY
        self._outline = DEFAULT_OUTLINE

    @property
    def shapes(self) -> list[Shape]:
        """The painted shapes, the last on top."""
        return self._shapes

    def near(self, x: float, y: float, reach: float) -> list[Shape]:
        """The shapes whose bounds are within ``reach`` of a position, image pixels, in painting order."""
        b = self._bounds
        hit = (
            (b[:, 0] <= x + reach) & (b[:, 2] >= x - reach) & (b[:, 1] <= y + reach) & (b[:, 3] >= y - reach)
        )
        return [self._shapes[i] for i in np.flatnonzero(hit)]

    def enclosed(self, rect: QRectF) -> list[Shape]:
        """The shapes completely inside a rectangle, image pixels."""
        b = self._bounds
        across = (b[:, 0] >= rect.left()) & (b[:, 2] <= rect.right())
        inside = across & (b[:, 1] >= rect.top()) & (b[:, 3] <= rect.bottom())
        return [self._shapes[i] for i in np.flatnonzero(inside)]

    def set_shapes(self, shapes: Iterable[Shape]) -> None:
        """Replaces the shapes; only those that differ are repainted."""
        before, now = self._shapes, list(shapes)
        if now == before:
            return
        self._shapes = now
        self._bounds = np.array(
            [s.bounds.getCoords() for s in now],
            np.float64,
        ).reshape(-1, 4)
        old, new = set(before), set(now)
        differing = (old - new) | (new - old)
        if [s for s in before if s in new] != [s for s in now if s in old]:
            self.invalidate()  # another painting order
        elif len(differing) > max(8, len(now) // 4):
            self.invalidate()
        else:
            self.invalidate_shapes(differing)

    def invalidate_shapes(self, shapes: Iterable[Shape]) -> None:
        """Schedules shapes whose style has changed for repainting."""
        for shape in shapes:
            self.invalidate(shape.bounds)

    def draw(self, painter: QPainter, view: Viewport, *, smooth: bool = True) -> None:
        """Draws the bitmap, unless it is empty: a whole canvas of nothing takes milliseconds too."""
        if self._shapes or self.pending or self._shown:
            super().draw(painter, view, smooth=smooth)

    def _finish(self) -> None:
        super()._finish()
        self._shown = bool(self._shapes)

    def set_unit(self, unit: float) -> None:
        """Sets the device pixel ratio, so that lines have the same width on any screen."""
        if unit != self._unit:
            self._unit = unit
            self.invalidate()

    def set_opacity(self, opacity: float) -> None:
        """Sets the opacity of a RESTING fill, 0..1."""
        if opacity != self._opacity:
            self._opacity = opacity
            self.invalidate()

    def set_outline(self, outline: float) -> None:
        """Sets the width of a RESTING outline, logical pixels."""
        if outline != self._outline:
            self._outline = outline
            self.invalidate()

    def set_without_selected(self, without: bool) -> None:
        """Leaves out the selected shapes, which are painted over the layer in every frame."""
        if without != self._without_selected:
            self._without_selected = without
            self.invalidate_shapes(shape for shape in self._shapes if shape.mark.is_selected)

    def _edge(self) -> int:
        return round(REACH * self._unit)

    def _paint(self, image: QImage, rect: QRect, view: Viewport) -> Iterator[None]:
        shapes = [self._shapes[i] for i in self._touching(rect, view)]
        if not shapes:
            return
        size = (image.width(), image.height())
        painter = QPainter(image)
        try:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            painter.setClipRect(rect)
            # Selected shapes are painted over all others.
            for shape in sorted(shapes, key=lambda s: s.mark.is_selected):
                if self._without_selected and shape.mark.is_selected:
                    continue
                path = shape.path(view, size)
                paint_region(
                    painter, path, shape.color, shape.mark,
                    unit=self._unit, opacity=self._opacity, outline=self._outline,
                )  # fmt: skip
                yield
        finally:
            painter.end()

    def _touching(self, rect: QRect, view: Viewport) -> NDArray[np.intp]:
        edge = self._edge()
        x0, y0 = view.to_image(rect.left() - edge, rect.top() - edge)
        x1, y1 = view.to_image(rect.right() + 1 + edge, rect.bottom() + 1 + edge)
        b = self._bounds
        hit = (b[:, 0] <= x1) & (b[:, 2] >= x0) & (b[:, 1] <= y1) & (b[:, 3] >= y0)
        return np.flatnonzero(hit)
