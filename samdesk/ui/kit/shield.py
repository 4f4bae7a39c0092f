"""Shield: takes the clicks that were meant for a widget that has just vanished."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint, QRect, Qt, QTimer
from PySide6.QtWidgets import QApplication, QWidget

GRACE_MS = 400
"""How long a click is still taken for one on what was there before: longer than it takes to react."""

_CLICKS = frozenset(
    (
        QEvent.Type.MouseButtonPress, QEvent.Type.MouseButtonRelease, QEvent.Type.MouseButtonDblClick,
        QEvent.Type.MouseMove, QEvent.Type.ContextMenu,
    )
)  # fmt: skip


class Shield(QWidget):
    """An invisible widget that swallows clicks for a moment, and then is gone."""

    def __init__(self, host: QWidget, rect: QRect) -> None:
        """Covers ``rect`` of ``host``."""
        super().__init__(host)
        self.setObjectName("shield")
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.setCursor(Qt.CursorShape.ArrowCursor)
        self.setMouseTracking(True)
        self.setGeometry(rect)
        self._timer = QTimer(self, singleShot=True, interval=GRACE_MS)
        self._timer.timeout.connect(self._end)
        self._timer.start()
        self.show()
        self.raise_()

    def event(self, event: QEvent) -> bool:
        """Swallows everything a mouse button does."""
        if event.type() in _CLICKS:
            event.accept()
            return True
        return super().event(event)

    def _end(self) -> None:
        if QApplication.mouseButtons() == Qt.MouseButton.NoButton:
            self.hide()
            self.deleteLater()
        else:
            self._timer.start()  # the release belongs to the press


def shield(widget: QWidget) -> None:
    """Swallows clicks for a moment where ``widget`` is; call it before the widget is hidden or moved.

    A click may be on its way to it, or be the first half of a double click.
    """
    window = widget.window()
    if window is not widget and widget.isVisible():
        Shield(window, QRect(widget.mapTo(window, QPoint(0, 0)), widget.size()))
