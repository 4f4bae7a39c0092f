"""Views, tiny and very long images, and prompts outside the image: correct or refused, never a crash."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from samdesk.base.jobs import Cancelled
from samdesk.domain.geometry.types import Frame
from samdesk.domain.prompts import BoxPrompt, MaskPrompt, PointPrompt, PromptSet
from samdesk.engine.models.load import load_predictor
from samdesk.engine.protocols import EngineError
from samdesk.engine.sam.predictor import SamPredictor
from tests.engine.sam.test_reference import made_up_photo
from tests.helpers.networks import save_seeded


@pytest.fixture(scope="module", params=["mobile_sam", "sam2_t"])
def predictor(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> SamPredictor:
    path: Path = save_seeded(request.param, tmp_path_factory.mktemp("weights"))
    found = load_predictor(str(path), "cpu", "fp32")
    assert isinstance(found, SamPredictor)
    return found


@pytest.mark.parametrize("view", [Frame(120, 60, 200), Frame(300, 0, 300), Frame(0, 0, 400)])
def test_a_view_equals_the_cropped_image(predictor: SamPredictor, view: Frame) -> None:
    image = made_up_photo(300, 500, 4)
    left, top, side = int(view.x0), int(view.y0), int(view.side)
    part = image[top : top + side, left : left + side]
    point, box = (view.x0 + 90.0, view.y0 + 70.0), (view.x0 + 20, view.y0 + 30, view.x0 + 150, view.y0 + 120)
    viewed, cropped = predictor.encode(image, view=view), predictor.encode(np.ascontiguousarray(part))
    assert (viewed.frame.x0, viewed.frame.y0) == (view.x0, view.y0)
    assert viewed.image_hw == (300, 500)
    prompts = PromptSet((PointPrompt(*point),), BoxPrompt(*box))
    moved = PromptSet((PointPrompt(90.0, 70.0),), BoxPrompt(20, 30, 150, 120))
    found, expected = predictor.predict(viewed, prompts)[0], predictor.predict(cropped, moved)[0]
    assert np.abs(found.logits - expected.logits).max() < 1e-4
    raster = found.raster()
    assert raster.shape == (300, 500)
    assert np.array_equal(raster[top : top + side, left : left + side], expected.raster())
    assert raster.sum() == expected.raster().sum(), "mask outside the view"
    x0, y0, x1, y1 = found.region().bounds
    assert x0 >= view.x0
    assert y0 >= view.y0
    assert x1 <= min(view.x0 + view.side, 500) + 1e-6
    assert y1 <= min(view.y0 + view.side, 300) + 1e-6


def test_a_view_outside_the_image_is_refused(predictor: SamPredictor) -> None:
    image = made_up_photo(100, 100, 1)
    for view in (Frame(100, 0, 50), Frame(-10, 0, 50), Frame(0, 200, 50)):
        with pytest.raises(EngineError, match="outside the image"):
            predictor.encode(image, view=view)


@pytest.mark.parametrize("size", [(1, 1), (50, 20000), (20000, 50), (2, 3)])
def test_tiny_and_very_long_images(predictor: SamPredictor, size: tuple[int, int]) -> None:
    height, width = size
    image = np.random.default_rng(1).integers(0, 255, (height, width, 3), dtype=np.uint8)
    embedding = predictor.encode(image)
    prompts = PromptSet((PointPrompt(width / 2, height / 2),), BoxPrompt(0, 0, width, height))
    for candidate in predictor.predict(embedding, prompts):
        assert np.isfinite(candidate.logits).all()
        region = candidate.region()
        assert region.is_valid
        if not region.is_empty:
            x0, y0, x1, y1 = region.bounds
            assert min(x0, y0) >= 0
            assert x1 <= width
            assert y1 <= height


def test_prompts_outside_the_image_give_masks_inside(predictor: SamPredictor) -> None:
    embedding = predictor.encode(made_up_photo(60, 80, 2))
    outside = (
        PromptSet((PointPrompt(-50, 500),)),
        PromptSet(box=BoxPrompt(-20, -20, 1000, 900)),
        PromptSet((PointPrompt(1e6, -1e6, False), PointPrompt(3, 3))),
        PromptSet(mask=MaskPrompt(np.full((256, 256), 9, np.float32), Frame(500, 500, 80))),
    )
    for prompts in outside:
        for candidate in predictor.predict(embedding, prompts):
            assert np.isfinite(candidate.logits).all()
            assert candidate.raster().shape == (60, 80)
    assert len(predictor.predict_boxes(embedding, np.array([[-9, -9, 500, 500], [10, 10, 10, 10.0]]))) == 2


def test_cancelling_an_encode(predictor: SamPredictor) -> None:
    image = made_up_photo(60, 80, 2)

    def stop() -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        predictor.encode(image, pause=stop)
    assert predictor.predict(predictor.encode(image), PromptSet((PointPrompt(40, 30),)))
