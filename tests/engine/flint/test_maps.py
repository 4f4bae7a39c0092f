"""Prompt maps: every prompt is in its channel, at its place."""

import numpy as np
import torch

from samdesk.domain.geometry.types import Frame
from samdesk.domain.prompts import BoxPrompt, MaskPrompt, PointPrompt, PromptSet
from samdesk.engine.flint.crops import square
from samdesk.engine.flint.maps import CHANNELS, prompt_maps
from samdesk.engine.flint.prompting import crop_prompts


def maps(*prompts: PromptSet, frame: Frame | None = None) -> np.ndarray:
    frames = [frame or square(0.0, 0.0, 320.0)] * len(prompts)
    return prompt_maps(crop_prompts(prompts, frames, 320), (80, 80))


def test_points_are_gaussians_at_their_place() -> None:
    result = maps(PromptSet((PointPrompt(40, 80), PointPrompt(200, 240, False))))[0]
    assert result.shape == (CHANNELS, 80, 80)
    assert np.unravel_index(result[0].argmax(), (80, 80)) in {(19, 9), (20, 10), (19, 10), (20, 9)}
    assert result[2].argmax() // 80 in (59, 60)
    assert result[0, 60, 50] < 1e-6
    assert result[1, 22, 12] > result[0, 22, 12] > 0
    assert not result[4:].any()


def test_a_box_is_the_coverage_of_its_cells() -> None:
    result = maps(PromptSet(box=BoxPrompt(10, 20, 100, 60)))[0]
    assert result[4].sum() * 16 == np.float32(90 * 40)
    assert result[4, 5:15, 3:25].min() == 1
    assert result[4, 10, 2] == 0.5
    assert (result[5] == 1).all()
    assert not result[:4].any()


def test_a_box_drawn_from_another_corner_is_the_same() -> None:
    assert np.array_equal(
        maps(PromptSet(box=BoxPrompt(10, 20, 100, 60))), maps(PromptSet(box=BoxPrompt(100, 60, 10, 20)))
    )


def test_prompts_are_placed_relative_to_the_frame() -> None:
    near = maps(PromptSet((PointPrompt(150, 130),)), frame=square(100.0, 100.0, 160.0))[0]
    whole = maps(PromptSet((PointPrompt(100, 60),)))[0]
    assert np.allclose(near, whole, atol=1e-6)


def test_the_previous_mask_is_in_place_and_flagged() -> None:
    logits = np.full((256, 256), -8.0, np.float32)
    logits[64:128, 128:192] = 8
    mask = MaskPrompt(logits, square(0.0, 0.0, 320.0))
    result = maps(PromptSet(mask=mask), PromptSet((PointPrompt(5, 5),)))
    assert (result[0, 7] == 1).all()
    assert result[0, 6, 21:39, 41:59].min() > 0.99
    assert result[0, 6, :19].max() < -0.99
    assert not result[1, 6:].any()


def test_a_batch_has_the_maps_of_each_object() -> None:
    first = PromptSet((PointPrompt(40, 80), PointPrompt(90, 30, False)), BoxPrompt(10, 20, 100, 60))
    second = PromptSet((PointPrompt(300, 10),))
    together = maps(first, second)
    assert np.array_equal(together[:1], maps(first))
    assert np.array_equal(together[1:], maps(second))
    assert torch.isfinite(torch.from_numpy(together)).all()
