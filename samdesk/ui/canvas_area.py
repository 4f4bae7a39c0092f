"""The canvas with the candidate strip floating over its lower edge, so that the photo never jumps."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject
from PySide6.QtGui import QResizeEvent
from PySide6.QtWidgets import QWidget

from samdesk.ui.theme import GRID


class CanvasArea(QWidget):
    """Gives the canvas all the room and centres the overlay at its bottom."""

    def __init__(
        self, canvas: QWidget, overlay: QWidget | None = None, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._canvas = canvas
        self._overlay = overlay
        canvas.setParent(self)
        canvas.show()
        if overlay is not None:
            overlay.setParent(self)
            overlay.raise_()
            overlay.installEventFilter(self)
        self.setFocusProxy(canvas)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Lays both out anew."""
        super().resizeEvent(event)
        self._canvas.setGeometry(self.rect())
        self._place()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Follows the overlay's wish for another size."""
        if watched is self._overlay and event.type() in (QEvent.Type.Show, QEvent.Type.LayoutRequest):
            self._place()
        return super().eventFilter(watched, event)

    def _place(self) -> None:
        if self._overlay is None:
            return
        wanted = self._overlay.sizeHint().expandedTo(self._overlay.minimumSizeHint())
        width = max(min(wanted.width(), self.width() - 2 * GRID), 0)
        height = max(min(wanted.height(), self.height() - 2 * GRID), 0)
        left, top = (self.width() - width) // 2, self.height() - height - 2 * GRID
        self._overlay.setGeometry(left, max(top, 0), width, height)
        self._overlay.raise_()
