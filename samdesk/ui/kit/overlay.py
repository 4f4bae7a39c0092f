"""Overlay: floats a widget over another one, whose layout does not change."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QWidget

from samdesk.ui.kit.theme import UNIT


class Overlay(QObject):
    """Keeps one widget centred at the top or the bottom of another."""

    def __init__(
        self,
        host: QWidget,
        widget: QWidget,
        *,
        bottom: bool = False,
        width: int = 0,
        below: QWidget | None = None,
    ) -> None:
        """Floats ``widget`` over ``host``; the widget shows and hides itself.

        Args:
            host: The widget below.
            widget: Becomes a child of ``host``.
            bottom: At the bottom instead of the top.
            width: Maximum width, logical pixels, used if there is room; 0: its size hint.
            below: A child of ``host``; the overlay is placed under it while it is visible.
        """
        super().__init__(host)
        self._host, self._widget, self._below = host, widget, below
        self._bottom, self._width = bottom, width
        shown = not widget.isHidden()
        widget.setParent(host)
        widget.setVisible(shown)
        for watched in (host, widget, *((below,) if below is not None else ())):
            watched.installEventFilter(self)
        self._place()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Repositions the widget when the available space or its size hint changes."""
        kinds = (QEvent.Type.Resize, QEvent.Type.Show, QEvent.Type.Hide, QEvent.Type.LayoutRequest)
        own_resize = watched is self._widget and event.type() == QEvent.Type.Resize
        if event.type() in kinds and not own_resize:
            self._place()
        return False

    def _place(self) -> None:
        margin = UNIT * 3 // 2
        top = self._below.height() if self._below is not None and self._below.isVisible() else 0
        room_w, room_h = self._host.width() - 2 * margin, self._host.height() - top - 2 * margin
        wanted = self._widget.sizeHint().expandedTo(self._widget.minimumSizeHint())
        width = max(min(self._width or wanted.width(), room_w), 0)
        tall = self._widget.heightForWidth(width) if self._widget.hasHeightForWidth() else wanted.height()
        height = max(min(tall, room_h), 0)
        y = self._host.height() - margin - height if self._bottom else top + margin
        self._widget.setGeometry((self._host.width() - width) // 2, y, width, height)
        self._widget.raise_()
