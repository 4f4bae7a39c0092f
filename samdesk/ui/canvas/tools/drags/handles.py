"""Handles: the draggable vertices and edge midpoints of the selected annotation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QPainter

from samdesk.domain.geometry import vertices
from samdesk.domain.geometry.types import Region
from samdesk.domain.geometry.vertices import VertexRef
from samdesk.ui.canvas.style import paint_brackets, paint_handle, paint_midpoint
from samdesk.ui.canvas.tools.base import Canvas, Pointer

GRAB = 8.0
"""Grab distance of a handle, logical pixels."""
_MIN_DISTANCE = 11.0
"""Handles are shown if the median distance of the vertices is at least this, logical pixels."""
_MIDPOINT_EDGE = 34.0
"""Minimum length of an edge with a midpoint handle, logical pixels."""
_MAX_HANDLES = 600
"""No handles are shown if there are more vertices in view than this."""


@dataclass(frozen=True)
class Handle:
    """A draggable point of an outline.

    Attributes:
        ref: The vertex; for a midpoint the vertex after which a new one is inserted.
        x: Image pixels.
        y: Image pixels.
        middle: Whether it is the midpoint of an edge.
    """

    ref: VertexRef
    x: float
    y: float
    middle: bool = False


def handles_of(region: Region, canvas: Canvas) -> list[Handle]:
    """The handles of a region to show; none where they would be too close to each other."""
    seen, pixel = canvas.visible_rect(), canvas.image_pixels(1)
    rings = []
    for part, polygon in enumerate(region.geoms):
        for ring, line in enumerate((polygon.exterior, *polygon.interiors)):
            points = shapely.get_coordinates(line)
            lengths = np.hypot(*np.diff(points, axis=0).T) / pixel
            rings.append((part, ring, points, lengths, np.flatnonzero(_inside(points[:-1], seen))))
    gaps = np.concatenate([lengths[inside] for _, _, _, lengths, inside in rings]) if rings else np.zeros(0)
    if not 0 < len(gaps) <= _MAX_HANDLES or float(np.median(gaps)) < _MIN_DISTANCE:
        return []
    handles: list[Handle] = []
    middles: list[Handle] = []
    for part, ring, points, lengths, inside in rings:
        for i in inside.tolist():
            handles.append(Handle(VertexRef(part, ring, i), float(points[i, 0]), float(points[i, 1])))
        between = (points[:-1] + points[1:]) / 2
        for i in np.flatnonzero((lengths >= _MIDPOINT_EDGE) & _inside(between, seen)).tolist():
            x, y = between[i].tolist()
            middles.append(Handle(VertexRef(part, ring, i), x, y, middle=True))
    return [*middles, *handles]


def _inside(points: NDArray[np.float64], rect: QRectF) -> NDArray[np.bool_]:
    x, y = points.T
    across = (x >= rect.left()) & (x <= rect.right())
    inside: NDArray[np.bool_] = across & (y >= rect.top()) & (y <= rect.bottom())
    return inside


def handle_at(handles: list[Handle], pointer: Pointer, canvas: Canvas) -> Handle | None:
    """The handle under the cursor, vertices before midpoints."""
    reach = canvas.image_pixels(GRAB)
    near = [
        ((s.x - pointer.x) ** 2 + (s.y - pointer.y) ** 2, s)
        for s in handles
        if abs(s.x - pointer.x) <= reach and abs(s.y - pointer.y) <= reach
    ]
    if not near:
        return None
    return min(near, key=lambda pair: (pair[1].middle, pair[0]))[1]


def edge_at(region: Region, pointer: Pointer, canvas: Canvas) -> Handle | None:
    """The point of the outline under the cursor, as a midpoint handle."""
    found = vertices.nearest_edge(region, pointer.x, pointer.y, canvas.image_pixels(GRAB))
    return None if found is None else Handle(found[0], *found[1], middle=True)


def paint_handles(
    painter: QPainter, handles: list[Handle], hot: Handle | None, color: QColor, canvas: Canvas
) -> None:
    """Paints handles, the hovered one last."""
    ordered = [s for s in handles if s != hot] + ([hot] if hot is not None else [])
    for handle in ordered:
        place = canvas.to_widget(handle.x, handle.y)
        paint = paint_midpoint if handle.middle else paint_handle
        paint(painter, place, color, hot=handle == hot)


def paint_corners(painter: QPainter, bounds: QRectF, color: QColor, canvas: Canvas) -> None:
    """Marks the corners of a selected shape whose vertices are not shown. They are no handles."""
    rect = QRectF(
        canvas.to_widget(bounds.left(), bounds.top()), canvas.to_widget(bounds.right(), bounds.bottom())
    )
    paint_brackets(painter, rect.adjusted(-6, -6, 6, 6), color)
