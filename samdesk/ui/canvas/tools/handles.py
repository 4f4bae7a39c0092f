"""Handles: the vertices of the one selected annotation, to grab with the mouse."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from PySide6.QtCore import QPointF, QRectF
from PySide6.QtGui import QColor, QPainter

from samdesk.domain.geometry import vertices
from samdesk.domain.geometry.types import Region
from samdesk.domain.geometry.vertices import VertexRef
from samdesk.ui.canvas.shapes import rings_of
from samdesk.ui.canvas.style import paint_handle, paint_midpoint
from samdesk.ui.canvas.tools.base import Canvas, Pointer

_GRAB = 8.0
"""A handle is grabbed within this distance, logical pixels."""
_ROOM = 11.0
"""Handles show where vertices are this far apart at least, in the middle, logical pixels."""
_MIDPOINT_ROOM = 34.0
"""An edge has a handle in its middle from this length on, logical pixels."""
_MOST = 600
"""Never more handles than this."""


@dataclass(frozen=True)
class Spot:
    """A place on the outline that can be grabbed.

    Attributes:
        ref: The vertex, or for a middle of an edge the one that a new vertex goes after.
        x: Image pixels.
        y: Image pixels.
        middle: Whether it is the middle of an edge.
    """

    ref: VertexRef
    x: float
    y: float
    middle: bool = False


def spots_of(region: Region, canvas: Canvas) -> list[Spot]:
    """The handles to show: none where they would stand too close to tell apart."""
    seen = canvas.visible_rect()
    spots: list[Spot] = []
    middles: list[Spot] = []
    gaps: list[float] = []
    rings = rings_of(region)
    names = [(p, r) for p, polygon in enumerate(region.geoms) for r in range(1 + len(polygon.interiors))]
    for (part, ring), points in zip(names, rings, strict=True):
        inside = (
            (points[:-1, 0] >= seen.left())
            & (points[:-1, 0] <= seen.right())
            & (points[:-1, 1] >= seen.top())
            & (points[:-1, 1] <= seen.bottom())
        )
        lengths = np.hypot(*np.diff(points, axis=0).T) / canvas.image_pixels(1)
        for i in np.flatnonzero(inside):
            spots.append(Spot(VertexRef(part, ring, int(i)), float(points[i, 0]), float(points[i, 1])))
            gaps.append(float(lengths[i]))
        for i in np.flatnonzero(lengths >= _MIDPOINT_ROOM):
            x, y = (points[i] + points[i + 1]) / 2
            if seen.contains(float(x), float(y)):
                middles.append(Spot(VertexRef(part, ring, int(i)), float(x), float(y), middle=True))
        if len(spots) > _MOST:
            return []
    if not spots or float(np.median(gaps)) < _ROOM:
        return []
    return [*middles, *spots]


def spot_at(spots: list[Spot], pointer: Pointer, canvas: Canvas) -> Spot | None:
    """The handle under the mouse, vertices before middles."""
    reach = canvas.image_pixels(_GRAB)
    near = [
        ((s.x - pointer.x) ** 2 + (s.y - pointer.y) ** 2, s)
        for s in spots
        if abs(s.x - pointer.x) <= reach and abs(s.y - pointer.y) <= reach
    ]
    if not near:
        return None
    return min(near, key=lambda pair: (pair[1].middle, pair[0]))[1]


def edge_at(region: Region, pointer: Pointer, canvas: Canvas) -> Spot | None:
    """The place on the outline under the mouse."""
    found = vertices.nearest_edge(region, pointer.x, pointer.y, canvas.image_pixels(_GRAB))
    return None if found is None else Spot(found[0], *found[1], middle=True)


def paint_spots(
    painter: QPainter, spots: list[Spot], hot: Spot | None, color: QColor, canvas: Canvas
) -> None:
    """Paints handles, the hot one last."""
    ordered = [s for s in spots if s != hot] + ([hot] if hot is not None else [])
    for spot in ordered:
        place = canvas.to_widget(spot.x, spot.y)
        paint = paint_midpoint if spot.middle else paint_handle
        paint(painter, place, color, hot=spot == hot)


def paint_corners(painter: QPainter, bounds: QRectF, color: QColor, canvas: Canvas) -> None:
    """Marks the corners of a selected shape whose vertices are not shown."""
    rect = QRectF(
        canvas.to_widget(bounds.left(), bounds.top()), canvas.to_widget(bounds.right(), bounds.bottom())
    )
    rect = rect.adjusted(-6, -6, 6, 6)
    for corner in (rect.topLeft(), rect.topRight(), rect.bottomRight(), rect.bottomLeft()):
        paint_handle(painter, QPointF(corner), color)
