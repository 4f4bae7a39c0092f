"""Sampled prompts are reproducible and never the same twice."""

from __future__ import annotations

from itertools import pairwise

import numpy as np

from samdesk.bench.prompt_sampler import MIN_OBJECTS, PromptSampler, SampledPrompts

OBJECTS = np.array([[10.0, 20, 110, 90], [150, 40, 260, 200], [3, 3, 9, 9]])
IMAGE_HW = (240, 320)


def samples(count: int = 4, seed: int = 0) -> list[SampledPrompts]:
    sampler = PromptSampler(OBJECTS, IMAGE_HW, seed)
    return [sampler.sample(5) for _ in range(count)]


def test_no_box_is_sampled_twice() -> None:
    boxes = [g.box.xyxy for s in samples() for g in s.interactions]
    boxes += [tuple(box) for s in samples() for box in s.boxes]
    assert len(boxes) == len(set(boxes)) == 4 * (5 + 32)


def test_a_first_click_is_on_another_object_than_the_click_before() -> None:
    clicks = [g.click for s in samples() for g in s.interactions]
    x0, y0, x1, y1 = OBJECTS[0]
    on_it = [x0 < c.x < x1 and y0 < c.y < y1 for c in clicks]
    assert not any(before and now for before, now in pairwise(on_it))
    assert len(set(clicks)) == len(clicks)


def test_all_prompts_are_inside_the_image() -> None:
    for sampled in samples():
        for interaction in sampled.interactions:
            box = interaction.box
            assert 0 <= box.x0 < box.x1 <= 320
            assert 0 <= box.y0 < box.y1 <= 240
            assert box.x0 < interaction.correction.x < box.x1
            for point in (interaction.correction, interaction.click, *interaction.hover):
                assert 0 < point.x < 320
                assert 0 < point.y < 240


def test_the_same_seed_gives_the_same_prompts() -> None:
    assert samples(seed=3)[1].interactions == samples(seed=3)[1].interactions
    assert samples(seed=3)[1].interactions != samples(seed=4)[1].interactions


def test_an_image_without_objects_has_random_boxes() -> None:
    sampler = PromptSampler(np.empty((0, 4)), (48, 64), 0)
    boxes = sampler.sample(1).boxes[:MIN_OBJECTS]
    assert (boxes[:, 2] > boxes[:, 0]).all()
    assert (boxes <= [64, 48, 64, 48]).all()
