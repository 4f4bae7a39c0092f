"""The photos that both sides are given."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

import numpy as np

from samdesk.base.cv import cv2
from samdesk.bench.objects import hands
from samdesk.bench.script import Hand
from samdesk.domain.geometry.types import RgbImage
from samdesk.images.reader import read_image


@dataclass(frozen=True, eq=False)
class Photo:
    """A photo in memory.

    Attributes:
        name: Its file's.
        rgb: (H, W, 3) uint8.
        hand: Knows where its objects are.
        path: Its file; None: it was made here.
    """

    name: str
    rgb: RgbImage
    hand: Hand
    path: Path | None = None

    @property
    def hw(self) -> tuple[int, int]:
        """Height and width, pixels."""
        return self.rgb.shape[0], self.rgb.shape[1]

    @cached_property
    def bgr(self) -> RgbImage:
        """As Ultralytics takes it; made before the clock runs."""
        return np.ascontiguousarray(self.rgb[..., ::-1])


def read(paths: Sequence[Path]) -> tuple[Photo, ...]:
    """The photos of these files. Raises ``ImageError``."""
    images = [read_image(path) for path in paths]
    return tuple(
        Photo(path.name, image, hand, path)
        for path, image, hand in zip(paths, images, hands(images), strict=True)
    )


def of_size(photo: Photo, megapixels: float) -> Photo:
    """The photo stretched to 4:3 and so many millions of pixels."""
    height = round((megapixels * 1e6 * 3 / 4) ** 0.5)
    width = round(height * 4 / 3)
    large = cv2.resize(photo.rgb, (width, height), interpolation=cv2.INTER_LINEAR)
    nowhere = np.empty((0, 4))  # the hand goes to random places
    return Photo(f"{megapixels:g} MP", np.asarray(large, np.uint8), Hand(nowhere, (height, width), 0))
