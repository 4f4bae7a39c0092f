"""Both sides get the same prompts: Ultralytics' predictor, the stock network and samdesk agree."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from samdesk.bench.prompt_sampler import PromptSampler
from samdesk.bench.seeded import Checkpoint, save_seeded
from samdesk.bench.versus.images import BenchImage, resized_to
from samdesk.bench.versus.reference import UltralyticsSide
from samdesk.bench.versus.samdesk_side import SamdeskSide
from samdesk.bench.versus.shapes import Shapes, padded, shapes
from samdesk.bench.versus.stock import Stock
from samdesk.domain.geometry.rasters import logits_to_raster
from samdesk.domain.prompts import BoxPrompt, MaskPrompt, PointPrompt, PromptSet
from tests.helpers.coco import raster_iou

THREE = PromptSet((PointPrompt(500, 400), PointPrompt(540, 420), PointPrompt(100, 90, positive=False)))
BOX = PromptSet(box=BoxPrompt(200, 150, 700, 800))


@pytest.fixture(scope="module", params=["mobile_sam", "sam2_t"])
def checkpoint(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Checkpoint:
    path = tmp_path_factory.mktemp("weights") / f"{request.param}.pt"
    save_seeded(request.param, path)
    return Checkpoint(path.name, str(path), random=True)


@pytest.fixture(scope="module")
def image() -> BenchImage:
    """As large as the networks' input: it is not resized, so the resizing methods do not matter. Not grey."""
    rows, columns = np.mgrid[:1024, :1024]
    pixels = np.stack([rows / 4, columns / 4, np.hypot(rows - 400, columns - 500) / 6], 2)
    return BenchImage("square", pixels.astype(np.uint8), PromptSampler(np.empty((0, 4)), (1024, 1024), 0))


class RecordingUltralyticsSide(UltralyticsSide):
    """Records the logits of Ultralytics' network."""

    def _inference(self, image: torch.Tensor, *arguments: object, **options: object) -> object:
        self.logits, _ = self._infer(image, *arguments, **options)
        return super()._inference(image, *arguments, **options)


def test_ultralytics_the_stock_network_and_samdesk_give_the_same_logits(
    checkpoint: Checkpoint, image: BenchImage
) -> None:
    drawn = shapes(None)
    reference = RecordingUltralyticsSide(Path(checkpoint.source), "cpu", True, drawn)
    stock = Stock(reference.network, checkpoint.name.startswith("sam2"), "cpu")
    samdesk = SamdeskSide.load(checkpoint, "cpu", "fp32", drawn)
    features = stock.encode(image.rgb)
    frame = samdesk.embedding(image).frame
    (logits,) = drawn.some(0, 1, frame, image.hw)
    for prompts in (THREE, BOX, PromptSet(THREE.points, mask=MaskPrompt(logits, frame))):
        wanted, _, timing = stock.logits(features, prompts, image.hw)
        assert timing.ms > 0
        reference.mask(image, prompts, turn=0)
        assert reference.logits.shape == (3, 256, 256)  # points of one object, not an object each
        np.testing.assert_allclose(reference.logits.clamp(-32, 32), wanted, atol=1e-4)
        for candidate in samdesk.predictor.predict(samdesk.embedding(image), prompts):
            assert min(np.abs(candidate.logits - each).max() for each in wanted) < 1e-4


def test_what_ultralytics_is_timed_on_is_masks_of_the_whole_image(tmp_path: Path) -> None:
    path = tmp_path / "mobile_sam.pt"
    save_seeded("mobile_sam", path)
    drawn = shapes(None)
    threads = torch.get_num_threads()
    reference = UltralyticsSide(path, "cpu", True, drawn)
    assert torch.get_num_threads() == threads  # Ultralytics takes one for itself
    image = resized_to(
        BenchImage("grey", np.full((60, 80, 3), 90, np.uint8), PromptSampler(np.empty((0, 4)), (60, 80), 0)),
        0.5,
    )
    timing = reference.mask(image, PromptSet((PointPrompt(300, 200),)), turn=4, polygons=True)
    (result,) = reference._predictor.results
    assert timing.network_ms is not None
    assert 0 < timing.network_ms < timing.ms
    assert result.masks.data.shape == (3, *image.hw)
    assert all(len(ring) > 10 for ring in result.masks.xy)
    for mask, logits in zip(
        result.masks.data.numpy(), drawn.some(12, 3, padded(image.hw), image.hw), strict=True
    ):
        assert raster_iou(mask, logits_to_raster(logits, padded(image.hw), image.hw)) > 0.98
    reference.boxes(image, np.array([[10, 10, 90, 90], [50, 60, 300, 200.0]]), turn=0)
    (result,) = reference._predictor.results
    assert result.masks.data.shape == (2, *image.hw)


def test_outlines_of_noise_are_those_of_shapes(tmp_path: Path) -> None:
    path = tmp_path / "mobile_sam.pt"
    save_seeded("mobile_sam", path)
    drawn: Shapes = shapes(None)
    image = BenchImage(
        "grey", np.full((60, 80, 3), 90, np.uint8), PromptSampler(np.empty((0, 4)), (60, 80), 0)
    )
    for random in (True, False):
        samdesk = SamdeskSide.load(Checkpoint("mobile_sam.pt", str(path), random), "cpu", "fp32", drawn)
        embedding = samdesk.embedding(image)
        found = samdesk.predictor.predict(embedding, PromptSet((PointPrompt(30, 20),)))
        shown = samdesk.plausible(found, turn=2)
        wanted = drawn.some(6, 3, embedding.frame, image.hw)
        same = [np.array_equal(c.logits, w) for c, w in zip(shown, wanted, strict=True)]
        assert all(same) if random else not any(same)
        timing = samdesk.mask(embedding, PromptSet((PointPrompt(30, 20),)), turn=0)
        assert timing.network_ms is not None
        assert 0 < timing.network_ms < timing.ms
