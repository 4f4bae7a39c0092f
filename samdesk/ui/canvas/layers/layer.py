"""Layer: a cached, double-buffered bitmap of a part of the scene, painted in time slices.

A layer keeps the last finished bitmap (the front buffer) and its viewport. While the user zooms or pans,
the front buffer is scaled or moved at once; a new bitmap (the back buffer) is painted a few milliseconds
at a time and swapped in when it is finished. After a pan only the uncovered strips are painted, after a
change only the affected rectangles.
"""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Iterator
from time import perf_counter

from PySide6.QtCore import QPointF, QRect, QRectF, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QRegion, QTransform

from samdesk.ui.canvas.viewport import Viewport


def to_device_rect(rect: QRectF, view: Viewport, edge: int = 0) -> QRect:
    """The enclosing rectangle in device pixels of one in image pixels, expanded by ``edge`` pixels."""
    left, top = view.to_device(rect.left(), rect.top())
    right, bottom = view.to_device(rect.right(), rect.bottom())
    # Limited to what QRect can hold at any zoom.
    far = 1 << 24
    lo_x, lo_y = max(-far, int(left) - 1 - edge), max(-far, int(top) - 1 - edge)
    return QRect(lo_x, lo_y, min(far, int(right) + 2 + edge) - lo_x, min(far, int(bottom) + 2 + edge) - lo_y)


def view_change(old: Viewport, new: Viewport) -> QTransform:
    """The transform from device pixels of one viewport to those of another."""
    ratio = new.scale / old.scale
    return QTransform(ratio, 0, 0, ratio, new.x - old.x * ratio, new.y - old.y * ratio)


class Layer(ABC):
    """A cached bitmap, painted by subclasses; all sizes are device pixels."""

    def __init__(self, image_format: QImage.Format, background: QColor) -> None:
        self._format = image_format
        self._background = background
        self._front: tuple[QImage, Viewport] | None = None
        self._back: tuple[QImage, Viewport] | None = None
        self._work: Iterator[None] | None = None
        self._target = Viewport()
        self._size = QSize()
        self._stale: list[QRectF] | None = None  # None: all of the front
        self._dirty = True

    @property
    def busy(self) -> bool:
        """Whether the bitmap is not up to date with the scene and the viewport."""
        return self._work is not None

    @property
    def pending(self) -> bool:
        """Whether something that has changed is not shown yet."""
        return self._dirty or self._work is not None

    def set_viewport(self, view: Viewport, size: QSize) -> None:
        """Sets the viewport and the size to paint for."""
        if view == self._target and size == self._size and not self._dirty:
            return
        moved_only = (
            self._back is not None
            and not self._dirty
            and size == self._size
            and self._back[1].scale == view.scale
        )
        self._target, self._size = view, QSize(size)
        if not moved_only:  # a bitmap that only moves is finished first, then moved
            self._start()

    def invalidate(self, rect: QRectF | None = None) -> None:
        """Schedules a rectangle (image pixels), or everything, for repainting."""
        if rect is None:
            self._stale = None
        elif self._stale is not None:
            self._stale.append(rect)
        self._dirty = True

    def clear(self) -> None:
        """Drops the bitmaps: nothing is shown until it is repainted."""
        self._drop_work()
        self._front = None
        self.invalidate()

    def step(self, deadline: float) -> bool:
        """Paints until ``perf_counter()`` passes ``deadline``; returns whether a new bitmap is shown."""
        if self._dirty and not self._size.isEmpty():
            self._start()
        changed = False
        while self._work is not None:
            try:
                next(self._work)
            except StopIteration:
                changed = True
                self._finish()
            if perf_counter() >= deadline:
                break
        return changed

    def draw(self, painter: QPainter, view: Viewport, *, smooth: bool = True) -> None:
        """Draws the bitmap with a painter that uses device pixels."""
        if self._front is None:
            return
        image, seen = self._front
        if seen.scale == view.scale:
            painter.drawImage(QPointF(round(view.x - seen.x), round(view.y - seen.y)), image)
            return
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, smooth)
        painter.setTransform(view_change(seen, view), True)
        painter.drawImage(QPointF(0, 0), image)
        painter.restore()

    def covers(self, view: Viewport, rect: QRect) -> bool:
        """Whether the bitmap, transformed to ``view``, covers a device rectangle."""
        if self._front is None:
            return False
        image, seen = self._front
        return view_change(seen, view).mapRect(QRectF(image.rect())).contains(QRectF(rect))

    def _edge(self) -> int:
        """Device pixels that may be painted outside the bounds given to ``invalidate``."""
        return 1

    @abstractmethod
    def _paint(self, image: QImage, rect: QRect, view: Viewport) -> Iterator[None]:
        """Paints a rectangle of a bitmap that is filled with the background; yields often."""

    def _start(self) -> None:
        self._drop_work()
        if self._size.isEmpty():
            return
        back = QImage(self._size, self._format)
        rects = self._kept_from_front(back)
        painter = QPainter(back)
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Source)
        for rect in rects:
            painter.fillRect(rect, self._background)
        painter.end()
        self._dirty = False
        self._back = (back, self._target)
        self._work = self._paint_all(back, rects, self._target)

    def _kept_from_front(self, back: QImage) -> list[QRect]:
        """Copies the valid part of the front buffer; returns the rectangles left to paint."""
        everything = back.rect()
        if self._front is None or self._stale is None:
            return [everything]
        image, seen = self._front
        du, dv = self._target.x - seen.x, self._target.y - seen.y
        if seen.scale != self._target.scale or du != round(du) or dv != round(dv):
            return [everything]
        moved = image.rect().translated(round(du), round(dv))
        if not moved.intersects(everything):
            return [everything]
        painter = QPainter(back)
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_Source)
        painter.drawImage(moved.topLeft(), image)
        painter.end()
        left = QRegion(everything).subtracted(QRegion(moved))
        for rect in self._stale:
            left = left.united(to_device_rect(rect, self._target, self._edge()).intersected(everything))
        return [QRect(rect) for rect in left]  # type: ignore[attr-defined]

    def _paint_all(self, image: QImage, rects: list[QRect], view: Viewport) -> Iterator[None]:
        for rect in rects:
            yield from self._paint(image, rect, view)

    def _finish(self) -> None:
        self._front, self._back, self._work = self._back, None, None
        self._stale = []
        if self._front is None:
            return
        image, seen = self._front
        if seen != self._target or image.size() != self._size:
            self._start()

    def _drop_work(self) -> None:
        close = getattr(self._work, "close", None)
        if close is not None:
            close()
        self._work, self._back = None, None


def transparent() -> QColor:
    """Fully transparent."""
    return QColor(Qt.GlobalColor.transparent)
