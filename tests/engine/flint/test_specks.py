"""Specks and pinholes go, except where someone clicked."""

from __future__ import annotations

import numpy as np
import pytest

from samdesk.domain.geometry.types import BoolArray, FloatArray, Frame
from samdesk.domain.prompts import PointPrompt
from samdesk.engine.flint.specks import without_crumbs

FRAME = Frame(100.0, 50.0, 64.0, 64.0)
"""One image pixel a cell."""


def drawn() -> FloatArray:
    """A square of 40 cells a side with a speck beside it, a pinhole and a window in it."""
    logits = np.full((64, 64), -2.0, np.float32)
    logits[4:44, 4:44] = 3.0
    logits[60:62, 60:62] = 1.0
    logits[10, 10:12] = -1.0
    logits[20:30, 20:30] = -1.0
    return logits


def mask(logits: FloatArray) -> BoolArray:
    return np.asarray(logits > 0)


def test_specks_and_pinholes_go_and_windows_stay() -> None:
    whole = mask(without_crumbs(drawn(), FRAME))
    assert not whole[60:62, 60:62].any()
    assert whole[10, 10:12].all()
    assert not whole[20:30, 20:30].any()
    assert whole[4:44, 4:44].sum() == 40 * 40 - 100


@pytest.mark.parametrize("logit", [0.0, -1.0])
def test_a_hole_of_any_logit_is_filled(logit: float) -> None:
    logits = drawn()
    logits[10, 10:12] = logit
    assert mask(without_crumbs(logits, FRAME))[10, 10:12].all()


def test_what_was_clicked_is_meant() -> None:
    on_speck, in_pinhole = PointPrompt(160.5, 110.5), PointPrompt(110.5, 60.5, positive=False)
    kept = without_crumbs(drawn(), FRAME, [on_speck, in_pinhole])
    assert (mask(kept) == mask(drawn())).all()


def test_a_click_outside_the_look_is_no_matter() -> None:
    far = [PointPrompt(-1000.0, 60.0), PointPrompt(164.0, 114.0)]
    assert not mask(without_crumbs(drawn(), FRAME, far))[60:62, 60:62].any()


def test_a_mask_without_crumbs_and_an_empty_one_are_as_they_were() -> None:
    clean, empty = np.full((8, 8), 2.0, np.float32), np.full((8, 8), -2.0, np.float32)
    assert without_crumbs(clean, FRAME) is clean
    assert without_crumbs(empty, FRAME) is empty
