"""PickedVertices: the vertices of one annotation that the select tool acts on together."""

from __future__ import annotations

import numpy as np
from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPen

from samdesk.domain.annotation import Annotation, AnnotationId
from samdesk.domain.geometry import vertices
from samdesk.domain.geometry.types import Region
from samdesk.domain.geometry.vertices import VertexRef
from samdesk.ui.canvas.style import paint_handle
from samdesk.ui.canvas.tools.base import Canvas, Pointer
from samdesk.ui.canvas.tools.drags.handles import GRAB, Handle

_MOST_HANDLES = 24
"""Of more vertices, dots are painted."""


class PickedVertices:
    """Some vertices of one annotation, as long as its outline has them."""

    def __init__(self) -> None:
        self._of: AnnotationId | None = None
        self._region: Region | None = None
        self._refs: frozenset[VertexRef] = frozenset()

    def __bool__(self) -> bool:
        return bool(self._refs)

    @property
    def refs(self) -> frozenset[VertexRef]:
        """The vertices."""
        return self._refs

    def clear(self) -> None:
        """Picks none."""
        self._of, self._region, self._refs = None, None, frozenset()

    def pick(self, annotation: Annotation, rect: QRectF, *, add: bool) -> bool:
        """Picks the vertices in a rectangle, image pixels; False if there are none."""
        found = vertices.vertices_in(annotation.region, rect.left(), rect.top(), rect.right(), rect.bottom())
        if not found:
            return False
        kept = self._refs if add and self._of == annotation.id else frozenset()
        self._of, self._region, self._refs = annotation.id, annotation.region, kept | found
        return True

    def follow(self, annotation: Annotation | None) -> None:
        """Keeps the vertices if the annotation still has them: moved, maybe, but no more and no fewer."""
        if annotation is None or annotation.id != self._of or self._region is None:
            self.clear()
        elif annotation.region is not self._region:
            if _counts(annotation.region) == _counts(self._region):
                self._region = annotation.region
            else:
                self.clear()

    def handle_at(self, pointer: Pointer, canvas: Canvas) -> Handle | None:
        """The picked vertex under the cursor, as a handle."""
        if self._region is None:
            return None
        reach = canvas.image_pixels(GRAB)
        refs = list(self._refs)
        near = vertices.vertices_in(
            self._region, pointer.x - reach, pointer.y - reach, pointer.x + reach, pointer.y + reach
        )
        found = [ref for ref in refs if ref in near]
        if not found:
            return None
        points = [vertices.positions(self._region, [ref])[0] for ref in found]
        nearest = int(np.argmin([np.hypot(x - pointer.x, y - pointer.y) for x, y in points]))
        return Handle(found[nearest], float(points[nearest][0]), float(points[nearest][1]))

    def paint(self, painter: QPainter, color: QColor, canvas: Canvas) -> None:
        """Paints the vertices as handles that can be dragged."""
        if self._region is None:
            return
        places = [canvas.to_widget(x, y) for x, y in vertices.positions(self._region, self._refs).tolist()]
        if len(places) <= _MOST_HANDLES:
            for place in places:
                paint_handle(painter, place, color, hot=True)
        else:
            _paint_dots(painter, places)


def _paint_dots(painter: QPainter, places: list[QPointF]) -> None:
    for width, each in ((7.0, QColor(12, 14, 18)), (4.5, QColor(255, 255, 255))):
        painter.setPen(QPen(each, width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.SquareCap))
        painter.drawPoints(places)


def _counts(region: Region) -> list[list[int]]:
    return [[len(ring.coords) for ring in (p.exterior, *p.interiors)] for p in region.geoms]
