"""RegionComparison: regions before and after a change, painted over the annotations."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPainterPath, QPen

from samdesk.domain.geometry.regions import EMPTY, clean
from samdesk.domain.geometry.types import Region
from samdesk.ui.canvas.shapes import Shape
from samdesk.ui.canvas.style import NEGATIVE, POSITIVE, faded
from samdesk.ui.canvas.viewport import Viewport

_MOST = 200
"""Of more changed regions, the first so many are painted."""
_BEFORE, _AFTER, _CASING = QColor(255, 255, 255), QColor("#ffd23f"), QColor(12, 14, 18)
_TINT = 0.55
_WIDTH = 2.0
_GAP = 8.0
_SAMPLE = 22.0
"""Width of a sample in the key, logical pixels."""


class RegionComparison:
    """What changed, by outline and by area.

    Args:
        pairs: Regions before and after, image pixels.
    """

    def __init__(self, pairs: Sequence[tuple[Region, Region]]) -> None:
        pairs = pairs[:_MOST]
        before, after = _array([p[0] for p in pairs]), _array([p[1] for p in pairs])
        with np.errstate(all="ignore"):  # GEOS divides by what may be 0, and goes on
            added, removed = shapely.difference(after, before), shapely.difference(before, after)
        self._added = [Shape("", clean(region), POSITIVE) for region in added]
        self._removed = [Shape("", clean(region), NEGATIVE) for region in removed]
        self._before = [Shape("", region, _BEFORE) for region in before]
        self._after = [Shape("", region, _AFTER) for region in after]

    @property
    def added(self) -> Region:
        """Where something was added, image pixels."""
        return _union(self._added)

    @property
    def removed(self) -> Region:
        """Where something was taken away, image pixels."""
        return _union(self._removed)

    def paint(self, painter: QPainter, view: Viewport, size: QSize, unit: float) -> None:
        """Paints it; the painter uses device pixels, ``unit`` of them per logical pixel."""
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        extent = size.width(), size.height()
        for shape in (*self._added, *self._removed):
            painter.fillPath(shape.path(view, extent), faded(shape.color, _TINT))
        for shape in self._before:
            _outline(painter, shape.path(view, extent), shape.color, unit, dashed=True)
        for shape in self._after:
            _outline(painter, shape.path(view, extent), shape.color, unit)
        painter.restore()

    def paint_key(self, painter: QPainter, font: QFont, height: float) -> None:
        """Paints what the lines and colours mean, in the bottom left corner of a canvas; logical pixels."""
        metrics = QFontMetricsF(font)
        entries = [("before", _BEFORE), ("after", _AFTER), ("added", POSITIVE), ("removed", NEGATIVE)]
        widths = [_SAMPLE + _GAP / 2 + metrics.horizontalAdvance(text) + 2 * _GAP for text, _ in entries]
        box = QRectF(_GAP, 0.0, _GAP + sum(widths), metrics.height() + _GAP)
        box.moveBottom(height - _GAP)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(16, 18, 22, 215))
        painter.drawRoundedRect(box, 4, 4)
        painter.setFont(font)
        x, middle = box.left() + _GAP, box.center().y()
        for (text, color), width in zip(entries, widths, strict=True):
            if color in (_BEFORE, _AFTER):
                line = QPainterPath(QPointF(x, middle))
                line.lineTo(x + _SAMPLE, middle)
                _outline(painter, line, color, 1.0, dashed=color == _BEFORE)
            else:
                painter.fillRect(QRectF(x, middle - 5, _SAMPLE, 10), faded(color, 0.85))
            painter.setPen(QColor(255, 255, 255))
            place = QRectF(x + _SAMPLE + _GAP / 2, box.top(), width, box.height())
            painter.drawText(place, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)
            x += width


def _outline(
    painter: QPainter, path: QPainterPath, color: QColor, unit: float, *, dashed: bool = False
) -> None:
    painter.strokePath(path, QPen(faded(_CASING, 0.8), (_WIDTH + 2) * unit))
    pen = QPen(color, _WIDTH * unit)
    if dashed:
        pen.setDashPattern([3.0, 2.5])
    painter.strokePath(path, pen)


def _array(regions: Sequence[Region]) -> np.ndarray[tuple[int], np.dtype[np.object_]]:
    found = np.empty(len(regions), object)
    found[:] = list(regions)
    return found


def _union(shapes: Sequence[Shape]) -> Region:
    return clean(shapely.union_all([shape.region for shape in shapes])) if shapes else EMPTY
