"""ProgressLine: a thin progress line along the top of the canvas."""

from __future__ import annotations

from time import perf_counter

from PySide6.QtCore import QEvent, QObject, QRectF, Qt, QTimer
from PySide6.QtGui import QPainter, QPaintEvent, QPalette
from PySide6.QtWidgets import QWidget

HEIGHT = 3
_PERIOD_S = 1.4
"""Duration of one pass of the indeterminate line, seconds."""


class ProgressLine(QWidget):
    """Overlays the top edge of its parent, as a widget of its own: the canvas is not repainted with it."""

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        self._above = parent
        self._part: float | None = None
        self._timer = QTimer(self)
        self._timer.setInterval(33)
        self._timer.timeout.connect(self.update)
        self.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        self.setAccessibleName("Progress")
        parent.installEventFilter(self)
        self.hide()

    def show_progress(self, busy: bool | float) -> None:
        """Shows an indeterminate line (True), a share of 0..1, or hides the line (False)."""
        if busy is False:
            self._timer.stop()
            self.hide()
            return
        self._part = None if busy is True else min(1.0, max(0.0, float(busy)))
        if self._part is None:
            self._timer.start()
        else:
            self._timer.stop()
        self._place()
        self.show()
        self.raise_()
        self.update()

    def _place(self) -> None:
        self.setGeometry(0, 0, self._above.width(), HEIGHT)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follows the parent's width."""
        if event.type() is QEvent.Type.Resize:
            self._place()
        return super().eventFilter(watched, event)

    def paintEvent(self, event: QPaintEvent) -> None:
        """Paints the filled or the moving part."""
        del event
        width = float(self.width())
        if self._part is not None:
            left, right = 0.0, width * self._part
        else:
            at = (perf_counter() / _PERIOD_S) % 1.0
            left, right = width * (1.3 * at - 0.3), width * 1.3 * at
        painter = QPainter(self)
        accent = self.palette().color(QPalette.ColorRole.Highlight)
        track = self.palette().color(QPalette.ColorRole.Window)
        track.setAlphaF(0.55)
        painter.fillRect(self.rect(), track)
        painter.fillRect(QRectF(left, 0, right - left, HEIGHT), accent)
        painter.end()
