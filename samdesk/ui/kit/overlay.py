"""Overlays: widgets that float over others, whose layout does not change."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QPoint, QRect, QRectF, QSize
from PySide6.QtGui import QCursor
from PySide6.QtWidgets import QWidget

from samdesk.ui.kit.shield import Shield
from samdesk.ui.kit.theme import UNIT

MARGIN = UNIT * 3 // 2
_CLEAR = 3 * UNIT
"""What dodges appears at least this far from the mouse, logical pixels."""
_KINDS = frozenset((QEvent.Type.Resize, QEvent.Type.Move, QEvent.Type.Show, QEvent.Type.LayoutRequest))
"""Not ``Hide``, which is also sent to a part of a window that is being destroyed."""


class Overlay(QObject):
    """Keeps a widget at a place of another one. The widget shows and hides itself."""

    def __init__(self, host: QWidget, widget: QWidget, watched: QWidget) -> None:
        """Floats ``widget`` over ``host``.

        Args:
            host: The widget below; becomes the parent.
            widget: The widget on top.
            watched: The host or its child on whose geometry the place depends.
        """
        super().__init__(host)
        self._host, self._widget = host, widget
        shown = not widget.isHidden()
        widget.setParent(host)
        widget.setVisible(shown)
        for each in (widget, watched):
            each.installEventFilter(self)

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Places the widget again when the available space or its size hint changes."""
        own = watched is self._widget and event.type() in (QEvent.Type.Resize, QEvent.Type.Move)
        if event.type() in _KINDS and not own:
            self.place()
        return False

    def place(self) -> None:
        """Places the widget on top of everything else in the host, but for shields."""
        self._widget.setGeometry(self._geometry())
        self._widget.raise_()
        for shield in self._host.findChildren(Shield):
            shield.raise_()

    def _geometry(self) -> QRect:
        """The place and size of the widget, host pixels; for subclasses."""
        return self._host.rect()

    def _fitted(self, width: int, room: QSize) -> QSize:
        """The size of the widget: ``width`` (0: its size hint), as high as it needs, within ``room``."""
        wanted = self._widget.sizeHint().expandedTo(self._widget.minimumSizeHint())
        wanted = wanted.expandedTo(self._widget.minimumSize())
        width = max(min(width or wanted.width(), room.width()), 0)
        tall = self._widget.heightForWidth(width) if self._widget.hasHeightForWidth() else wanted.height()
        return QSize(width, max(min(tall, room.height()), 0))


class BelowOverlay(Overlay):
    """Keeps a widget at the lower edge of the host, below a part of it.

    What is right below the part (a search field, say) stays free as long as there is room further down. Where
    there is less room below than the widget needs, it reaches up into the part.
    """

    def __init__(self, host: QWidget, widget: QWidget, part: QWidget, width: int) -> None:
        """Floats ``widget`` over ``host``.

        Args:
            host: The widget below; becomes the parent.
            widget: The widget on top.
            part: A child of the host, which is to stay free.
            width: Maximum width, logical pixels.
        """
        super().__init__(host, widget, part)
        self._part, self._width = part, width
        self.place()

    def _geometry(self) -> QRect:
        part, gap = self._part.geometry(), UNIT // 4
        size = self._fitted(self._width, QSize(part.width() - 2 * MARGIN, self._host.height() - 2 * gap))
        room = self._host.height() - part.bottom() - 1
        top = self._host.height() - size.height() - (gap if room >= size.height() + 2 * gap else 0)
        return QRect(QPoint(part.left() + (part.width() - size.width()) // 2, top), size)


class DodgingOverlay(Overlay):
    """Keeps a widget at the edge of the host where it hides the least of what matters.

    It appears away from the mouse, whose next click is for what is below it. Then it stays where it is as
    long as it hides nothing there, or little compared with any other place, and while the mouse is on it.
    """

    def __init__(self, host: QWidget, widget: QWidget, hidden: Callable[[QRectF], float]) -> None:
        """Floats ``widget`` over ``host``.

        Args:
            host: The widget below; becomes the parent.
            widget: The widget on top.
            hidden: How much a rectangle (host pixels) would hide of what is to be seen, in square pixels.
        """
        super().__init__(host, widget, host)
        self._hidden = hidden
        self._spot = 0
        self._fresh = True
        self.place()

    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        """Looks for a place when the widget appears."""
        if watched is self._widget and event.type() is QEvent.Type.Show:
            self._fresh = True
        return super().eventFilter(watched, event)

    def dodge(self) -> None:
        """Places the widget again if it is visible: what it must not hide has changed or moved."""
        if self._widget.isVisible():
            self.place()

    def _geometry(self) -> QRect:
        room = self._host.size() - QSize(2 * MARGIN, 2 * MARGIN)
        spots = self._spots(self._fitted(0, room))
        if self._fresh:
            mouse = self._host.mapFromGlobal(QCursor.pos())
            self._spot = min(range(len(spots)), key=lambda i: self._cost(spots[i], mouse))
            self._fresh = self._widget.isHidden()
        elif not self._widget.underMouse():
            now = self._hidden(QRectF(spots[self._spot]))
            if now > 0:
                costs = [self._hidden(QRectF(spot)) for spot in spots]
                if min(costs) < now / 2:  # otherwise it would jump about over a mask that is everywhere
                    self._spot = costs.index(min(costs))
        return spots[self._spot]

    def _cost(self, spot: QRect, mouse: QPoint) -> float:
        near = spot.adjusted(-_CLEAR, -_CLEAR, _CLEAR, _CLEAR).contains(mouse)
        return self._hidden(QRectF(spot)) + (spot.width() * spot.height() if near else 0)

    def _spots(self, size: QSize) -> list[QRect]:
        """Bottom and top centre, the corners, the middles of the sides."""
        left, top = MARGIN, MARGIN
        right = max(self._host.width() - MARGIN - size.width(), left)
        bottom = max(self._host.height() - MARGIN - size.height(), top)
        across, down = (left + right) // 2, (top + bottom) // 2
        places = [
            (across, bottom), (across, top), (left, bottom), (right, bottom), (left, top), (right, top),
            (left, down), (right, down),
        ]  # fmt: skip
        return [QRect(QPoint(x, y), size) for x, y in places]
