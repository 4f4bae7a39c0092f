from __future__ import annotations

import numpy as np

from samdesk.domain.geometry.logits import bounds, mask_bounds
from samdesk.domain.geometry.types import Frame


def test_the_bounds_of_a_mask_end_behind_its_last_row_and_column() -> None:
    mask = np.zeros((4, 6), np.bool_)
    assert mask_bounds(mask) is None
    mask[1:3, 2] = True
    assert mask_bounds(mask) == (2, 1, 3, 3)


def test_bounds_of_logits_are_image_pixels_of_their_frame() -> None:
    logits = np.full((4, 4), -1.0)
    frame = Frame(10, 20, 8)
    assert bounds(logits, frame) is None
    logits[0, 1:3] = 1
    assert bounds(logits, frame) == (12, 20, 16, 22)
    assert bounds(logits, Frame(10, 20, 8, tall=4)) == (12, 20, 16, 21)


def test_bounds_are_clipped_to_the_image() -> None:
    logits = np.ones((4, 4))
    assert bounds(logits, Frame(-2, -4, 20), (9, 12)) == (0, 0, 12, 9)
    assert bounds(logits, Frame(30, 0, 20), (9, 12)) is None
