"""The mask prompt of a decode is the mask of the prompts before."""

from __future__ import annotations

import numpy as np

from samdesk.domain.geometry.types import Frame
from samdesk.domain.prompts import BoxPrompt, MaskPrompt, PointPrompt, PromptSet
from samdesk.ui.prompting.feedback import MaskFeedback

ONE, TWO, THREE = PointPrompt(1, 1), PointPrompt(2, 2), PointPrompt(3, 3, positive=False)
BOX = BoxPrompt(0, 0, 9, 9)


def mask() -> MaskPrompt:
    return MaskPrompt(np.zeros((256, 256), np.float32), Frame(0, 0, 10))


def test_the_first_prompt_has_no_mask() -> None:
    assert MaskFeedback().with_mask(PromptSet((ONE,))).mask is None


def test_each_point_refines_the_answer_before() -> None:
    feedback, first, second = MaskFeedback(), mask(), mask()
    feedback.add(PromptSet((ONE,)), first)
    assert feedback.with_mask(PromptSet((ONE, TWO))).mask is first
    feedback.add(PromptSet((ONE, TWO), mask=first), second)
    assert feedback.with_mask(PromptSet((ONE, TWO, THREE))).mask is second


def test_undoing_a_point_uses_the_answer_before_it() -> None:
    feedback, first, second = MaskFeedback(), mask(), mask()
    feedback.add(PromptSet((ONE,)), first)
    feedback.add(PromptSet((ONE, TWO)), second)
    assert feedback.with_mask(PromptSet((ONE, TWO))).mask is first
    assert feedback.with_mask(PromptSet((ONE,))).mask is None


def test_another_box_or_a_moved_point_has_no_mask() -> None:
    feedback = MaskFeedback()
    feedback.add(PromptSet((ONE,), BOX), mask())
    assert feedback.with_mask(PromptSet((ONE, TWO), BoxPrompt(1, 1, 5, 5))).mask is None
    assert feedback.with_mask(PromptSet((THREE, TWO), BOX)).mask is None
    assert feedback.with_mask(PromptSet((ONE, TWO), BOX)).mask is not None


def test_a_box_around_a_point_keeps_the_points_answer_only_with_one_more_point() -> None:
    feedback, first = MaskFeedback(), mask()
    feedback.add(PromptSet((ONE,)), first)
    assert feedback.with_mask(PromptSet((ONE,), BOX)).mask is None
    assert feedback.with_mask(PromptSet((ONE, TWO), BOX)).mask is first


def test_a_seed_is_refined_by_the_first_prompt_and_removed_by_clear() -> None:
    feedback, seed = MaskFeedback(), mask()
    feedback.seed(seed)
    assert feedback.with_mask(PromptSet((ONE,))).mask is seed
    feedback.clear()
    assert feedback.with_mask(PromptSet((ONE,))).mask is None
