"""NavigableWidget: zooms, pans and fits an image in a viewport."""

from __future__ import annotations

import math
from dataclasses import dataclass

from PySide6.QtCore import QEvent, QPoint, QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import (
    QFocusEvent,
    QInputDevice,
    QKeyEvent,
    QMouseEvent,
    QNativeGestureEvent,
    QResizeEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QGestureEvent, QPinchGesture, QWidget

from samdesk.ui.canvas.viewport import Viewport, fit, kept_visible, limited_scale, showing, zoomed_to

_STEP = 1.25
"""Zoom factor of a key press or toolbar click."""
_NOTCH = 1.2
"""Zoom factor of one notch (15 degrees) of the mouse wheel."""
_MARGIN = 12
"""Margin around a fitted image, logical pixels."""


class NavigableWidget(QWidget):
    """Zooms at the cursor (wheel, pinch) and pans (Space-drag, middle-drag, touchpad scroll).

    Signals:
        view_changed: The zoom, in device pixels per image pixel.
        space_tapped: Space was pressed and released without a drag in between.
    """

    view_changed = Signal(float)
    space_tapped = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._view = Viewport()
        self._image_size: tuple[int, int] | None = None
        self._fitted = True
        self._space = False  # held down
        self._space_used = False  # a drag happened while it was held
        self._pan_from: QPointF | None = None
        self._zoomed: _Zoomed | None = None  # by zoom_to_rect
        self.grabGesture(Qt.GestureType.PinchGesture)

    @property
    def viewport(self) -> Viewport:
        """Position and scale of the image, in device pixels."""
        return self._view

    @property
    def zoom(self) -> float:
        """Device pixels per image pixel."""
        return self._view.scale

    @property
    def image_size(self) -> tuple[int, int] | None:
        """Width and height of the image, pixels, or None without one."""
        return self._image_size

    def device_size(self) -> QSize:
        """The size of the canvas in device pixels."""
        ratio = self.devicePixelRatioF()
        return QSize(math.ceil(self.width() * ratio), math.ceil(self.height() * ratio))

    def to_image(self, position: QPointF) -> tuple[float, float]:
        """Maps widget coordinates (logical pixels) to image pixels."""
        ratio = self.devicePixelRatioF()
        return self._view.to_image(position.x() * ratio, position.y() * ratio)

    def to_widget(self, x: float, y: float) -> QPointF:
        """Maps image pixels to widget coordinates (logical pixels)."""
        ratio = self.devicePixelRatioF()
        u, v = self._view.to_device(x, y)
        return QPointF(u / ratio, v / ratio)

    def image_pixels(self, logical: float) -> float:
        """Converts a length in logical pixels to image pixels."""
        return logical * self.devicePixelRatioF() / self._view.scale

    def fit(self) -> None:
        """Fits the whole image in the canvas."""
        if self._image_size is not None:
            margin = _MARGIN * self.devicePixelRatioF()
            self._set_view(fit(self._image_size, self._canvas(), margin))
        self._fitted = True

    @property
    def fitted(self) -> bool:
        """Whether the whole image is fitted in the canvas, and stays so when that is resized."""
        return self._fitted

    def show_viewport(self, view: Viewport) -> None:
        """Shows the image as it was shown with this ``viewport``."""
        self._set_view(view)

    def actual_size(self) -> None:
        """Zooms to one device pixel per image pixel, around the centre of the canvas."""
        u, v = (n / 2 for n in self._canvas())
        self._set_view(self._view.zoomed(1.0, u, v).pixel_aligned())

    def zoom_in(self) -> None:
        """Zooms in one step, at the cursor if it is over the canvas."""
        self.zoom_at(_STEP, self._anchor())

    def zoom_out(self) -> None:
        """Zooms out one step, at the cursor if it is over the canvas."""
        self.zoom_at(1 / _STEP, self._anchor())

    def zoom_at(self, factor: float, position: QPointF) -> None:
        """Zooms by a factor around a position on the widget (logical pixels)."""
        if self._image_size is None:
            return
        ratio = self.devicePixelRatioF()
        scale = limited_scale(self._view.scale * factor, self._image_size, self._canvas())
        self._set_view(self._view.zoomed(scale, position.x() * ratio, position.y() * ratio))

    def zoom_to_rect(self, rect: QRectF) -> None:
        """Zooms to a rectangle (image pixels); again, with the view unchanged since, goes back."""
        if self._image_size is None:
            return
        last = self._zoomed
        if last is not None and last.rect == rect and last.view == self._view:
            self._set_view(last.before)
            self._fitted, self._zoomed = last.fitted, None
            return
        before, fitted = self._view, self._fitted
        self._set_view(zoomed_to(_sides(rect), self._image_size, self._canvas()))
        self._zoomed = _Zoomed(rect, self._view, before, fitted)

    def fill_with_rect(self, rect: QRectF) -> None:
        """Zooms so that a rectangle (image pixels) fills the canvas."""
        if self._image_size is not None:
            self._zoomed = None
            self._set_view(zoomed_to(_sides(rect), self._image_size, self._canvas(), 1.0))

    def show_rect(self, rect: QRectF) -> None:
        """Pans just as far as needed to show a rectangle (image pixels) with a small margin."""
        margin = self.image_pixels(_MARGIN)
        around = rect.adjusted(-margin, -margin, margin, margin)
        moved = showing(self._view, _sides(around), self._canvas())
        if moved != self._view:
            self._set_view(moved)

    def pan_by(self, dx: float, dy: float) -> None:
        """Pans by logical pixels."""
        ratio = self.devicePixelRatioF()
        self._set_view(self._view.panned(dx * ratio, dy * ratio))

    def _canvas(self) -> tuple[int, int]:
        size = self.device_size()
        return size.width(), size.height()

    def _anchor(self) -> QPointF:
        cursor = self.mapFromGlobal(self.cursor().pos())
        return QPointF(cursor if self.underMouse() else self.rect().center())

    def _set_view(self, view: Viewport) -> None:
        self._fitted = False
        if self._image_size is not None:
            view = kept_visible(view, self._image_size, self._canvas())
        if view != self._view:
            self._view = view
            self._view_moved()
            self.view_changed.emit(view.scale)

    def _view_moved(self) -> None:
        """Called when the viewport changes; for subclasses."""

    def _start_pan(self, position: QPointF) -> None:
        self._pan_from, self._space_used = position, True
        self._update_cursor()

    def _pan_to(self, position: QPointF) -> None:
        if self._pan_from is not None:
            # Whole device pixels only; the remainder is added to the next move.
            ratio = self.devicePixelRatioF()
            moved = (position - self._pan_from) * ratio
            whole = QPoint(round(moved.x()), round(moved.y()))
            self._set_view(self._view.panned(whole.x(), whole.y()))
            self._pan_from += QPointF(whole) / ratio

    def _end_pan(self) -> None:
        self._pan_from = None
        self._update_cursor()

    def _update_cursor(self) -> None:
        if self._pan_from is not None:
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
        elif self._space:
            self.setCursor(Qt.CursorShape.OpenHandCursor)
        else:
            self.setCursor(self._resting_cursor())

    def _resting_cursor(self) -> Qt.CursorShape:
        return Qt.CursorShape.ArrowCursor

    def _pinched(self, event: QEvent) -> bool:
        if isinstance(event, QNativeGestureEvent):
            if event.gestureType() is Qt.NativeGestureType.ZoomNativeGesture:
                self.zoom_at(1.0 + event.value(), event.position())
                return True
        elif isinstance(event, QGestureEvent):
            pinch = event.gesture(Qt.GestureType.PinchGesture)
            if isinstance(pinch, QPinchGesture):
                center = self.mapFromGlobal(pinch.hotSpot()) if pinch.hasHotSpot() else self.rect().center()
                self.zoom_at(pinch.scaleFactor(), QPointF(center))
                event.accept()
                return True
        return False

    # Qt overrides

    def event(self, event: QEvent) -> bool:
        """Handles pinch gestures, and takes Space before window shortcuts (it pans while held)."""
        kind = event.type()
        if kind in (QEvent.Type.NativeGesture, QEvent.Type.Gesture) and self._pinched(event):
            return True
        if kind is QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and _is_space(event):
            event.accept()
            return True
        if kind is QEvent.Type.DevicePixelRatioChange:
            self._resized()
        return super().event(event)

    def wheelEvent(self, event: QWheelEvent) -> None:
        """Zooms at the cursor; a touchpad scroll pans, or zooms with Ctrl."""
        control = bool(event.modifiers() & Qt.KeyboardModifier.ControlModifier)
        touchpad = event.device().type() is QInputDevice.DeviceType.TouchPad
        pixels = event.pixelDelta()
        if touchpad and not control and not pixels.isNull():
            self.pan_by(pixels.x(), pixels.y())
        else:
            notches = pixels.y() / 60 if touchpad and not pixels.isNull() else event.angleDelta().y() / 120
            self.zoom_at(_NOTCH**notches, event.position())
        event.accept()

    def keyPressEvent(self, event: QKeyEvent) -> None:
        """Space starts panning mode."""
        if _is_space(event):
            if not event.isAutoRepeat() and not self._space:
                self._space, self._space_used = True, False
                self._update_cursor()
            event.accept()
        else:
            event.ignore()

    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        """Space ends panning mode; without a drag it is a tap."""
        if event.key() == Qt.Key.Key_Space and self._space:
            if not event.isAutoRepeat():
                self._space = False
                self._update_cursor()
                if not self._space_used:
                    self.space_tapped.emit()
            event.accept()
        else:
            event.ignore()

    def focusOutEvent(self, event: QFocusEvent) -> None:
        """Resets Space: its release would not be received without the focus."""
        self._space = False
        self._update_cursor()
        super().focusOutEvent(event)

    def mousePressEvent(self, event: QMouseEvent) -> None:
        """Starts a pan with the middle button, or the left one while Space is held."""
        if self.pans_with(event):
            self._start_pan(event.position())

    def pans_with(self, event: QMouseEvent) -> bool:
        """Whether a mouse press starts a pan."""
        button = event.button()
        return button is Qt.MouseButton.MiddleButton or (self._space and button is Qt.MouseButton.LeftButton)

    def resizeEvent(self, event: QResizeEvent) -> None:
        """Keeps a fitted image fitted, otherwise the centre of the canvas centred."""
        super().resizeEvent(event)
        old = event.oldSize()
        if old.isValid() and not self._fitted:
            grown = event.size() - old
            fitted = self._fitted
            self.pan_by(grown.width() / 2, grown.height() / 2)
            self._fitted = fitted
        self._resized()

    def _resized(self) -> None:
        if self._fitted:
            self.fit()
        self._view_moved()


@dataclass(frozen=True)
class _Zoomed:
    """The last zoom to a rectangle: what it showed, and the view before, to go back to."""

    rect: QRectF
    view: Viewport
    before: Viewport
    fitted: bool


def _sides(rect: QRectF) -> tuple[float, float, float, float]:
    return rect.left(), rect.top(), rect.right(), rect.bottom()


def _is_space(event: QKeyEvent) -> bool:
    return event.key() == Qt.Key.Key_Space and not event.modifiers()
