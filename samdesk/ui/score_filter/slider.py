"""ScoreSlider: a slider for a limit of 0..1 below a histogram of the scores."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QEvent, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QKeyEvent, QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QSizePolicy, QSlider, QStyle, QVBoxLayout, QWidget

from samdesk.domain.score_filter import STEPS
from samdesk.ui.kit import painting
from samdesk.ui.kit.focus import OWN_KEYS
from samdesk.ui.kit.theme import UNIT

_BARS = 50
"""Drawn bars: each of two hundredths."""


class ScoreHistogram(QWidget):
    """How the scores are distributed; what is hidden is faint."""

    def __init__(self, inset: int, parent: QWidget | None = None) -> None:
        """``inset``: where 0 and 1 are, logical pixels from the left and the right end."""
        super().__init__(parent)
        self._inset = inset
        self._counts: tuple[int, ...] = ()
        self._hidden = (0, 0)
        self.setFixedHeight(3 * UNIT)
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)

    def set_counts(self, counts: Sequence[int]) -> None:
        """Shows numbers of annotations, one for each hundredth from 0 to 1."""
        self._counts = tuple(counts)
        self.update()

    def set_hidden(self, start: int, end: int) -> None:
        """Shows the hundredths from ``start`` up to ``end`` as hidden."""
        self._hidden = (start, end)
        self.update()

    def sizeHint(self) -> QSize:
        """Returns a size for about 2 pixels a bar."""
        return QSize(2 * _BARS + 2 * self._inset, 3 * UNIT)

    def paintEvent(self, _event: QPaintEvent) -> None:
        """Paints the bars."""
        painter, palette = QPainter(self), self.palette()
        width, height = self.width() - 2 * self._inset, self.height()
        painter.fillRect(QRectF(self._inset, height - 1, width, 1), painting.line(palette))
        wide = STEPS // _BARS
        bars = [sum(self._counts[i : i + wide]) for i in range(0, len(self._counts), wide)]
        most = max(bars, default=0)
        shown, hidden = palette.color(QPalette.ColorRole.Highlight), painting.line(palette)
        for at, count in enumerate(bars):
            if count:
                tall = max(1.0, count / most * (height - 2))
                x0, x1 = (self._inset + width * i / _BARS for i in (at, at + 1))
                is_hidden = self._hidden[0] <= at * wide < self._hidden[1]
                color = hidden if is_hidden else shown
                painter.fillRect(QRectF(x0, height - 1 - tall, max(x1 - x0 - 1, 1), tall), color)
        painter.end()


class _Slider(QSlider):
    """Handles Esc itself, and its arrow keys."""

    escaped = Signal()

    def __init__(self, parent: QWidget) -> None:
        super().__init__(Qt.Orientation.Horizontal, parent)
        self.setProperty(OWN_KEYS, True)

    def event(self, event: QEvent) -> bool:
        """Takes Esc before a shortcut does."""
        if (
            isinstance(event, QKeyEvent)
            and event.type() is QEvent.Type.ShortcutOverride
            and event.key() == Qt.Key.Key_Escape
        ):
            event.accept()
            return True
        return super().event(event)

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Emits ``escaped``."""
        if event.key() == Qt.Key.Key_Escape:
            self.escaped.emit()
        else:
            super().keyPressEvent(event)


class ScoreSlider(QWidget):
    """The slider, in hundredths, below its histogram.

    Signals:
        moved: (int) it is at another place, by the user.
        escaped: Esc was pressed.
    """

    moved = Signal(int)
    escaped = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.slider = _Slider(self)
        self.slider.setRange(0, STEPS)
        self.slider.setPageStep(STEPS // 20)
        self.slider.setAccessibleName("Limit of the score filter, hundredths")
        style = self.slider.style()
        inset = style.pixelMetric(QStyle.PixelMetric.PM_SliderLength, None, self.slider) // 2
        self.histogram = ScoreHistogram(inset, self)
        layout = QVBoxLayout(self)
        layout.setContentsMargins(0, 0, 0, 0)
        layout.setSpacing(0)
        layout.addWidget(self.histogram)
        layout.addWidget(self.slider)
        self.setMinimumWidth(20 * UNIT)
        self.setFocusProxy(self.slider)
        self.slider.valueChanged.connect(self.moved)
        self.slider.escaped.connect(self.escaped)

    @property
    def step(self) -> int:
        """Where it is."""
        return self.slider.value()

    def set_step(self, step: int) -> None:
        """Moves it without emitting ``moved``."""
        blocked = self.slider.blockSignals(True)
        self.slider.setValue(step)
        self.slider.blockSignals(blocked)
