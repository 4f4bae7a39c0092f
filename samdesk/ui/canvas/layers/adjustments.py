"""Adjustments: brightness, contrast, gamma and equalised tones of the image on the canvas, for the eye only.

Neither the file nor the pixels that a model gets are changed: a tone curve is applied to what is painted.
"""

from __future__ import annotations

from dataclasses import asdict, dataclass, fields
from typing import Any

import numpy as np
from numpy.typing import NDArray

from samdesk.base import json_file
from samdesk.base.cv import cv2
from samdesk.domain.geometry.types import RgbImage

Curve = NDArray[np.uint8]
"""(256,): the tone painted for each tone of the image."""
_MOST_OF_A_TONE = 4.0
"""Equalising counts a tone at most this many times the mean: a black border must not take all contrast."""
LIMITS = {"brightness": (-100, 100), "contrast": (-100, 100), "gamma": (20, 500)}


@dataclass(frozen=True)
class Adjustments:
    """How the image is shown.

    Attributes:
        brightness: -100..100; 0: as it is.
        contrast: -100..100; 0: as it is.
        gamma: Per cent, 20..500; 100: as it is; more lightens the shadows.
        equalise: Whether the tones are spread so that each range of them covers as much of the image.
    """

    brightness: int = 0
    contrast: int = 0
    gamma: int = 100
    equalise: bool = False

    @property
    def neutral(self) -> bool:
        """Whether the image is shown as it is."""
        return self == Adjustments()

    def curve(self, image: RgbImage) -> Curve:
        """Returns the tone curve for an image, (H, W, 3) uint8; a small version of it will do."""
        tones = _equalised(image) if self.equalise else np.linspace(0.0, 1.0, 256)
        tones = tones ** (100.0 / self.gamma)
        share = self.contrast / 100
        slope = 1 + share if share <= 0 else 1 / (1 - 0.95 * share)
        tones = (tones - 0.5) * slope + 0.5 + self.brightness / 200
        return np.asarray(np.round(np.clip(tones, 0, 1) * 255), np.uint8)

    def text(self) -> str:
        """The adjustments as JSON; "" if neutral."""
        return "" if self.neutral else json_file.to_bytes(asdict(self)).decode().strip()

    @classmethod
    def from_text(cls, text: str | None) -> Adjustments:
        """Reads what ``text`` returns; of anything else, what is usable of it."""
        try:
            value = json_file.parse_object(text or "{}")
        except json_file.JsonError:
            return cls()
        return cls(**{f.name: _valid(f.name, value[f.name]) for f in fields(cls) if f.name in value})

    @property
    def words(self) -> str:
        """What is adjusted: "brightness +20, gamma 1.4"; "" if neutral."""
        parts = []
        if self.brightness:
            parts.append(f"brightness {signed(self.brightness)}")
        if self.contrast:
            parts.append(f"contrast {signed(self.contrast)}")
        if self.gamma != 100:
            parts.append(f"gamma {self.gamma / 100:.2f}")
        if self.equalise:
            parts.append("equalised")
        return ", ".join(parts)


def signed(number: int) -> str:
    """A number with its sign, as it is typeset: "+20", "−5", "0"."""
    return f"{number:+d}".replace("-", "−") if number else "0"


def painted(bgra: NDArray[np.uint8], curve: Curve) -> NDArray[np.uint8]:
    """(h, w, 4) BGRA with a tone curve applied to all but its alpha."""
    table = np.empty((1, 256, 4), np.uint8)
    table[0, :, :3] = curve[:, None]
    table[0, :, 3] = np.arange(256)
    return np.asarray(cv2.LUT(bgra, table), np.uint8)


def _equalised(image: RgbImage) -> NDArray[np.float64]:
    grey = cv2.cvtColor(np.ascontiguousarray(image), cv2.COLOR_RGB2GRAY)
    counts = np.bincount(grey.ravel(), minlength=256).astype(np.float64)
    if np.count_nonzero(counts) < 2:
        return np.linspace(0.0, 1.0, 256)
    counts = np.minimum(counts, _MOST_OF_A_TONE * counts.mean())
    total = np.cumsum(counts)
    return np.asarray((total - total[0]) / max(total[-1] - total[0], 1.0))


def _valid(name: str, value: Any) -> Any:
    neutral = getattr(Adjustments(), name)
    if type(value) is not type(neutral):
        return neutral
    low, high = LIMITS.get(name, (0, 1))
    return min(max(value, low), high) if name in LIMITS else value
