"""The image that the tests of ``samdesk bench`` use."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image


@pytest.fixture
def image(tmp_path: Path) -> Path:
    """A yellow disc on green, 160 x 120 pixels."""
    rows, columns = np.mgrid[:120, :160]
    pixels = np.full((120, 160, 3), (30, 60, 30), np.uint8)
    pixels[np.hypot(columns - 70, rows - 60) < 40] = (220, 180, 40)
    path = tmp_path / "photos" / "disc.png"
    path.parent.mkdir()
    Image.fromarray(pixels).save(path)
    return path
