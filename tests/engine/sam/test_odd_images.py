"""Views, tiny and very long photos, and prompts that lie outside: right or refused, never a crash."""

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
def test_a_view_is_the_photo_cut_out_and_put_back(predictor: SamPredictor, view: Frame) -> None:
    photo = made_up_photo(300, 500, 4)
    left, top, side = int(view.x0), int(view.y0), int(view.side)
    part = photo[top : top + side, left : left + side]
    click, box = (view.x0 + 90.0, view.y0 + 70.0), (view.x0 + 20, view.y0 + 30, view.x0 + 150, view.y0 + 120)
    seen, cut = predictor.encode(photo, view=view), predictor.encode(np.ascontiguousarray(part))
    assert (seen.frame.x0, seen.frame.y0) == (view.x0, view.y0)
    assert seen.image_hw == (300, 500)
    asked = PromptSet((PointPrompt(*click),), BoxPrompt(*box))
    moved = PromptSet((PointPrompt(90.0, 70.0),), BoxPrompt(20, 30, 150, 120))
    found, wanted = predictor.predict(seen, asked)[0], predictor.predict(cut, moved)[0]
    assert np.abs(found.logits - wanted.logits).max() < 1e-4
    raster = found.raster()
    assert raster.shape == (300, 500)
    assert np.array_equal(raster[top : top + side, left : left + side], wanted.raster())
    assert raster.sum() == wanted.raster().sum(), "something was drawn outside the view"
    x0, y0, x1, y1 = found.region().bounds
    assert x0 >= view.x0
    assert y0 >= view.y0
    assert x1 <= min(view.x0 + view.side, 500) + 1e-6
    assert y1 <= min(view.y0 + view.side, 300) + 1e-6


def test_a_view_beside_the_photo_is_refused(predictor: SamPredictor) -> None:
    photo = made_up_photo(100, 100, 1)
    for view in (Frame(100, 0, 50), Frame(-10, 0, 50), Frame(0, 200, 50)):
        with pytest.raises(EngineError, match="has no part at"):
            predictor.encode(photo, view=view)


@pytest.mark.parametrize("size", [(1, 1), (50, 20000), (20000, 50), (2, 3)])
def test_tiny_and_very_long_photos(predictor: SamPredictor, size: tuple[int, int]) -> None:
    height, width = size
    photo = np.random.default_rng(1).integers(0, 255, (height, width, 3), dtype=np.uint8)
    embedding = predictor.encode(photo)
    asked = PromptSet((PointPrompt(width / 2, height / 2),), BoxPrompt(0, 0, width, height))
    for candidate in predictor.predict(embedding, asked):
        assert np.isfinite(candidate.logits).all()
        region = candidate.region()
        assert region.is_valid
        if not region.is_empty:
            x0, y0, x1, y1 = region.bounds
            assert min(x0, y0) >= 0
            assert x1 <= width
            assert y1 <= height


def test_prompts_outside_the_photo_get_masks_inside(predictor: SamPredictor) -> None:
    embedding = predictor.encode(made_up_photo(60, 80, 2))
    outside = (
        PromptSet((PointPrompt(-50, 500),)),
        PromptSet(box=BoxPrompt(-20, -20, 1000, 900)),
        PromptSet((PointPrompt(1e6, -1e6, False), PointPrompt(3, 3))),
        PromptSet(mask=MaskPrompt(np.full((256, 256), 9, np.float32), Frame(500, 500, 80))),
    )
    for asked in outside:
        for candidate in predictor.predict(embedding, asked):
            assert np.isfinite(candidate.logits).all()
            assert candidate.raster().shape == (60, 80)
    assert len(predictor.predict_boxes(embedding, np.array([[-9, -9, 500, 500], [10, 10, 10, 10.0]]))) == 2


def test_an_encode_that_is_called_off(predictor: SamPredictor) -> None:
    photo = made_up_photo(60, 80, 2)

    def stop() -> None:
        raise Cancelled

    with pytest.raises(Cancelled):
        predictor.encode(photo, pause=stop)
    assert predictor.predict(predictor.encode(photo), PromptSet((PointPrompt(40, 30),)))
