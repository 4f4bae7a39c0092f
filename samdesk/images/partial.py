"""PartialImage: what there is of an image while it is decoded."""

from __future__ import annotations

from dataclasses import dataclass, replace
from threading import Lock

import numpy as np
from numpy.typing import NDArray

from samdesk.base.cv import cv2
from samdesk.domain.geometry.types import RgbImage

_SIDE = 512
"""Longer side of a coarse image, pixels, at most twice."""
_MARKS = 64
_MARK = np.frombuffer(b"\x01\xfe\x9d\x03\xc5\x6e\x0b\xd7\x2a\x91\x4c\xe3", np.uint8).reshape(4, 3)
"""Four pixels that stand in some rows until these are decoded."""
_BLANK = 48
"""Grey of pixels that are not decoded yet, with no coarse image."""


@dataclass(frozen=True, eq=False)
class CoarseImage:
    """A small version of an image that is being decoded.

    Attributes:
        size: Width and height of the upright image, pixels.
        pixels: (h, w, 3) uint8 RGB, upright; None while there is nothing.
        share: The share of the image that is decoded, 0..1; 0 while that is not known.
    """

    size: tuple[int, int]
    pixels: RgbImage | None = None
    share: float = 0.0


class DecodeTarget:
    """The array that a decoder fills from top to bottom, and how far it has come."""

    def __init__(self, width: int, height: int) -> None:
        """Creates the array of an image of ``width`` by ``height`` pixels, at least 64 rows."""
        self.array: NDArray[np.uint8] = np.zeros((height, width, 3), np.uint8)
        self._rows = np.linspace(0, height - 1, _MARKS).astype(int) // 8 * 8  # rows of an interlaced pass
        for row in self._rows:
            self.array[row, : len(_MARK)] = _MARK

    @property
    def share(self) -> float:
        """The share of rows that are decoded, 0..1."""
        left = sum(np.array_equal(self.array[row, : len(_MARK)], _MARK) for row in self._rows)
        return 1 - left / len(self._rows)

    def subsampled(self) -> tuple[NDArray[np.uint8], int]:
        """The image at a coarse scale, and how many of its rows are decoded."""
        height, width = self.array.shape[:2]
        step = max(1, max(height, width) // _SIDE // 8) * 8
        small = self.array[::step, ::step]
        return np.ascontiguousarray(small), int(self.share * len(small))


class PartialImage:
    """What there is of an image while a thread decodes it; others look at it meanwhile. Thread-safe."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._coarse: CoarseImage | None = None
        self._target: DecodeTarget | None = None
        self._orientation = 1

    def begin(self, width: int, height: int) -> None:
        """Sets the size of the upright image, pixels: it is being decoded."""
        with self._lock:
            self._coarse = CoarseImage((width, height))

    def set_coarse(self, pixels: RgbImage) -> None:
        """Sets a small version of the upright image, (h, w, 3) uint8 RGB."""
        with self._lock:
            if self._coarse is not None:
                self._coarse = replace(self._coarse, pixels=pixels)

    def set_target(self, target: DecodeTarget | None, orientation: int = 1) -> None:
        """Sets what is being filled, and its EXIF orientation; None: it is filled no longer."""
        with self._lock:
            self._target, self._orientation = target, orientation

    def look(self) -> CoarseImage | None:
        """What there is now; None if the image is small, or not begun."""
        with self._lock:
            coarse, target, orientation = self._coarse, self._target, self._orientation
        if coarse is None or target is None:
            return coarse
        pixels, rows = target.subsampled()
        if rows == 0:
            return coarse
        if rows < len(pixels):
            pixels[rows:] = (
                _BLANK if coarse.pixels is None else _like(coarse.pixels, pixels, orientation)[rows:]
            )
        return replace(coarse, pixels=upright(pixels, orientation), share=target.share)


def upright(pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """An image as stored, (H, W, 3), rotated and mirrored as EXIF says (1 to 8)."""
    if orientation in (5, 6, 7, 8):
        pixels = np.asarray(cv2.transpose(pixels), np.uint8)
    flip = {2: 1, 3: -1, 4: 0, 6: 1, 7: -1, 8: 0}.get(orientation)
    return pixels if flip is None else np.asarray(cv2.flip(pixels, flip), np.uint8)


def _like(coarse: RgbImage, pixels: NDArray[np.uint8], orientation: int) -> NDArray[np.uint8]:
    """A coarse upright image as stored, in the size of ``pixels``."""
    back = {6: 8, 8: 6}.get(orientation, orientation)
    height, width = pixels.shape[:2]
    return np.asarray(cv2.resize(upright(coarse, back), (width, height)), np.uint8)
