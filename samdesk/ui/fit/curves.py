"""CurveChart: figures by epoch, as lines."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from PySide6.QtCore import QPointF, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QFontMetrics, QPainter, QPaintEvent, QPalette, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from samdesk.ui.kit import painting
from samdesk.ui.kit.plain import plain, plain_lines
from samdesk.ui.kit.theme import UNIT

_TICKS = 4
_HEIGHT = 22 * UNIT
_LINE = 1.6


@dataclass(frozen=True)
class Curve:
    """A line.

    Attributes:
        name: For the legend.
        points: (epoch, value), by epoch.
    """

    name: str
    points: tuple[tuple[int, float], ...]


class CurveChart(QWidget):
    """Lines over epochs with a legend. Colours are the theme's: accent, warning, and the text's.

    Args:
        name: What it shows.
        top: The highest value of the axis; None: that of the lines.
        parent: Qt parent.
    """

    def __init__(self, name: str, top: float | None = None, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._top, self._mark = top, 0
        self._curves: tuple[Curve, ...] = ()
        self.setAccessibleName(plain(name))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_curves(self, curves: Sequence[Curve], mark: int = 0) -> None:
        """Shows lines; ``mark``: the epoch that is marked, 0 for none."""
        self._curves, self._mark = tuple(curve for curve in curves if curve.points), mark
        texts = [f"{c.name}: {c.points[-1][1]:.3f} after epoch {c.points[-1][0]}" for c in self._curves]
        self.setAccessibleDescription(plain_lines("; ".join(texts)))
        self.update()

    def sizeHint(self) -> QSize:  # noqa: D102
        return QSize(40 * UNIT, _HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.setFont(painting.small_font(self.font()))
        metrics = QFontMetrics(painter.font())
        area = QRectF(self.rect()).adjusted(5 * UNIT, 3 * UNIT, -UNIT, -3 * UNIT)
        values = [value for curve in self._curves for _, value in curve.points]
        epochs = [epoch for curve in self._curves for epoch, _ in curve.points]
        top = self._top or (max(values, default=1.0) * 1.05) or 1.0
        first, last = min(epochs, default=1), max(epochs, default=1)
        self._draw_axes(painter, metrics, area, top, (first, last))

        def place(epoch: int, value: float) -> QPointF:
            along = (epoch - first) / (last - first) if last > first else 0.5
            return QPointF(area.left() + along * area.width(), area.bottom() - value / top * area.height())

        if self._mark and first <= self._mark <= last:
            x = place(self._mark, 0).x()
            painter.setPen(QPen(painting.faint(self.palette()), 1, Qt.PenStyle.DashLine))
            painter.drawLine(QPointF(x, area.top()), QPointF(x, area.bottom()))
        left = area.left()
        for number, curve in enumerate(self._curves):
            color = self._color(number)
            line = QPolygonF([place(epoch, min(value, top)) for epoch, value in curve.points])
            painter.setPen(QPen(color, _LINE))
            if len(curve.points) > 1:
                painter.drawPolyline(line)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(color)
            if len(curve.points) < area.width() / UNIT:
                for point in curve.points:
                    painter.drawEllipse(place(point[0], min(point[1], top)), 2, 2)
            left = self._draw_legend(painter, metrics, left, color, curve)

    def _draw_axes(
        self, painter: QPainter, metrics: QFontMetrics, area: QRectF, top: float, epochs: tuple[int, int]
    ) -> None:
        right = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
        for tick in range(_TICKS + 1):
            y = round(area.bottom() - tick / _TICKS * area.height()) + 0.5
            painter.setPen(painting.line(self.palette()))
            painter.drawLine(QPointF(area.left(), y), QPointF(area.right(), y))
            painter.setPen(painting.faint(self.palette()))
            value = top * tick / _TICKS
            text = f"{value:.2f}" if top < 10 else f"{value:.1f}"
            painter.drawText(QRectF(0, y - UNIT, area.left() - UNIT / 2, 2 * UNIT), right, text)
        below = QRectF(area.left(), area.bottom() + UNIT / 2, area.width(), metrics.height() + 2)
        if epochs[1] > epochs[0]:
            painter.drawText(below, Qt.AlignmentFlag.AlignLeft, str(epochs[0]))
            painter.drawText(below, Qt.AlignmentFlag.AlignRight, str(epochs[1]))
        painter.drawText(below, Qt.AlignmentFlag.AlignHCenter, "epoch")

    def _draw_legend(
        self, painter: QPainter, metrics: QFontMetrics, left: float, color: QColor, curve: Curve
    ) -> float:
        text = f"{curve.name} {curve.points[-1][1]:.3f}"
        middle = 1.25 * UNIT
        painter.setBrush(color)
        painter.drawRect(QRectF(left, middle - 1.5, 2 * UNIT, 3))
        painter.setPen(painting.ink(self.palette()))
        wide = metrics.horizontalAdvance(text)
        place = QRectF(left + 2.5 * UNIT, middle - UNIT, wide + 2, 2 * UNIT)
        painter.drawText(place, Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignVCenter, text)
        painter.setPen(Qt.PenStyle.NoPen)
        return place.right() + 2 * UNIT

    def _color(self, number: int) -> QColor:
        palette = self.palette()
        colors = (
            palette.color(QPalette.ColorRole.Highlight),
            painting.warning(palette),
            painting.success(palette),
            painting.faint(palette),
        )
        return colors[number % len(colors)]
