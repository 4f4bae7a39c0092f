"""Images that models are tried with, and how their results are compared."""

from __future__ import annotations

import numpy as np

from samdesk.base.cv import cv2
from samdesk.domain.geometry.types import RgbImage
from samdesk.domain.prompts import MaskCandidate

SIZES = ((120, 180), (1, 1), (3, 2), (4, 300), (700, 1000))
"""Height and width, pixels: a usual one, one pixel, tiny, a strip, and large."""
PLACES = ((0.25, 0.3), (0.7, 0.35), (0.45, 0.75))
"""Where the objects of ``picture`` are, as shares of its width and height."""
_ALIKE = 0.03
"""Share of two masks that may differ if they are the same, and of their frames; how much their scores may."""
_NOISE = 4
"""Likewise pixels of any mask."""


def picture(height: int, width: int, seed: int = 0) -> RgbImage:
    """An image of coloured discs and boxes on a noisy ground, (height, width, 3) uint8, writable."""
    rng = np.random.default_rng(seed)
    image = rng.integers(90, 110, (height, width, 3), dtype=np.uint8)
    side = min(height, width)
    for number, (across, down) in enumerate(PLACES):
        radius = max(1, round(side * (0.08 + 0.05 * number)))
        x, y = round(width * across), round(height * down)
        color = tuple(int(c) for c in rng.choice((10, 60, 200, 250), 3))
        if number == 1:
            cv2.rectangle(image, (x - radius, y - radius), (x + radius, y + radius), color, -1)
        else:
            cv2.circle(image, (x, y), radius, color, -1)
    return image


def same_mask(one: MaskCandidate, other: MaskCandidate) -> bool:
    """Whether two candidates are one mask, as far as a network's numbers may differ."""
    frames = np.array([[f.x0, f.y0, f.width, f.height] for f in (one.frame, other.frame)])
    if np.abs(frames[0] - frames[1]).max() > _ALIKE * max(frames[0, 2:].max(), 1):
        return False
    drawn, also = one.logits > 0, other.logits > 0
    different, either = np.count_nonzero(drawn != also), np.count_nonzero(drawn | also)
    return bool(different <= _ALIKE * either + _NOISE and abs(one.score - other.score) <= _ALIKE)
