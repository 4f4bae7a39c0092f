"""Captured graphs of the decoder: each replay uses its own inputs; a failed capture falls back to eager.

Only a GPU has CUDA graphs. Here a capturer with the same contract runs the work again on the static tensors.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from samdesk.engine.sam.decoder import cuda_graphs
from samdesk.engine.sam.decoder.cuda_graphs import DecoderInputs, EagerRunner, GraphRunner, Replay, runner_for
from samdesk.engine.sam.decoder.decoder import Decoder, ImageFeatures
from tests.helpers.networks import seeded_network


class RerunCapturer:
    """Replays captured work by running it again and copying the result to the static output."""

    def __init__(self, fail: bool = False, wrong: bool = False) -> None:
        self.captured = self.replayed = 0
        self.fail, self.wrong = fail, wrong

    def capture(self, work: Callable[[], Any]) -> tuple[Any, Replay]:
        if self.fail:
            raise RuntimeError("operation not permitted when stream is capturing")
        self.captured += 1
        outputs = tuple(torch.full_like(x, float("nan")) for x in work())  # capturing computes nothing

        def replay() -> None:
            self.replayed += 1
            for output, result in zip(outputs, work(), strict=True):
                output.copy_(result * (2 if self.wrong else 1))

        return outputs, replay

    def to_host(self, tensors: tuple[torch.Tensor, ...]) -> tuple[torch.Tensor, ...]:
        return tuple(x.clone() for x in tensors)


@pytest.fixture(autouse=True)
def no_gradients() -> Any:
    with torch.inference_mode():
        yield


@pytest.fixture(scope="module")
def decoder() -> Decoder:
    module = seeded_network("mobile_sam")
    with torch.inference_mode():
        return Decoder(module.prompt_encoder, module.mask_decoder, torch.float32)


@pytest.fixture(scope="module")
def images(decoder: Decoder) -> list[ImageFeatures]:
    random = torch.Generator().manual_seed(0)
    with torch.inference_mode():
        return [decoder.prepare_image(torch.randn(1, 256, 64, 64, generator=random)) for _ in range(2)]


def point_inputs(count: int, seed: int, mask: bool = False, multimask: bool = True) -> DecoderInputs:
    random = torch.Generator().manual_seed(seed)
    masks = torch.randn(1, 1, 256, 256, generator=random) * 5 if mask else None
    return DecoderInputs(
        torch.rand(1, count, 2, generator=random) * 1024, torch.ones(1, count), masks, multimask
    )


def same(found: tuple[torch.Tensor, ...], expected: tuple[torch.Tensor, ...]) -> bool:
    return all(torch.allclose(x, y, atol=1e-4) for x, y in zip(found, expected, strict=True))


def test_each_prompt_and_image_gets_its_own_masks(decoder: Decoder, images: list[ImageFeatures]) -> None:
    capturer = RerunCapturer()
    runner, eager = GraphRunner(decoder, capturer), EagerRunner(decoder)
    all_inputs = [
        point_inputs(2, 1),
        point_inputs(2, 2),
        point_inputs(3, 3),
        point_inputs(2, 4, mask=True),
        point_inputs(2, 5, multimask=False),
    ]
    kept = []
    for image in (*images, images[0]):
        for inputs in all_inputs:
            found = runner(image, inputs)
            assert same(found, eager(image, inputs))
            kept.append((found, eager(image, inputs)))
    assert capturer.captured == 4
    assert capturer.replayed == 15, "the first replay of each graph is compared with the eager result"
    assert all(same(found, expected) for found, expected in kept), "a result changed after it was returned"


def box_inputs(count: int, seed: int) -> DecoderInputs:
    random = torch.Generator().manual_seed(seed)
    corners = torch.rand(count, 2, 2, generator=random) * 1024
    return DecoderInputs(corners, torch.tensor([[2.0, 3.0]]).expand(count, 2), None, False)


def test_batches_are_padded_to_few_sizes(decoder: Decoder, images: list[ImageFeatures]) -> None:
    capturer = RerunCapturer()
    runner, eager = GraphRunner(decoder, capturer), EagerRunner(decoder)
    for seed, count in enumerate((3, 8, 2, 5, 1)):
        inputs = box_inputs(count, seed)
        found = runner(images[seed % 2], inputs)
        assert found[0].shape == (count, 1, 256, 256)
        assert same(found, eager(images[seed % 2], inputs))
    assert capturer.captured == 2, "for one object and for eight"


def test_very_many_objects_and_points_run_eagerly(decoder: Decoder, images: list[ImageFeatures]) -> None:
    capturer = RerunCapturer()
    runner = GraphRunner(decoder, capturer)
    assert runner(images[0], box_inputs(33, 1))[0].shape == (33, 1, 256, 256)
    runner(images[0], point_inputs(60, 1))
    assert capturer.captured == 0


@pytest.mark.parametrize("fault", [{"fail": True}, {"wrong": True}])
@pytest.mark.logs("decoder.cuda_graphs: ")
def test_a_failed_or_wrong_capture_falls_back_to_eager(
    decoder: Decoder, images: list[ImageFeatures], fault: dict[str, bool]
) -> None:
    capturer = RerunCapturer(**fault)
    runner, eager = GraphRunner(decoder, capturer), EagerRunner(decoder)
    for seed in range(3):
        assert same(runner(images[0], point_inputs(2, seed)), eager(images[0], point_inputs(2, seed)))
    assert capturer.replayed <= 1


def test_the_number_of_graphs_is_limited(
    decoder: Decoder, images: list[ImageFeatures], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cuda_graphs, "_MAX_GRAPHS", 3)
    capturer = RerunCapturer()
    runner = GraphRunner(decoder, capturer)
    for count in (1, 2, 3, 4, 4):
        runner(images[0], point_inputs(count, count))
    assert capturer.captured == 4
    runner(images[0], point_inputs(1, 0))
    assert capturer.captured == 5, "the first graph was dropped for the fourth"


def test_a_cpu_runs_eagerly(decoder: Decoder) -> None:
    assert isinstance(runner_for(decoder), EagerRunner)
