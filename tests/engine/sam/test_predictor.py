"""The SAM predictor with a seeded MobileSAM network."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from samdesk.base.jobs import Cancelled, CancelToken
from samdesk.domain.geometry.types import Frame
from samdesk.domain.prompts import BoxPrompt, MaskPrompt, PointPrompt, PromptSet
from samdesk.engine.auto_masks import segment_everything
from samdesk.engine.embedding import Embedding
from samdesk.engine.families import describe
from samdesk.engine.models.load import load_predictor
from samdesk.engine.protocols import EngineError, OutOfMemory
from samdesk.engine.runtime.device import translate_torch_errors
from samdesk.engine.sam.decoder.decoder import DecoderOutput, ImageFeatures
from samdesk.engine.sam.predictor import PromptTensors, SamPredictor
from samdesk.engine.sam.prompts import mask_on_frame
from tests.engine.sam.test_reference import made_up_photo

torch = pytest.importorskip("torch")
PHOTO = made_up_photo(300, 400, 3)
CLICK = PromptSet((PointPrompt(200.0, 150.0),))


@pytest.fixture(scope="module")
def predictor(mobile_sam_checkpoint: Path) -> SamPredictor:
    found = load_predictor(str(mobile_sam_checkpoint), "cpu", "fp32")
    assert isinstance(found, SamPredictor)
    return found


@pytest.fixture(scope="module")
def embedding(predictor: SamPredictor) -> Embedding:
    return predictor.encode(PHOTO)


def test_three_candidates_best_first(predictor: SamPredictor, embedding: Embedding) -> None:
    found = predictor.predict(embedding, CLICK)
    assert len(found) == 3
    assert [c.score for c in found] == sorted((c.score for c in found), reverse=True)
    assert all(c.logits.shape == (256, 256) and c.logits.dtype == np.float32 for c in found)
    assert found[0].frame == Frame(0.0, 0.0, 400.0)
    assert found[0].raster().shape == (300, 400)
    assert len(predictor.predict(embedding, CLICK, multimask=False)) == 1


def test_the_same_prompt_gives_the_same_mask(predictor: SamPredictor, embedding: Embedding) -> None:
    # No hidden state: a prompt in between changes nothing.
    before = predictor.predict(embedding, CLICK)[0].logits.copy()
    predictor.predict(
        embedding, PromptSet(box=BoxPrompt(10, 10, 60, 60), mask=MaskPrompt(before, embedding.frame))
    )
    assert np.array_equal(predictor.predict(embedding, CLICK)[0].logits, before)


def test_an_empty_prompt_set_has_no_candidates(predictor: SamPredictor, embedding: Embedding) -> None:
    assert predictor.predict(embedding, PromptSet()) == []
    assert predictor.predict_boxes(embedding, np.zeros((0, 4))) == []


def test_boxes_keep_their_order(predictor: SamPredictor, embedding: Embedding) -> None:
    boxes = np.array([[10, 10, 120, 90], [200, 40, 390, 290.0]])
    found = predictor.predict_boxes(embedding, boxes)
    for box, candidate in zip(boxes, found, strict=True):
        alone = predictor.predict(embedding, PromptSet(box=BoxPrompt(*box)), multimask=False)[0]
        assert np.abs(candidate.logits - alone.logits).max() < 1e-3


def test_another_models_embedding_is_refused(predictor: SamPredictor, embedding: Embedding) -> None:
    with pytest.raises(EngineError, match="Encode it again"):
        predictor.predict(replace(embedding, model="sam_b.pt:0000"), CLICK)


def test_unsupported_images_are_refused(predictor: SamPredictor) -> None:
    with pytest.raises(EngineError, match="8-bit RGB image"):
        predictor.encode(np.zeros((10, 10), np.uint8))


class SmallDeviceNetwork:
    """A network on a device with memory for two objects."""

    max_logit = None

    def __init__(self, real: SamPredictor) -> None:
        self.real = real.network
        self.decoder = self
        self.device = torch.device("cpu")
        self.batches: list[int] = []

    def scale(self, image_hw: tuple[int, int]) -> tuple[float, float]:
        return self.real.scale(image_hw)

    def points(self, prompts: PromptTensors) -> tuple[torch.Tensor, torch.Tensor] | None:
        return self.real.points(prompts)

    def embed_points(self, points: torch.Tensor, labels: torch.Tensor) -> torch.Tensor:
        return points

    def to_device(self, image: ImageFeatures) -> ImageFeatures:
        return image

    def __call__(
        self, image: ImageFeatures, points: torch.Tensor, mask: None, multimask: bool
    ) -> DecoderOutput:
        count = len(points)
        self.batches.append(count)
        if count > 2:
            raise torch.cuda.OutOfMemoryError("CUDA out of memory. Tried to allocate 2 GiB")
        return DecoderOutput(torch.zeros(count, 1, 256, 256), points[:, 0, :1])


def test_out_of_memory_halves_the_batch(predictor: SamPredictor, embedding: Embedding, monkeypatch) -> None:
    network = SmallDeviceNetwork(predictor)
    small = SamPredictor(network, predictor.info)  # type: ignore[arg-type]
    monkeypatch.setattr(SamPredictor, "batch_size", 8)
    boxes = np.array([[x, 0, x + 5, 5] for x in range(5)], np.float64)
    found = small.predict_boxes(embedding, boxes)
    assert network.batches == [5, 4, 2, 2, 1]
    assert [round(c.score / 2.56) for c in found] == [0, 1, 2, 3, 4]


def test_out_of_memory_is_its_own_error() -> None:
    with (
        pytest.raises(OutOfMemory, match="more memory than cuda:0 has left"),
        translate_torch_errors("It", "cuda:0"),
    ):
        raise torch.cuda.OutOfMemoryError("CUDA out of memory.")
    with pytest.raises(OutOfMemory), translate_torch_errors("It", "cpu"):
        raise RuntimeError("[enforce fail] DefaultCPUAllocator: can't allocate memory: you tried")
    with pytest.raises(EngineError, match="It failed on mps: bad shape"), translate_torch_errors("It", "mps"):
        raise RuntimeError("bad shape\nlong trace")


def test_a_non_finite_embedding_is_refused(predictor: SamPredictor, monkeypatch: pytest.MonkeyPatch) -> None:
    encoder = predictor.network._encoder  # type: ignore[attr-defined]
    monkeypatch.setattr(predictor.network, "_encoder", lambda *args: encoder(*args) / 0)
    with pytest.raises(EngineError, match="NaN or infinite values in fp32"):
        predictor.encode(PHOTO)


def test_a_mask_prompt_of_another_frame_keeps_its_place() -> None:
    # A disc on a view of 100 px at (150, 100), resampled to the whole image.
    yy, xx = np.mgrid[:256, :256]
    disc = np.where((xx - 128) ** 2 + (yy - 128) ** 2 < 64**2, 8.0, -8.0).astype(np.float32)
    whole = Frame(0.0, 0.0, 400.0)
    moved = mask_on_frame(MaskPrompt(disc, Frame(150.0, 100.0, 100.0)), whole)
    rows, columns = np.nonzero(moved > 0)
    centre = (columns.mean() + 0.5) / 256 * 400, (rows.mean() + 0.5) / 256 * 400
    assert centre == pytest.approx((200.0, 150.0), abs=0.5)
    assert len(rows) == pytest.approx(np.pi * (25 / 400 * 256) ** 2, rel=0.05)
    assert moved[0, 0] == -10
    assert np.array_equal(mask_on_frame(MaskPrompt(disc, whole), whole), disc)


def test_bf16_is_close_to_fp32(
    mobile_sam_checkpoint: Path, predictor: SamPredictor, embedding: Embedding
) -> None:
    half = load_predictor(str(mobile_sam_checkpoint), "cpu", "bf16")
    assert half.info.precision == "bf16"
    assert half.info.memory_bytes < 0.8 * predictor.info.memory_bytes  # the decoder's weights stay in fp32
    # A cache may hold the same checkpoint's embeddings in another precision.
    found, wanted = (p.predict(embedding, CLICK)[0].raster() for p in (half, predictor))
    assert (found & wanted).sum() / (found | wanted).sum() > 0.97


def test_model_information_includes_the_encoder(predictor: SamPredictor) -> None:
    info = describe(predictor)
    assert info.parameters == 10_130_092
    assert info.layers > 200
    assert info.gflops == pytest.approx(77.5, abs=1.0)
    assert info.device_title.startswith("CPU, ")


def test_segment_everything(predictor: SamPredictor, embedding: Embedding) -> None:
    seen: list[tuple[int, int]] = []
    found = segment_everything(
        predictor,
        embedding,
        points_per_side=2,
        predicted_iou=-9,
        stability=0.5,
        cancel=CancelToken(),
        progress=lambda done, total: seen.append((done, total)),
    )
    assert seen == [(1, 4), (2, 4), (3, 4), (4, 4)]
    assert found
    assert [c.score for c in found] == sorted((c.score for c in found), reverse=True)
    assert all(c.stability >= 0.5 for c in found)


def test_segment_everything_stops(predictor: SamPredictor, embedding: Embedding) -> None:
    cancel = CancelToken()
    done: list[int] = []

    def progress(count: int, _total: int) -> None:
        done.append(count)
        cancel.cancel()

    with pytest.raises(Cancelled):
        segment_everything(predictor, embedding, points_per_side=4, cancel=cancel, progress=progress)
    assert done == [1]
