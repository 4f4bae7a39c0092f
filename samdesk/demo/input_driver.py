"""Sends mouse and key events to a canvas, at positions in image pixels.

They are the ``QMouseEvent``, ``QWheelEvent`` and key events that Qt delivers for a user's input.
"""

from __future__ import annotations

from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QMouseEvent, QWheelEvent
from PySide6.QtWidgets import QApplication, QWidget

from samdesk.ui.canvas.view import CanvasView

_LEFT = Qt.MouseButton.LeftButton
_NO_KEYS = Qt.KeyboardModifier.NoModifier


class InputDriver:
    """Sends input events to one canvas. Positions are image pixels and may lie outside the image."""

    def __init__(self, canvas: CanvasView) -> None:
        self._canvas = canvas
        self._down = Qt.MouseButton.NoButton

    def move(self, x: float, y: float, modifiers: Qt.KeyboardModifier = _NO_KEYS) -> None:
        """Sends a mouse move, with the buttons that are down."""
        self._send(QEvent.Type.MouseMove, x, y, Qt.MouseButton.NoButton, modifiers)

    def press(
        self, x: float, y: float, button: Qt.MouseButton = _LEFT, modifiers: Qt.KeyboardModifier = _NO_KEYS
    ) -> None:
        """Presses a mouse button."""
        self._down |= button
        self._send(QEvent.Type.MouseButtonPress, x, y, button, modifiers)

    def release(
        self, x: float, y: float, button: Qt.MouseButton = _LEFT, modifiers: Qt.KeyboardModifier = _NO_KEYS
    ) -> None:
        """Releases a mouse button."""
        self._down &= ~button
        self._send(QEvent.Type.MouseButtonRelease, x, y, button, modifiers)

    def click(
        self, x: float, y: float, button: Qt.MouseButton = _LEFT, modifiers: Qt.KeyboardModifier = _NO_KEYS
    ) -> None:
        """Moves the mouse, then presses and releases a button."""
        self.move(x, y, modifiers)
        self.press(x, y, button, modifiers)
        self.release(x, y, button, modifiers)

    def double_click(self, x: float, y: float, modifiers: Qt.KeyboardModifier = _NO_KEYS) -> None:
        """Sends the events of a double click: press, release, double click, release."""
        self.click(x, y, _LEFT, modifiers)
        self._down |= _LEFT
        self._send(QEvent.Type.MouseButtonDblClick, x, y, _LEFT, modifiers)
        self.release(x, y, _LEFT, modifiers)

    def drag(
        self,
        start: tuple[float, float],
        end: tuple[float, float],
        *,
        button: Qt.MouseButton = _LEFT,
        modifiers: Qt.KeyboardModifier = _NO_KEYS,
        steps: int = 6,
    ) -> None:
        """Presses at the start, moves to the end in ``steps`` moves, and releases."""
        (x0, y0), (x1, y1) = start, end
        self.move(x0, y0, modifiers)
        self.press(x0, y0, button, modifiers)
        for i in range(1, steps + 1):
            self.move(x0 + (x1 - x0) * i / steps, y0 + (y1 - y0) * i / steps, modifiers)
        self.release(x1, y1, button, modifiers)

    def wheel(self, x: float, y: float, notches: float, modifiers: Qt.KeyboardModifier = _NO_KEYS) -> None:
        """Turns the wheel by notches; positive is away from the user."""
        position, global_position = self._positions(x, y)
        event = QWheelEvent(
            position,
            global_position,
            QPoint(),
            QPoint(0, round(120 * notches)),
            self._down,
            modifiers,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QApplication.sendEvent(self._canvas, event)

    def key(
        self, key: Qt.Key, modifiers: Qt.KeyboardModifier = _NO_KEYS, widget: QWidget | None = None
    ) -> None:
        """Presses and releases a key on a widget, by default the canvas; shortcuts are triggered too."""
        self.key_down(key, modifiers, widget)
        self.key_up(key, modifiers, widget)

    def key_down(
        self, key: Qt.Key, modifiers: Qt.KeyboardModifier = _NO_KEYS, widget: QWidget | None = None
    ) -> None:
        """Presses a key without releasing it."""
        from PySide6.QtTest import QTest  # not needed unless keys are sent

        QTest.keyPress(widget or self._canvas, key, modifiers)

    def key_up(
        self, key: Qt.Key, modifiers: Qt.KeyboardModifier = _NO_KEYS, widget: QWidget | None = None
    ) -> None:
        """Releases a key."""
        from PySide6.QtTest import QTest

        QTest.keyRelease(widget or self._canvas, key, modifiers)

    def _positions(self, x: float, y: float) -> tuple[QPointF, QPointF]:
        position = self._canvas.to_widget(x, y)
        return position, self._canvas.mapToGlobal(position)

    def _send(
        self,
        kind: QEvent.Type,
        x: float,
        y: float,
        button: Qt.MouseButton,
        modifiers: Qt.KeyboardModifier,
    ) -> None:
        position, global_position = self._positions(x, y)
        event = QMouseEvent(kind, position, global_position, button, self._down, modifiers)
        QApplication.sendEvent(self._canvas, event)
