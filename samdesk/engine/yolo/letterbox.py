"""How YOLO's networks see an image: resized to fit their input, and padded to whole strides."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from samdesk.base.cv import cv2
from samdesk.domain.geometry.types import FloatArray, Frame, RgbImage

_GREY = 114


@dataclass(frozen=True)
class Letterbox:
    """Where an image lies in a network's input.

    Attributes:
        image_hw: Height and width of the image, pixels.
        input_hw: Height and width of the network's input.
    """

    image_hw: tuple[int, int]
    input_hw: tuple[int, int]

    @staticmethod
    def fit(image_hw: tuple[int, int], longest: int, stride: int) -> Letterbox:
        """The smallest input of whole strides that shows an image in the size ``longest``."""
        side = -(-max(longest, 1) // stride) * stride
        gain = min(side / n for n in image_hw)
        height, width = (
            max(round(n * gain), 1) + (side - max(round(n * gain), 1)) % stride for n in image_hw
        )
        return Letterbox(image_hw, (height, width))

    @property
    def gain(self) -> float:
        """Pixels of the input for a pixel of the image."""
        return min(padded / n for padded, n in zip(self.input_hw, self.image_hw, strict=True))

    @property
    def resized_hw(self) -> tuple[int, int]:
        """Height and width of the image in the input; each is rounded by itself."""
        height, width = (max(round(n * self.gain), 1) for n in self.image_hw)
        return height, width

    @property
    def corner(self) -> tuple[int, int]:
        """Left and upper padding; an odd padding is smaller there."""
        resized = self.resized_hw
        top, left = (round((padded - n) / 2 - 0.1) for padded, n in zip(self.input_hw, resized, strict=True))
        return left, top

    @property
    def frame(self) -> Frame:
        """The part of the image plane that the input covers, with its padding."""
        left, top = self.corner
        across, down = self._pixel
        return Frame(-left * across, -top * down, self.input_hw[1] * across, self.input_hw[0] * down)

    def apply(self, image: RgbImage) -> RgbImage:
        """The input, (h, w, 3) uint8 RGB, of an image of this size."""
        height, width = self.resized_hw
        if image.shape[:2] != (height, width):
            image = np.asarray(cv2.resize(image, (width, height), interpolation=cv2.INTER_LINEAR), np.uint8)
        left, top = self.corner
        padded = np.full((*self.input_hw, 3), _GREY, np.uint8)
        padded[top : top + height, left : left + width] = image
        return padded

    def to_image(self, boxes: FloatArray) -> FloatArray:
        """Boxes of the input, (N, 4) xyxy, in image pixels and clipped to the image."""
        left, top = self.corner
        across, down = self._pixel
        height, width = self.image_hw
        moved = (boxes - (left, top, left, top)) * (across, down, across, down)
        return np.asarray(moved.clip(0, (width, height, width, height)))

    @property
    def _pixel(self) -> tuple[float, float]:
        height, width = self.resized_hw
        return self.image_hw[1] / width, self.image_hw[0] / height
