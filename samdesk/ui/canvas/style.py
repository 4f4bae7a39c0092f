"""Paints regions, prompts and handles. States differ in line and shape, not only in colour.

========= ==================== ========= =======================
Mark      Line                 Fill      Extras
========= ==================== ========= =======================
RESTING   solid, 2 px          30 %
PENDING   dashed, 1.8 px       20 %
DOUBTFUL  wide dashes, 2.6 px  10 %      name tag
HOVERED   solid, 3 px          42 %      name tag
SELECTED  solid, 3 px, double  38 %      name tag, handles
UNSURE    dashed, 3 px, double 24 %      name tag, handles
PROPOSAL  two-tone dashes      45 %
PREVIEW   dotted               20 %
OTHER     fine dots            none
========= ==================== ========= =======================

Every line is drawn over a casing that contrasts with its colour: one of the two shows on any image.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QBrush, QColor, QPainter, QPainterPath, QPen

from samdesk.domain.label_colors import label_color
from samdesk.ui.canvas.mask_ink import MaskInk, paint_mask


class Mark(Enum):
    """The state a region is painted in."""

    RESTING = "resting"
    PENDING = "pending"
    DOUBTFUL = "doubtful"
    HOVERED = "hovered"
    SELECTED = "selected"
    UNSURE = "unsure"
    PROPOSAL = "proposal"
    PREVIEW = "preview"
    OTHER = "other"

    @property
    def is_selected(self) -> bool:
        """Whether the region is a selected one, which is painted over the others."""
        return self in (Mark.SELECTED, Mark.UNSURE)


@dataclass(frozen=True)
class _Style:
    width: float  # of the coloured line, logical pixels
    casing: float  # of the casing below it
    fill: float  # opacity for the default setting, 0..1
    dashes: tuple[float, ...] = ()  # on, off, ..., logical pixels
    double: bool = False  # a second, light line around the casing
    two_tone: bool = False  # the casing shows through the gaps at full width

    @property
    def open(self) -> bool:
        """Whether the image shows through gaps in the line."""
        return bool(self.dashes) and not self.two_tone


_STYLES = {
    Mark.RESTING: _Style(2.0, 3.7, 0.30),
    Mark.PENDING: _Style(1.8, 3.5, 0.20, dashes=(7, 4.5)),
    Mark.DOUBTFUL: _Style(2.6, 4.4, 0.10, dashes=(7, 8)),
    Mark.HOVERED: _Style(3.0, 4.4, 0.42),
    Mark.SELECTED: _Style(3.0, 4.6, 0.38, double=True),
    Mark.UNSURE: _Style(3.0, 4.6, 0.24, dashes=(9, 7), double=True, two_tone=True),
    Mark.PROPOSAL: _Style(2.6, 2.6, 0.45, dashes=(9, 7), two_tone=True),
    Mark.PREVIEW: _Style(2.4, 4.0, 0.20, dashes=(0.1, 5.5)),
    Mark.OTHER: _Style(1.4, 2.4, 0.0, dashes=(0.1, 4.0)),
}
DEFAULT_OPACITY = 0.30
"""Opacity of a RESTING fill; the other fills scale with it."""
DEFAULT_OUTLINE = 2.0
"""Width of a RESTING outline, logical pixels; the other outlines scale with it."""
REACH = 12
"""Maximum extent of an outline past its region, logical pixels."""
_MANY = 1200
"""A solid outline of more vertices is painted as a raster: from there on that is faster."""

POSITIVE = QColor("#22a055")
NEGATIVE = QColor("#d5413f")
_DARK = QColor(12, 14, 18)
_LIGHT = QColor(255, 255, 255)


_INSTANCE_COLORS = 256
"""After so many instances their colours repeat: nobody tells more apart."""


def instance_color(number: int) -> str:
    """The colour ``#rrggbb`` of an instance by its number, from 0; unlike those of its neighbours."""
    return label_color(number % _INSTANCE_COLORS)


def contrast(color: QColor) -> QColor:
    """Near-black or white, whichever contrasts more with a colour."""
    return _DARK if _lightness(color) > 0.32 else _LIGHT


def ink_on(color: QColor) -> QColor:
    """Near-black or white, whichever is better to read on a colour: a contrast ratio of 4.3 or more."""
    light = _lightness(color) + 0.05
    return _DARK if light / (_lightness(_DARK) + 0.05) > 1.05 / light else _LIGHT


def _lightness(color: QColor) -> float:
    """Relative luminance (WCAG), 0..1."""
    r, g, b = (
        c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4
        for c in (color.redF(), color.greenF(), color.blueF())
    )
    return float(0.2126 * r + 0.7152 * g + 0.0722 * b)


def faded(color: QColor, opacity: float) -> QColor:
    """The colour at an opacity of 0..1."""
    result = QColor(color)
    result.setAlphaF(max(0.0, min(1.0, opacity)))
    return result


def paint_region(
    painter: QPainter,
    path: QPainterPath,
    color: QColor,
    mark: Mark,
    *,
    unit: float = 1.0,
    opacity: float = DEFAULT_OPACITY,
    outline: float = DEFAULT_OUTLINE,
) -> None:
    """Fills and outlines a region.

    Args:
        painter: Antialiasing.
        path: The region in the painter's coordinates.
        color: Its label's colour.
        mark: Its state.
        unit: The painter's pixels per logical pixel.
        opacity: Opacity of a RESTING fill, 0..1; the others scale with it.
        outline: Width of a RESTING outline, logical pixels; the others scale with it.
    """
    style = _STYLES[mark]
    if path.elementCount() > _MANY and not style.dashes:
        paint_mask(painter, path, ink_of(mark, color, unit, opacity, outline))
        return
    width = style.width * outline / DEFAULT_OUTLINE
    below = width + style.casing - style.width
    if style.fill > 0:
        # A solid line covers the fill's edge, and antialiasing it takes three times as long.
        painter.setRenderHint(QPainter.RenderHint.Antialiasing, style.open)
        painter.fillPath(path, faded(color, style.fill * opacity / DEFAULT_OPACITY))
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, True)
    casing = contrast(color)
    if style.double:
        painter.strokePath(path, _pen(contrast(casing), (below + 2) * unit))
    if style.two_tone:
        painter.strokePath(path, _pen(contrast(casing), (below + 1.6) * unit))
    dashes = style.dashes if style.open else ()
    painter.strokePath(path, _pen(casing, below * unit, dashes, unit))
    painter.strokePath(path, _pen(color, width * unit, style.dashes, unit))


def ink_of(
    mark: Mark,
    color: QColor,
    unit: float = 1.0,
    opacity: float = DEFAULT_OPACITY,
    outline: float = DEFAULT_OUTLINE,
) -> MaskInk:
    """As ``paint_region`` colours a region with a solid line, for its raster; see there."""
    style = _STYLES[mark]
    casing = contrast(color)
    around = [(casing, (style.casing - style.width) / 2 * unit)]
    if style.double:
        around.append((contrast(casing), unit))
    fill = style.fill * opacity / DEFAULT_OPACITY
    return MaskInk(color, min(fill, 1.0), style.width * outline / DEFAULT_OUTLINE * unit, around)


def _pen(color: QColor, width: float, dashes: tuple[float, ...] = (), unit: float = 1.0) -> QPen:
    pen = QPen(QBrush(color), width)
    # Round joins take twice as long and look the same at these widths.
    pen.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
    pen.setCapStyle(Qt.PenCapStyle.FlatCap)
    if dashes:
        if dashes[0] < 1:  # dots
            pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        pen.setDashPattern([length * unit / width for length in dashes])  # Qt counts in pen widths
    return pen


def paint_line(painter: QPainter, path: QPainterPath, color: QColor, *, dashed: bool = False) -> None:
    """Paints a thin line with its casing, for unfinished shapes; logical pixels."""
    casing = contrast(color)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.strokePath(path, _pen(faded(casing, 0.65), 3.4))
    painter.strokePath(path, _pen(color, 1.8, (6.0, 4.0) if dashed else ()))


def paint_handle(painter: QPainter, at: QPointF, color: QColor, *, hot: bool = False) -> None:
    """Paints a vertex handle: a square, larger when hovered."""
    half = 5.5 if hot else 3.75
    square = QRectF(at.x() - half, at.y() - half, 2 * half, 2 * half)
    painter.setPen(_pen(_DARK, 1.25))
    painter.setBrush(color if hot else _LIGHT)
    painter.drawRect(square)
    if hot:
        painter.setPen(_pen(_LIGHT, 1.25))
        painter.setBrush(Qt.BrushStyle.NoBrush)
        painter.drawRect(square.adjusted(1.25, 1.25, -1.25, -1.25))


def paint_dot(painter: QPainter, at: QPointF, color: QColor) -> None:
    """Paints a vertex that is no handle: a small dot."""
    painter.setPen(_pen(contrast(color), 1.0))
    painter.setBrush(color)
    painter.drawEllipse(at, 2.5, 2.5)


def paint_brackets(painter: QPainter, rect: QRectF, color: QColor) -> None:
    """Paints thin brackets around the corners of a rectangle, which cannot be dragged."""
    arm_x, arm_y = (min(9.0, length / 3) for length in (rect.width(), rect.height()))
    corners = _corners(rect, arm_x, arm_y)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.strokePath(corners, _pen(contrast(color), 3.4))
    painter.strokePath(corners, _pen(color, 1.6))


def paint_midpoint(painter: QPainter, at: QPointF, color: QColor, *, hot: bool = False) -> None:
    """Paints the handle of an edge's midpoint, where a vertex can be inserted; with a + when hovered."""
    radius = 6.5 if hot else 3.0
    painter.setPen(_pen(_DARK, 1.0))
    painter.setBrush(_LIGHT if hot else color)
    painter.drawEllipse(at, radius, radius)
    if hot:
        painter.setPen(_pen(_DARK, 1.6))
        painter.drawLine(at - QPointF(3.2, 0), at + QPointF(3.2, 0))
        painter.drawLine(at - QPointF(0, 3.2), at + QPointF(0, 3.2))


def paint_point(painter: QPainter, at: QPointF, *, positive: bool, hot: bool = False) -> None:
    """Paints a point prompt: a green disc with + or a red one with -, the same size at any zoom."""
    radius = 9.0 if hot else 7.5
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(faded(_DARK, 0.75))
    painter.drawEllipse(at, radius + 1.2, radius + 1.2)
    painter.setBrush(_LIGHT)
    painter.drawEllipse(at, radius, radius)
    painter.setBrush(POSITIVE if positive else NEGATIVE)
    painter.drawEllipse(at, radius - 1.6, radius - 1.6)
    painter.setPen(_pen(_LIGHT, 1.9))
    painter.drawLine(at - QPointF(3.3, 0), at + QPointF(3.3, 0))
    if positive:
        painter.drawLine(at - QPointF(0, 3.3), at + QPointF(0, 3.3))


def paint_box(painter: QPainter, rect: QRectF, color: QColor) -> None:
    """Paints a box prompt: thin dashes with strong corner marks."""
    edge = QPainterPath()
    edge.addRect(rect)
    painter.setBrush(Qt.BrushStyle.NoBrush)
    painter.strokePath(edge, _pen(faded(_DARK, 0.7), 1.4))
    painter.strokePath(edge, _pen(_LIGHT, 1.4, (5.0, 5.0)))
    arm_x, arm_y = (min(12.0, length / 3) for length in (rect.width(), rect.height()))
    corners = _corners(rect, arm_x, arm_y)
    painter.strokePath(corners, _pen(contrast(color), 5.0))
    painter.strokePath(corners, _pen(color, 3.0))


def _corners(rect: QRectF, arm_x: float, arm_y: float) -> QPainterPath:
    """The corners of a rectangle as right angles with arms of these lengths."""
    corners = QPainterPath()
    for corner, sx, sy in (
        (rect.topLeft(), 1, 1),
        (rect.topRight(), -1, 1),
        (rect.bottomRight(), -1, -1),
        (rect.bottomLeft(), 1, -1),
    ):
        corners.moveTo(corner + QPointF(sx * arm_x, 0))
        corners.lineTo(corner)
        corners.lineTo(corner + QPointF(0, sy * arm_y))
    return corners
