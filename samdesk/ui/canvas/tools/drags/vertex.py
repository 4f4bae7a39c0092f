"""Drags of the select tool that change an outline: vertices, and a stretch of it drawn anew."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import shapely
from PySide6.QtCore import QPointF, QRect, QRectF, Qt
from PySide6.QtGui import QColor, QPainter, QPainterPath, QRegion
from shapely.geometry import MultiPolygon

from samdesk.base.text import counted
from samdesk.domain.annotation import Annotation
from samdesk.domain.geometry import boolean, regions, reshape, vertices
from samdesk.domain.geometry.types import Region
from samdesk.domain.geometry.vertices import VertexRef
from samdesk.ui.canvas.layers.layer import to_device_rect
from samdesk.ui.canvas.shapes import Shape
from samdesk.ui.canvas.style import REACH, paint_handle, paint_line
from samdesk.ui.canvas.tools.base import Canvas, Pointer
from samdesk.ui.canvas.tools.drags.body import redrawn
from samdesk.ui.canvas.tools.drags.handles import GRAB, Handle
from samdesk.ui.canvas.tools.freehand import follow, smoother
from samdesk.ui.canvas.tools.mask_preview import MaskPreview

_SNAP = 10.0
"""A dragged vertex snaps to an edge this near, logical pixels."""
_SOFT = 80.0
"""How far a soft drag reaches along the outline at first, logical pixels."""
_SOFTER = 1.25
"""Factor of a notch of the wheel during a soft drag."""
_MOST_HANDLES = 400
_CTRL = Qt.KeyboardModifier.ControlModifier


class VertexDrag:
    """Drags a vertex, several at once, or a new one out of an edge.

    With ``soft`` the outline beside the vertex follows, ever less along it. Where ``snaps`` is switched on,
    or with Ctrl, the vertex goes to the edge of a neighbour, and the outline beside it follows that edge.
    """

    def __init__(
        self,
        annotation: Annotation,
        handle: Handle,
        color: QColor,
        *,
        others: Iterable[VertexRef] = (),
        soft: bool = False,
        snaps: bool = False,
    ) -> None:
        self._annotation, self._color, self._soft, self._snaps = annotation, color, soft, snaps
        self._handle = handle
        self._start = (handle.x, handle.y)
        self._base: MultiPolygon = annotation.region
        ref = handle.ref
        if handle.middle:
            self._base, ref = vertices.insert_vertex(annotation.region, ref, handle.x, handle.y)
        self._ref = ref
        self._refs = frozenset({ref, *(others if not handle.middle else ())})
        self._around = _neighbourhood(self._base, self._refs)
        self._reach: float | None = None  # of a soft drag, image pixels
        self._region: MultiPolygon = self._base
        self._at = self._start
        self._snapped = False
        self._pointer: Pointer | None = None
        self._preview: MaskPreview | None = None
        self._shown: MultiPolygon = annotation.region  # in the preview
        self._changed = QRectF()  # where the outline has been, image pixels

    @property
    def hint(self) -> str:
        """What can be done during the drag."""
        if self._soft:
            return "Soft drag: the wheel changes how far the outline follows"
        return "Ctrl: do not snap to a neighbour" if self._snaps else "Ctrl: snap to the edge of a neighbour"

    @property
    def moved(self) -> frozenset[VertexRef]:
        """The vertices that are dragged."""
        return self._refs

    def wheel(self, notches: float, canvas: Canvas) -> bool:
        """Changes how far a soft drag reaches; False if it is none."""
        if not self._soft or self._pointer is None:
            return False
        self._reach = self._soft_reach(canvas) * _SOFTER**notches
        self.move(self._pointer, canvas)
        return True

    def move(self, pointer: Pointer, canvas: Canvas) -> None:
        """Moves the vertices; the dragged one is kept in the image."""
        self._pointer = pointer
        width, height = canvas.image_size or (0, 0)
        at = min(max(pointer.x, 0.0), float(width)), min(max(pointer.y, 0.0), float(height))
        edge = _edge_near(self._annotation, at, canvas) if self._snapping(pointer) else None
        self._snapped, self._at = edge is not None, edge or at
        before = self._bounds(canvas)
        if self._soft:
            self._region = reshape.soft_move(self._base, self._ref, *self._at, self._soft_reach(canvas))
        elif len(self._refs) == 1:
            self._region = vertices.move_vertex(self._base, self._ref, *self._at)
        else:
            by = self._at[0] - self._start[0], self._at[1] - self._start[1]
            self._region = vertices.move_vertices(self._base, self._refs, by, (width, height))
        self._show(canvas, before.united(self._bounds(canvas)))

    def paint(self, painter: QPainter, canvas: Canvas) -> None:
        """Paints the region before it is made valid."""
        if self._preview is None or not self._preview.is_for(
            canvas.viewport, canvas.device_size(), self._color
        ):
            self._show(canvas, QRectF())
        if self._preview is not None:
            self._preview.draw(painter)
        for x, y in self._positions() if len(self._refs) <= _MOST_HANDLES else ():
            paint_handle(painter, canvas.to_widget(x, y), self._color, hot=True)

    def result(self, canvas: Canvas) -> tuple[str, list[Annotation]] | None:
        """The annotation with the region made valid."""
        changed = redrawn(self._annotation, self._region, canvas)
        if changed is not None and self._snapped:
            region = snapped(self._annotation, changed.region, self._bounds(canvas), canvas)
            changed = redrawn(self._annotation, region, canvas)
        if changed is None:
            return None
        if self._handle.middle:
            return "Insert vertex", [changed]
        count = len(self._refs)
        return ("Move vertex" if count == 1 else f"Move {counted(count, 'vertex', 'vertices')}"), [changed]

    def _snapping(self, pointer: Pointer) -> bool:
        return self._snaps != pointer.has(_CTRL)

    def _soft_reach(self, canvas: Canvas) -> float:
        return canvas.image_pixels(_SOFT) if self._reach is None else self._reach

    def _positions(self) -> list[tuple[float, float]]:
        if len(self._refs) == 1:
            return [self._at]
        return [(x, y) for x, y in vertices.positions(self._region, self._refs).tolist()]

    def _bounds(self, canvas: Canvas) -> QRectF:
        """The stretch of outline that the drag changes, as it is now, image pixels."""
        (x0, y0), (x1, y1) = self._around
        dx, dy = self._at[0] - self._start[0], self._at[1] - self._start[1]
        found = QRectF(QPointF(x0, y0), QPointF(x1, y1))
        found = found.united(found.translated(dx, dy))
        more = self._soft_reach(canvas) if self._soft else 0.0
        return found.adjusted(-more, -more, more, more)

    def _show(self, canvas: Canvas, changed: QRectF) -> None:
        view, size, ratio = canvas.viewport, canvas.device_size(), canvas.devicePixelRatioF()
        path = Shape(self._annotation.id, self._region, self._color).path(view, (size.width(), size.height()))
        if self._preview is None or not self._preview.is_for(view, size, self._color):
            self._preview = MaskPreview(view, size, ratio, self._color)
            self._preview.fill(path)
            canvas.update()
            return
        edge = int(REACH * ratio)
        dirty = self._preview.refill(to_device_rect(changed, view, 2), path)
        canvas.update_region(dirty + QRegion(_logical(to_device_rect(changed, view, edge), ratio)))


class StretchDrag:
    """Draws a stretch of the outline anew: a freehand line from the outline back to it."""

    hint = "Draw from the outline back to it"

    def __init__(self, annotation: Annotation, color: QColor, start: Pointer, *, snaps: bool = False) -> None:
        self._annotation, self._color, self._snaps = annotation, color, snaps
        self._points = [(start.x, start.y)]

    def wheel(self, notches: float, canvas: Canvas) -> bool:
        """False: the wheel zooms."""
        return False

    def move(self, pointer: Pointer, canvas: Canvas) -> None:
        """Goes on with the line."""
        follow(self._points, pointer, canvas)
        canvas.update()

    def paint(self, painter: QPainter, canvas: Canvas) -> None:
        """Paints the line."""
        path = QPainterPath(canvas.to_widget(*self._points[0]))
        for point in self._points[1:]:
            path.lineTo(canvas.to_widget(*point))
        paint_line(painter, path, QColor(Qt.GlobalColor.white), dashed=True)

    def result(self, canvas: Canvas) -> tuple[str, list[Annotation]] | None:
        """The annotation with the stretch replaced; None if the line does not end on the same outline."""
        if canvas.image_size is None:
            return None
        line = smoother(self._points, canvas)
        reach = canvas.image_pixels(1.5 * GRAB)
        region = reshape.redraw(self._annotation.region, line, reach, *canvas.image_size)
        if region is None:
            return None
        if self._snaps:
            x, y = np.array(line).T
            around = QRectF(QPointF(x.min(), y.min()), QPointF(x.max(), y.max()))
            region = snapped(self._annotation, region, around, canvas)
        changed = redrawn(self._annotation, region, canvas)
        return None if changed is None else ("Redraw outline", [changed])


def snapped(annotation: Annotation, region: Region, around: QRectF, canvas: Canvas) -> Region:
    """A region whose outline follows the edges of neighbours near it, without gap or overlap, in a rectangle.

    Args:
        annotation: The one it belongs to.
        region: As it was drawn, valid.
        around: Where, image pixels.
        canvas: Which neighbours there are.
    """
    if canvas.image_size is None:
        return region
    distance = canvas.image_pixels(_SNAP)
    more = 2 * distance
    window = shapely.box(
        around.left() - more, around.top() - more, around.right() + more, around.bottom() + more
    )
    near = [shape.region for shape in _neighbours(annotation, window.bounds, canvas)]
    if not near:
        return region
    there = boolean.as_region(window)
    inside = boolean.intersect(reshape.snap(region, near, distance, *canvas.image_size), there)
    joined = boolean.union(boolean.subtract(region, there), inside)
    return joined if regions.is_drawable(joined) else region


def _neighbours(
    annotation: Annotation, bounds: tuple[float, float, float, float], canvas: Canvas
) -> list[Shape]:
    """The other visible annotations whose bounds meet a rectangle, image pixels."""
    document = canvas.document
    rect = QRectF(QPointF(*bounds[:2]), QPointF(*bounds[2:]))
    shapes = [canvas.shape(a.id) for a in (document.annotations if document else ()) if a.id != annotation.id]
    return [shape for shape in shapes if shape is not None and shape.bounds.intersects(rect)]


def _edge_near(annotation: Annotation, at: tuple[float, float], canvas: Canvas) -> tuple[float, float] | None:
    """The nearest vertex, or else place, on the edge of a neighbour; None if none is near."""
    reach = canvas.image_pixels(_SNAP)
    x, y = at
    best: tuple[float, tuple[float, float]] | None = None
    for shape in _neighbours(annotation, (x - reach, y - reach, x + reach, y + reach), canvas):
        found = vertices.nearest_edge(shape.region, x, y, reach)
        if found is not None:
            distance = float(np.hypot(found[1][0] - x, found[1][1] - y))
            best = min(best, (distance, found[1])) if best is not None else (distance, found[1])
    return None if best is None else best[1]


def _neighbourhood(
    region: Region, refs: Iterable[VertexRef]
) -> tuple[tuple[float, float], tuple[float, float]]:
    """The corners of the rectangle around vertices and those beside them on their rings."""
    points = vertices.positions(region, refs, beside=1)
    (x0, y0), (x1, y1) = points.min(axis=0), points.max(axis=0)
    return (float(x0), float(y0)), (float(x1), float(y1))


def _logical(rect: QRect, ratio: float) -> QRect:
    return QRectF(
        rect.x() / ratio, rect.y() / ratio, rect.width() / ratio, rect.height() / ratio
    ).toAlignedRect()
