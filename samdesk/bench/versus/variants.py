"""Files of many different photos, made of few."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from samdesk.base.cv import cv2
from samdesk.bench.versus.photos import Photo

_LONGEST = 800


def write_variants(photos: Sequence[Photo], count: int, folder: Path) -> Path:
    """Writes ``count`` JPEG files, no two alike, at most 800 pixels a side, and returns their folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        image = photos[number % len(photos)].bgr
        scale = min(1.0, _LONGEST / max(image.shape[:2]))
        small = cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        moved = np.roll(small, (7 * number, 13 * number), (0, 1))
        file = folder / f"{number:04}.jpg"
        file.write_bytes(cv2.imencode(".jpg", moved)[1].tobytes())
    return folder
