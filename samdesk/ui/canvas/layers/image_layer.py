"""ImageLayer: the image at the current zoom, sharp above 100 % and without moiré below."""

from __future__ import annotations

import math
from collections.abc import Iterator
from time import perf_counter
from typing import Any, TypeAlias

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QRect, QRectF
from PySide6.QtGui import QColor, QImage, QPainter

from samdesk.base.cv import cv2
from samdesk.domain.geometry.types import RgbImage
from samdesk.ui.canvas.layers.adjustments import Adjustments, Curve, painted
from samdesk.ui.canvas.layers.image_pyramid import ImagePyramid, Pixels
from samdesk.ui.canvas.layers.layer import Layer, to_device_rect
from samdesk.ui.canvas.viewport import Viewport

_Places: TypeAlias = NDArray[np.floating[Any]]
NEAREST_FROM = 3.0
"""From this zoom on, image pixels are drawn as squares (nearest neighbour)."""
_BAND = 1 << 18
"""Device pixels resampled per slice (about a millisecond)."""


class ImageLayer(Layer):
    """The cached image."""

    def __init__(self, background: QColor) -> None:
        super().__init__(QImage.Format.Format_RGB32, background)
        self._pyramid: ImagePyramid | None = None
        self._build: Iterator[None] | None = None
        self._thumb: QImage | None = None
        self._thumb_pixels: RgbImage | None = None
        self.adjustments = Adjustments()
        self._curve: Curve | None = None
        self._coarse_size: tuple[int, int] | None = None

    @property
    def busy(self) -> bool:
        """Whether the image is not yet painted at full quality."""
        return super().busy or self._build is not None

    def set_image(self, rgb: RgbImage | None) -> None:
        """Sets the image, (H, W, 3) uint8 RGB; it is not copied and must not change."""
        self._pyramid = None if rgb is None else ImagePyramid(rgb)
        self._build = None if self._pyramid is None else self._pyramid.build()
        self._coarse_size = None
        thumb = None
        if self._pyramid is not None:
            width, height = self._pyramid.size
            thumb = self._pyramid.pixels(self._pyramid.level_for(512 / max(width, height)))
        self._set_thumb(thumb)
        self.clear()

    def set_coarse(self, rgb: RgbImage | None, size: tuple[int, int]) -> None:
        """Shows a coarse version until the image is there.

        Args:
            rgb: (h, w, 3) uint8 RGB, of any size; None: nothing is shown.
            size: Width and height of the image, pixels.
        """
        if self._coarse_size is None:
            self.set_image(None)
        self._coarse_size = size
        self._set_thumb(rgb)

    @property
    def size(self) -> tuple[int, int]:
        """Width and height of the image, pixels; (0, 0) without one."""
        return (self._coarse_size or (0, 0)) if self._pyramid is None else self._pyramid.size

    def set_adjustments(self, adjustments: Adjustments) -> None:
        """Sets how the image is shown; what is painted already is shown until it is repainted."""
        if adjustments != self.adjustments:
            self.adjustments = adjustments
            self._set_thumb(self._thumb_pixels)
            self.invalidate()

    def _set_thumb(self, rgb: RgbImage | None) -> None:
        """Sets the coarse version of the image, and the tone curve by it."""
        self._thumb_pixels = rgb
        adjusted = rgb is not None and not self.adjustments.neutral
        self._curve = self.adjustments.curve(rgb) if rgb is not None and adjusted else None
        self._thumb = None if rgb is None else _image(rgb, self._curve)

    def set_background(self, color: QColor) -> None:
        """Sets the colour around the image."""
        if color != self._background:
            self._background = color
            self.invalidate()

    def step(self, deadline: float) -> bool:
        """Paints the visible part, then builds the coarser levels that may be needed next."""
        changed = super().step(deadline)
        if super().busy or self._build is None:
            return changed
        for _ in self._build:
            if _past(deadline):
                return changed
        self._build = None
        if self._pyramid is not None and self._pyramid.level_for(self._target.scale) > 0:
            self.invalidate()  # it was painted from subsampled pixels; now from averaged ones
            changed = super().step(deadline) or changed
        return changed

    def draw(self, painter: QPainter, view: Viewport, *, smooth: bool = True) -> None:
        """Draws the image in device pixels, a coarse version where it is not painted yet."""
        width, height = self.size
        if self._thumb is None or not width:
            return
        whole = to_device_rect(QRectF(0, 0, width, height), view)
        if self._pyramid is None or not self.covers(
            view, whole.intersected(QRect(0, 0, self._size.width(), self._size.height()))
        ):
            left, top = view.to_device(0, 0)
            painter.drawImage(QRectF(left, top, width * view.scale, height * view.scale), self._thumb)
        if self._pyramid is not None:
            super().draw(painter, view, smooth=smooth and view.scale < NEAREST_FROM)

    def _paint(self, image: QImage, rect: QRect, view: Viewport) -> Iterator[None]:
        if self._pyramid is None:
            return
        width, height = self._pyramid.size
        left, top = (round(n) for n in view.to_device(0, 0))
        right, bottom = (round(n) for n in view.to_device(width, height))
        inside = rect.intersected(QRect(left, top, max(1, right - left), max(1, bottom - top)))
        if inside.isEmpty():
            return
        target = np.frombuffer(image.bits(), np.uint8).reshape(image.height(), image.bytesPerLine() // 4, 4)
        rows = max(8, _BAND // inside.width())
        for first in range(inside.top(), inside.bottom() + 1, rows):
            last = min(inside.bottom() + 1, first + rows)
            band = QRect(inside.left(), first, inside.width(), last - first)
            part = target[first:last, inside.left() : inside.left() + inside.width()]
            pixels = resampled(self._pyramid, band, view)
            part[...] = pixels if self._curve is None else painted(pixels, self._curve)
            yield


def resampled(pyramid: ImagePyramid, rect: QRect, view: Viewport) -> Pixels:
    """The image in a device rectangle as (h, w, 4) uint8 BGRA."""
    level = pyramid.level_for(view.scale)
    source, scale = pyramid.pixels(level), view.scale * (1 << level)
    u = (np.arange(rect.width()) + (rect.left() + 0.5 - view.x)) / scale  # in the level's pixels
    v = (np.arange(rect.height()) + (rect.top() + 0.5 - view.y)) / scale
    if scale >= NEAREST_FROM or _one_to_one(scale, view):
        return _nearest(source, u, v)
    x0, x1 = _span(u, source.shape[1])
    y0, y1 = _span(v, source.shape[0])
    part = np.ascontiguousarray(source[y0:y1, x0:x1])
    step = 1 / scale
    matrix = np.array([[step, 0, u[0] - 0.5 - x0], [0, step, v[0] - 0.5 - y0]])
    warped = cv2.warpAffine(
        part,
        matrix,
        (rect.width(), rect.height()),
        flags=cv2.INTER_LINEAR | cv2.WARP_INVERSE_MAP,
        borderMode=cv2.BORDER_REPLICATE,
    )
    return np.asarray(cv2.cvtColor(warped, cv2.COLOR_RGB2BGRA), np.uint8)


def _one_to_one(scale: float, view: Viewport) -> bool:
    return scale == 1.0 and view.x == round(view.x) and view.y == round(view.y)


def _nearest(source: Pixels, u: _Places, v: _Places) -> Pixels:
    columns = np.clip(np.floor(u).astype(np.intp), 0, source.shape[1] - 1)
    rows = np.clip(np.floor(v).astype(np.intp), 0, source.shape[0] - 1)
    part = np.ascontiguousarray(source[rows[0] : rows[-1] + 1, columns[0] : columns[-1] + 1])
    whole = cv2.cvtColor(part, cv2.COLOR_RGB2BGRA).view(np.uint32)[..., 0]  # one number per pixel
    picked = whole[:, columns - columns[0]][rows - rows[0]]
    return np.ascontiguousarray(picked).view(np.uint8).reshape(len(rows), len(columns), 4)


def _span(places: _Places, length: int) -> tuple[int, int]:
    """The source pixels read by sampling at these positions, with room for neighbours."""
    first = min(max(0, math.floor(places[0]) - 2), length - 1)
    return first, max(first + 1, min(length, math.ceil(places[-1]) + 3))


def _image(rgb: RgbImage, curve: Curve | None) -> QImage:
    bgra = np.ascontiguousarray(cv2.cvtColor(rgb, cv2.COLOR_RGB2BGRA), np.uint8)
    if curve is not None:
        bgra = np.ascontiguousarray(painted(bgra, curve))
    height, width = bgra.shape[:2]
    return QImage(bgra.data, width, height, bgra.strides[0], QImage.Format.Format_RGB32).copy()


def _past(deadline: float) -> bool:
    return perf_counter() >= deadline
