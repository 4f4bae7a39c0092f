"""Images that a camera has taken while it moved, and objects on them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageFilter

from tests.helpers.desk import SIZE


def scene(seed: int = 0, size: tuple[int, int] = (600, 400)) -> Image.Image:
    """A picture with texture everywhere, larger than what the camera sees at once."""
    rng = np.random.default_rng(seed)
    coarse = rng.integers(0, 255, (size[1] // 8, size[0] // 8, 3), dtype=np.uint8)
    fine = rng.integers(0, 255, (size[1] // 3, size[0] // 3, 3), dtype=np.uint8)
    large, small = (Image.fromarray(a).resize(size, Image.Resampling.BICUBIC) for a in (coarse, fine))
    return Image.blend(large, small, 0.4).filter(ImageFilter.GaussianBlur(1))


def pan(
    folder: Path, offsets: Sequence[tuple[int, int]], seed: int = 0, size: tuple[int, int] = SIZE
) -> Path:
    """Writes 0.png, 1.png, ...: what the camera sees of a scene from places relative to the first, pixels."""
    folder.mkdir(parents=True, exist_ok=True)
    whole = scene(seed)
    for i, (dx, dy) in enumerate(offsets):
        x, y = 120 + dx, 80 + dy
        whole.crop((x, y, x + size[0], y + size[1])).save(folder / f"{i}.png")
    return folder
