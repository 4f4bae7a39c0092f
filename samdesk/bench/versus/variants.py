"""Writes many different image files made from a few images."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np

from samdesk.base.cv import cv2
from samdesk.bench.versus.images import BenchImage

_MAX_SIDE = 800


def write_variants(images: Sequence[BenchImage], count: int, folder: Path) -> Path:
    """Writes ``count`` JPEG files, no two alike, at most 800 pixels a side, and returns their folder."""
    folder.mkdir(parents=True, exist_ok=True)
    for number in range(count):
        bgr = images[number % len(images)].bgr
        scale = min(1.0, _MAX_SIDE / max(bgr.shape[:2]))
        small = cv2.resize(bgr, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        moved = np.roll(small, (7 * number, 13 * number), (0, 1))
        file = folder / f"{number:04}.jpg"
        file.write_bytes(cv2.imencode(".jpg", moved)[1].tobytes())
    return folder
