"""Scribble: a stroke that becomes point prompts."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from PySide6.QtCore import QPointF, Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPainterPath, QPen

from samdesk.domain.prompts import PointPrompt
from samdesk.ui.canvas.style import NEGATIVE, POSITIVE, faded
from samdesk.ui.canvas.tools.base import Canvas, Pointer

_SPACING = 40.0
"""Length of the stroke for one point, logical pixels."""
_FEWEST, _MOST = 2, 6
"""Number of points of a stroke. More say nothing new to a model, and each costs it time."""
_GROWTH = 10.0
"""The points follow the stroke in steps of this length, logical pixels."""
_WIDTH = 6.0
"""Of the stroke on the canvas, logical pixels."""
_CASING = QColor(12, 14, 18)


class Scribble:
    """A stroke being drawn; only what lies on the image counts.

    Args:
        positive: Whether its points are on the object.
        size: Width and height of the image, pixels.
    """

    def __init__(self, positive: bool, size: tuple[int, int]) -> None:
        self._positive, self._size = positive, size
        self._path: list[tuple[float, float]] = []
        self._length = 0.0  # logical pixels
        self._used = 0.0  # the length when ``add`` last returned True
        self._last: QPointF | None = None

    def add(self, pointer: Pointer) -> bool:
        """Continues the stroke; returns whether it has grown enough for its points to move."""
        width, height = self._size
        if not (0 <= pointer.x <= width and 0 <= pointer.y <= height):
            return False
        if self._last is not None:
            step = pointer.position - self._last
            self._length += float(np.hypot(step.x(), step.y()))
        self._last = pointer.position
        self._path.append((pointer.x, pointer.y))
        grown = self._length - self._used >= _GROWTH
        if grown:
            self._used = self._length
        return grown

    def points(self) -> tuple[PointPrompt, ...]:
        """The point prompts: a few, spread evenly along the stroke; none if it is not on the image."""
        count = min(max(round(self._length / _SPACING), _FEWEST), _MOST)
        return tuple(PointPrompt(x, y, self._positive) for x, y in spread(self._path, count))

    def paint(self, painter: QPainter, canvas: Canvas) -> None:
        """Paints the stroke, the same width at any zoom."""
        if not self._path:
            return
        path = QPainterPath(canvas.to_widget(*self._path[0]))
        for x, y in self._path[1:]:
            path.lineTo(canvas.to_widget(x, y))
        color = POSITIVE if self._positive else NEGATIVE
        for ink, width in ((_CASING, _WIDTH + 2.5), (color, _WIDTH)):
            brush, cap, join = QBrush(faded(ink, 0.6)), Qt.PenCapStyle.RoundCap, Qt.PenJoinStyle.RoundJoin
            painter.strokePath(path, QPen(brush, width, Qt.PenStyle.SolidLine, cap, join))


def spread(path: Sequence[tuple[float, float]], count: int) -> list[tuple[float, float]]:
    """Places on a path, evenly by arc length: the middles of ``count`` equal stretches.

    A path without length gives its one place, an empty one none.
    """
    if not path:
        return []
    xy = np.asarray(path, np.float64)
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(xy, axis=0).T))])
    if along[-1] == 0.0:
        return [path[0]]
    at = (np.arange(count) + 0.5) / count * along[-1]
    x, y = (np.interp(at, along, xy[:, axis]).tolist() for axis in (0, 1))
    return list(zip(x, y, strict=True))
