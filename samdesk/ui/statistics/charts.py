"""Charts whose bars can be pressed with the mouse or the keyboard."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QColor,
    QFontMetrics,
    QHelpEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QPalette,
)
from PySide6.QtWidgets import QSizePolicy, QToolTip, QWidget

from samdesk.ui.kit import painting
from samdesk.ui.kit.plain import plain, plain_lines, tip
from samdesk.ui.kit.theme import UNIT

_PRESS = (Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Space)


@dataclass(frozen=True)
class BarPart:
    """A part of a bar.

    Attributes:
        value: Its length.
        color: Its colour; "": the accent colour.
    """

    value: float
    color: str = ""


@dataclass(frozen=True)
class Bar:
    """A bar.

    Attributes:
        name: What it stands for.
        parts: Its parts, in order.
        search: What pressing it searches for; "": nothing.
        text: The number beside it; "": the sum of its parts.
        tip: What the tooltip says.
    """

    name: str
    parts: tuple[BarPart, ...]
    search: str = ""
    text: str = ""
    tip: str = field(default="", compare=False)

    @property
    def value(self) -> float:
        """Its whole length."""
        return sum(part.value for part in self.parts)

    @property
    def shown(self) -> str:
        """The number beside it."""
        return self.text or f"{self.value:,.0f}"


class Chart(QWidget):
    """Base class: bars, one of which is the current one for the keyboard.

    Signals:
        search_requested: (str) a bar was pressed.
    """

    search_requested = Signal(str)

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._bars: tuple[Bar, ...] = ()
        self._current = self._hovered = self._pressed = -1
        self.setAccessibleName(plain(name))
        self.setMouseTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)

    @property
    def bars(self) -> Sequence[Bar]:
        """The bars, in order."""
        return self._bars

    def set_bars(self, bars: Sequence[Bar]) -> None:
        """Shows bars."""
        self._bars = tuple(bars)
        self._current = min(self._current, len(bars) - 1)
        self._hovered = -1
        self.updateGeometry()
        self._describe()
        self.update()

    def rect_of(self, index: int) -> QRect:
        """Where a bar can be pressed, with its name and number; for subclasses."""
        return QRect()

    def bar_at(self, point: QPoint) -> int:
        """The bar at a point; -1 for none."""
        return next((i for i in range(len(self._bars)) if self.rect_of(i).contains(point)), -1)

    def press(self, index: int) -> None:
        """Does what pressing a bar does."""
        if 0 <= index < len(self._bars) and self._bars[index].search:
            self.search_requested.emit(self._bars[index].search)

    def _describe(self) -> None:
        bar = self._bars[self._current] if 0 <= self._current < len(self._bars) else None
        current = "" if bar is None else f"{bar.name}: {bar.shown}"
        every = "; ".join(f"{b.name}: {b.shown}" for b in self._bars[:20])
        self.setAccessibleDescription(plain_lines(current or every))

    def _ground(self, painter: QPainter, index: int) -> None:
        palette, rect = self.palette(), self.rect_of(index)
        if self._bars[index].search and index == self._hovered:
            text = palette.color(QPalette.ColorRole.Text)
            painter.fillRect(rect, painting.blend(palette.color(QPalette.ColorRole.Base), text, 0.07))
        if self.hasFocus() and index == max(self._current, 0):
            painting.draw_focus_frame(painter, rect, palette)

    def _color(self, part: BarPart) -> QColor:
        return QColor(part.color) if part.color else self.palette().color(QPalette.ColorRole.Highlight)

    # Qt overrides

    def event(self, event: QEvent) -> bool:
        """Shows the tooltip of a bar."""
        if isinstance(event, QHelpEvent) and event.type() is QEvent.Type.ToolTip:
            index = self.bar_at(event.pos())
            if index >= 0:
                bar = self._bars[index]
                search = f"\nClick to find them: {bar.search}" if bar.search else ""
                QToolTip.showText(
                    event.globalPos(), tip((bar.tip or f"{bar.name}: {bar.shown}") + search), self
                )
            else:
                QToolTip.hideText()
            return True
        return super().event(event)

    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        index = self.bar_at(event.position().toPoint())
        if index != self._hovered:
            self._hovered = index
            works = index >= 0 and bool(self._bars[index].search)
            self.setCursor(Qt.CursorShape.PointingHandCursor if works else Qt.CursorShape.ArrowCursor)
            self.update()

    def leaveEvent(self, event: QEvent) -> None:  # noqa: D102
        self._hovered = -1
        self.update()

    def mousePressEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        if event.button() is Qt.MouseButton.LeftButton:
            self._pressed = self.bar_at(event.position().toPoint())

    def mouseReleaseEvent(self, event: QMouseEvent) -> None:  # noqa: D102
        pressed, self._pressed = self._pressed, -1
        if pressed >= 0 and pressed == self.bar_at(event.position().toPoint()):
            self._current = pressed
            self.press(pressed)

    def keyPressEvent(self, event: QKeyEvent) -> None:  # noqa: D102
        key = event.key()
        if key in (Qt.Key.Key_Down, Qt.Key.Key_Right, Qt.Key.Key_Up, Qt.Key.Key_Left) and self._bars:
            step = 1 if key in (Qt.Key.Key_Down, Qt.Key.Key_Right) else -1
            self._current = min(max(max(self._current, 0) + step, 0), len(self._bars) - 1)
            self._describe()
            self.update()
        elif key in _PRESS:
            self.press(max(self._current, 0))
        else:
            super().keyPressEvent(event)


class BarChart(Chart):
    """Horizontal bars below one another, with their names on the left and numbers on the right."""

    ROW = 24

    def __init__(self, name: str, parent: QWidget | None = None, *, name_width: int = 17 * UNIT) -> None:
        super().__init__(name, parent)
        self._name_width = name_width
        self._scale = 0.0
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_scale(self, most: float) -> None:
        """Sets the value of a bar of full length; 0: the longest one."""
        self._scale = most
        self.update()

    def rect_of(self, index: int) -> QRect:  # noqa: D102
        return QRect(0, index * self.ROW, self.width(), self.ROW)

    def sizeHint(self) -> QSize:  # noqa: D102
        return QSize(40 * UNIT, max(len(self._bars), 1) * self.ROW)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        most = self._scale or max((bar.value for bar in self._bars), default=0) or 1
        numbers = max((QFontMetrics(self.font()).horizontalAdvance(b.shown) for b in self._bars), default=0)
        room = max(self.width() - self._name_width - numbers - 4 * UNIT, 1)
        for index, bar in enumerate(self._bars):
            rect = self.rect_of(index)
            if not rect.intersects(event.rect()):
                continue
            self._ground(painter, index)
            name = QRect(UNIT, rect.top(), self._name_width - UNIT, rect.height())
            painting.draw_text(painter, name, bar.name, painting.ink(self.palette()))
            left = float(self._name_width + UNIT)
            painter.setPen(Qt.PenStyle.NoPen)
            for part in bar.parts:
                width = part.value / most * room
                if width > 0:
                    painter.setBrush(self._color(part))
                    painter.drawRect(QRectF(left, rect.top() + 6, max(width, 1.5), rect.height() - 12))
                left += width
            number = QRect(round(left) + UNIT, rect.top(), numbers + UNIT, rect.height())
            painting.draw_text(painter, number, bar.shown, painting.faint(self.palette()))


class ColumnChart(Chart):
    """Vertical bars beside one another, with some of their names below."""

    HEIGHT = 132

    def __init__(self, name: str, parent: QWidget | None = None, *, names: int = 5) -> None:
        """``names``: about how many names there is room for."""
        super().__init__(name, parent)
        self._names = names
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def rect_of(self, index: int) -> QRect:  # noqa: D102
        room = self.width() - 2 * UNIT
        count = max(len(self._bars), 1)
        left, right = UNIT + index * room // count, UNIT + (index + 1) * room // count
        return QRect(left, 0, right - left, self.height() - 20)

    def sizeHint(self) -> QSize:  # noqa: D102
        return QSize(40 * UNIT, self.HEIGHT)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        small = painting.small_font(self.font())
        painter.setFont(small)
        metrics = QFontMetrics(small)
        most = max((bar.value for bar in self._bars), default=0) or 1
        bottom, top = self.height() - 20, metrics.height() + 4
        every = max(1, -(-len(self._bars) // self._names))
        for index, bar in enumerate(self._bars):
            rect = self.rect_of(index)
            self._ground(painter, index)
            height = bar.value / most * (bottom - top)
            painter.setPen(Qt.PenStyle.NoPen)
            painter.setBrush(self._color(bar.parts[0]) if bar.parts else Qt.BrushStyle.NoBrush)
            if bar.value:
                height = max(height, 1.5)
                painter.drawRect(QRectF(rect.left() + 1, bottom - height, max(rect.width() - 2, 1), height))
            if bar.value and metrics.horizontalAdvance(bar.shown) <= rect.width() + 2 * UNIT // 3:
                painter.setPen(painting.faint(self.palette()))
                number = QRectF(rect.left() - UNIT, bottom - height - top, rect.width() + 2 * UNIT, top - 2)
                painter.drawText(
                    number, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignBottom, bar.shown
                )
            if index % every == 0:
                painter.setPen(painting.faint(self.palette()))
                place = QRectF(rect.left() - 2 * UNIT, bottom + 2, rect.width() + 4 * UNIT, 18)
                painter.drawText(place, Qt.AlignmentFlag.AlignHCenter | Qt.AlignmentFlag.AlignTop, bar.name)
        painter.setPen(painting.line(self.palette()))
        painter.drawLine(QPointF(UNIT, bottom + 0.5), QPointF(self.width() - UNIT, bottom + 0.5))


class HeatMap(QWidget):
    """How often each part of an image is covered, as squares from dark to bright."""

    SIDE = 24 * UNIT

    def __init__(self, name: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._rows: Sequence[Sequence[float]] = ()
        self.setAccessibleName(plain(name))
        self.setMouseTracking(True)
        self.setFixedHeight(self.SIDE)

    def set_cells(self, rows: Sequence[Sequence[float]]) -> None:
        """Shows cells: rows from the top of the image, each from the left."""
        self._rows = rows
        self.update()

    def _area(self) -> QRectF:
        wide = min(self.width() - 2 * UNIT, self.height() * 4 // 3)
        high = wide * 3 / 4
        return QRectF((self.width() - wide) / 2, (self.height() - high) / 2, wide, high)

    def event(self, event: QEvent) -> bool:
        """Shows how many annotations a cell has."""
        if isinstance(event, QHelpEvent) and event.type() is QEvent.Type.ToolTip and self._rows:
            area = self._area()
            x = int((event.pos().x() - area.left()) / area.width() * len(self._rows[0]))
            y = int((event.pos().y() - area.top()) / area.height() * len(self._rows))
            if 0 <= y < len(self._rows) and 0 <= x < len(self._rows[0]):
                QToolTip.showText(
                    event.globalPos(), tip(f"{self._rows[y][x]:,.0f} annotations centred here"), self
                )
            else:
                QToolTip.hideText()
            return True
        return super().event(event)

    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: D102
        painter = QPainter(self)
        palette, area = self.palette(), self._area()
        base = palette.color(QPalette.ColorRole.Base)
        accent = palette.color(QPalette.ColorRole.Highlight)
        painter.fillRect(area, painting.blend(base, palette.color(QPalette.ColorRole.Text), 0.05))
        most = max((max(row, default=0) for row in self._rows), default=0)
        if most:
            high, wide = area.height() / len(self._rows), area.width() / len(self._rows[0])
            for y, row in enumerate(self._rows):
                for x, value in enumerate(row):
                    if value:
                        color = painting.blend(base, accent, 0.12 + 0.88 * (value / most) ** 0.5)
                        cell = QRectF(area.left() + x * wide, area.top() + y * high, wide + 0.5, high + 0.5)
                        painter.fillRect(cell, color)
        painter.setPen(painting.line(palette))
        painter.drawRect(area)
