"""Recorded decodes: that the right input reaches them, and that a recorder that fails costs nothing.

Only a GPU has graphs. Here a recorder of the same manners does the work again on the same places.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
import torch

from samdesk.engine.sam.decoder import cuda_graphs
from samdesk.engine.sam.decoder.cuda_graphs import PlainRunner, Prompted, RecordedRunner, Replay, runner_for
from samdesk.engine.sam.decoder.decoder import Decoder, ImageSide
from tests.helpers.networks import seeded_network


class PlaceRecorder:
    """Does recorded work again and puts the result where the first one was, as a graph does."""

    def __init__(self, fail: bool = False, wrong: bool = False) -> None:
        self.recorded = self.replayed = 0
        self.fail, self.wrong = fail, wrong

    def record(self, work: Callable[[], Any]) -> tuple[Any, Replay]:
        if self.fail:
            raise RuntimeError("operation not permitted when stream is capturing")
        self.recorded += 1
        places = tuple(torch.full_like(x, float("nan")) for x in work())  # recording computes nothing

        def replay() -> None:
            self.replayed += 1
            for place, found in zip(places, work(), strict=True):
                place.copy_(found * (2 if self.wrong else 1))

        return places, replay

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
def images(decoder: Decoder) -> list[ImageSide]:
    random = torch.Generator().manual_seed(0)
    with torch.inference_mode():
        return [decoder.image_side(torch.randn(1, 256, 64, 64, generator=random)) for _ in range(2)]


def clicks(count: int, seed: int, mask: bool = False, multimask: bool = True) -> Prompted:
    random = torch.Generator().manual_seed(seed)
    masks = torch.randn(1, 1, 256, 256, generator=random) * 5 if mask else None
    return Prompted(torch.rand(1, count, 2, generator=random) * 1024, torch.ones(1, count), masks, multimask)


def same(found: tuple[torch.Tensor, ...], wanted: tuple[torch.Tensor, ...]) -> bool:
    return all(torch.allclose(x, y, atol=1e-4) for x, y in zip(found, wanted, strict=True))


def test_each_prompt_and_image_gets_its_own_masks(decoder: Decoder, images: list[ImageSide]) -> None:
    recorder = PlaceRecorder()
    recorded, plain = RecordedRunner(decoder, recorder), PlainRunner(decoder)
    asked = [clicks(2, 1), clicks(2, 2), clicks(3, 3), clicks(2, 4, mask=True), clicks(2, 5, multimask=False)]
    kept = []
    for image in (*images, images[0]):
        for one in asked:
            found = recorded(image, one)
            assert same(found, plain(image, one))
            kept.append((found, plain(image, one)))
    assert recorder.recorded == 4
    assert recorder.replayed == 15, "each first one is replayed, too, to be compared"
    assert all(same(found, wanted) for found, wanted in kept), "an answer changed after it was given"


def test_many_objects_and_very_many_points_go_plainly(decoder: Decoder, images: list[ImageSide]) -> None:
    recorder = PlaceRecorder()
    runner = RecordedRunner(decoder, recorder)
    boxes = Prompted(torch.rand(3, 2, 2) * 1024, torch.tensor([[2.0, 3.0]]).expand(3, 2), None, False)
    assert runner(images[0], boxes)[0].shape == (3, 1, 256, 256)
    runner(images[0], clicks(60, 1))
    assert recorder.recorded == 0


@pytest.mark.parametrize("trouble", [{"fail": True}, {"wrong": True}])
def test_where_recording_fails_or_is_wrong_all_goes_on_plainly(
    decoder: Decoder, images: list[ImageSide], trouble: dict[str, bool]
) -> None:
    recorder = PlaceRecorder(**trouble)
    runner, plain = RecordedRunner(decoder, recorder), PlainRunner(decoder)
    for seed in range(3):
        assert same(runner(images[0], clicks(2, seed)), plain(images[0], clicks(2, seed)))
    assert recorder.replayed <= 1


def test_only_so_many_kinds_are_kept(
    decoder: Decoder, images: list[ImageSide], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(cuda_graphs, "_MOST_RECORDED", 3)
    recorder = PlaceRecorder()
    runner = RecordedRunner(decoder, recorder)
    for count in (1, 2, 3, 4, 4):
        runner(images[0], clicks(count, count))
    assert recorder.recorded == 4
    runner(images[0], clicks(1, 0))
    assert recorder.recorded == 5, "the first kind was dropped for the fourth"


def test_a_cpu_records_nothing(decoder: Decoder) -> None:
    assert isinstance(runner_for(decoder), PlainRunner)
