"""ViewFrame: the dashed frame around the view that the model encodes."""

from __future__ import annotations

from dataclasses import dataclass

from PySide6.QtCore import QLineF, QPointF, QSize, Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPen

from samdesk.domain.geometry.types import Frame
from samdesk.ui.canvas.viewport import Viewport

_ON, _OFF = 3.0, 5.0
"""Dashes, logical pixels."""
_LIGHT, _DARK = QColor(255, 255, 255, 225), QColor(12, 14, 18, 150)
_FAINT_LIGHT, _FAINT_DARK = QColor(255, 255, 255, 110), QColor(12, 14, 18, 75)


@dataclass(frozen=True)
class ViewFrame:
    """The frame of a view.

    Attributes:
        view: The square of image pixels.
        ready: Whether it is encoded; while it is being encoded, the frame is fainter.
    """

    view: Frame
    ready: bool = True


def paint_view_frame(
    painter: QPainter,
    frame: ViewFrame,
    image: tuple[int, int],
    canvas: tuple[Viewport, QSize, float],
) -> None:
    """Paints the view's edges inside the image; edges along the image's border are omitted.

    Args:
        painter: Uses device pixels.
        frame: The frame to paint.
        image: Width and height of the image, pixels.
        canvas: The viewport, the canvas's size in device pixels, and the device pixel ratio.
    """
    viewport, size, unit = canvas
    light, dark = (_LIGHT, _DARK) if frame.ready else (_FAINT_LIGHT, _FAINT_DARK)
    width = max(1, round(unit))
    painter.save()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, False)
    for edge in _edges(frame.view, image, viewport):
        found = _on_screen(edge, size)
        if found is None:
            continue
        seen, left_out = found
        painter.setPen(_pen(dark, width))
        painter.drawLine(seen)
        pen = _pen(light, width)
        pen.setDashPattern([_ON * unit / width, _OFF * unit / width])
        pen.setDashOffset(left_out % ((_ON + _OFF) * unit) / width)  # the dashes do not move in a pan
        painter.setPen(pen)
        painter.drawLine(seen)
    painter.restore()


def _edges(view: Frame, image: tuple[int, int], viewport: Viewport) -> list[QLineF]:
    """The edges inside the image, in device pixels."""
    right, bottom = min(view.x0 + view.width, image[0]), min(view.y0 + view.height, image[1])
    corners = [(view.x0, view.y0), (right, view.y0), (right, bottom), (view.x0, bottom)]
    inside = (view.y0 > 0, right < image[0], bottom < image[1], view.x0 > 0)
    points = [QPointF(*map(_crisp, viewport.to_device(*corner))) for corner in corners]
    sides = [(0, 1), (1, 2), (3, 2), (0, 3)]
    return [QLineF(points[a], points[b]) for (a, b), shown in zip(sides, inside, strict=True) if shown]


def _on_screen(edge: QLineF, size: QSize) -> tuple[QLineF, float] | None:
    """The visible part of an edge and the length before it, device pixels.

    At a high zoom an edge is a million pixels long; dashing its invisible part would be slow.
    """
    level = edge.y1() == edge.y2()
    across, room = (edge.y1(), size.height()) if level else (edge.x1(), size.width())
    begin, end = (edge.x1(), edge.x2()) if level else (edge.y1(), edge.y2())
    first, last = max(begin, 0.5), min(end, float(size.width() if level else size.height()))
    if not 0 <= across <= room or first >= last:
        return None
    seen = QLineF(first, across, last, across) if level else QLineF(across, first, across, last)
    return seen, first - begin


def _crisp(at: float) -> float:
    """The centre of the device pixel, for a sharp line."""
    return float(int(at // 1)) + 0.5


def _pen(color: QColor, width: int) -> QPen:
    return QPen(QBrush(color), width, Qt.PenStyle.SolidLine, Qt.PenCapStyle.FlatCap)
