"""Specks and pinholes are removed, except under point prompts."""

from __future__ import annotations

import numpy as np
import pytest

from samdesk.domain.geometry.types import BoolArray, FloatArray, Frame
from samdesk.domain.prompts import PointPrompt
from samdesk.engine.flint.specks import remove_specks

FRAME = Frame(100.0, 50.0, 64.0, 64.0)
"""One image pixel per cell."""


def drawn() -> FloatArray:
    """Returns a square of 40 x 40 cells with a speck beside it, and a pinhole and a hole in it."""
    logits = np.full((64, 64), -2.0, np.float32)
    logits[4:44, 4:44] = 3.0
    logits[60:62, 60:62] = 1.0
    logits[10, 10:12] = -1.0
    logits[20:30, 20:30] = -1.0
    return logits


def mask(logits: FloatArray) -> BoolArray:
    return np.asarray(logits > 0)


def test_specks_and_pinholes_are_removed_and_holes_are_kept() -> None:
    whole = mask(remove_specks(drawn(), FRAME))
    assert not whole[60:62, 60:62].any()
    assert whole[10, 10:12].all()
    assert not whole[20:30, 20:30].any()
    assert whole[4:44, 4:44].sum() == 40 * 40 - 100


@pytest.mark.parametrize("logit", [0.0, -1.0])
def test_a_hole_of_any_logit_is_filled(logit: float) -> None:
    logits = drawn()
    logits[10, 10:12] = logit
    assert mask(remove_specks(logits, FRAME))[10, 10:12].all()


def test_specks_under_point_prompts_are_kept() -> None:
    on_speck, in_pinhole = PointPrompt(160.5, 110.5), PointPrompt(110.5, 60.5, positive=False)
    kept = remove_specks(drawn(), FRAME, [on_speck, in_pinhole])
    assert (mask(kept) == mask(drawn())).all()


def test_points_outside_the_crop_have_no_effect() -> None:
    far = [PointPrompt(-1000.0, 60.0), PointPrompt(164.0, 114.0)]
    assert not mask(remove_specks(drawn(), FRAME, far))[60:62, 60:62].any()


def test_a_mask_remove_specks_and_an_empty_one_are_as_they_were() -> None:
    clean, empty = np.full((8, 8), 2.0, np.float32), np.full((8, 8), -2.0, np.float32)
    assert remove_specks(clean, FRAME) is clean
    assert remove_specks(empty, FRAME) is empty
