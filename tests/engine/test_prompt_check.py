"""A prompt that is no place in an image is an error in words, for every engine and every kind of prompt."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from samdesk.domain.geometry.types import Frame
from samdesk.domain.prompts import BoxPrompt, MaskPrompt, PointPrompt, PromptSet
from samdesk.engine.models.load import load_predictor
from samdesk.engine.protocols import EngineError, Predictor
from samdesk.training.evaluate.baselines import load_model_or_baseline
from tests.helpers.networks import seeded_sam2_tiny

NAN, INF = float("nan"), float("inf")
LOGITS = np.zeros((256, 256), np.float32)
FRAME = Frame(0.0, 0.0, 80.0)

WRONG = {
    "point": PromptSet((PointPrompt(NAN, 5.0),)),
    "second point": PromptSet((PointPrompt(9.0, 5.0), PointPrompt(9.0, INF, positive=False))),
    "far point": PromptSet((PointPrompt(1e30, 5.0),)),
    "box": PromptSet(box=BoxPrompt(NAN, 1, 30, 30)),
    "box and point": PromptSet((PointPrompt(9.0, 5.0),), BoxPrompt(1, 1, 30, -INF)),
    "mask": PromptSet((PointPrompt(9.0, 5.0),), mask=MaskPrompt(np.full_like(LOGITS, NAN), FRAME)),
    "frame of a mask": PromptSet((PointPrompt(9.0, 5.0),), mask=MaskPrompt(LOGITS, Frame(NAN, 0.0, 80.0))),
    "no frame": PromptSet((PointPrompt(9.0, 5.0),), mask=MaskPrompt(LOGITS, Frame(0.0, 0.0, 0.0))),
}
IN_WORDS = "no place in an image|not numbers|no part of the image"


@pytest.fixture(scope="module", params=["flint", "mobile_sam", "sam2", "box", "grabcut"])
def predictor(
    request: pytest.FixtureRequest, mobile_sam_checkpoint: Path, tmp_path_factory: pytest.TempPathFactory
) -> Predictor:
    name: str = request.param
    if name in ("box", "grabcut"):
        return load_model_or_baseline(name)
    files = {"flint": lambda: "flint", "mobile_sam": lambda: str(mobile_sam_checkpoint)}
    sam2 = lambda: str(seeded_sam2_tiny(tmp_path_factory.mktemp("sam2")))  # noqa: E731
    return load_predictor(files.get(name, sam2)(), "cpu", "fp32")


@pytest.mark.filterwarnings("error")
def test_a_wrong_prompt_is_an_error_in_words_and_the_next_one_works(predictor: Predictor) -> None:
    embedding = predictor.encode(np.zeros((60, 80, 3), np.uint8))
    for kind, prompts in WRONG.items():
        with pytest.raises(EngineError, match=IN_WORDS):
            pytest.fail(f"{kind}: {predictor.predict(embedding, prompts)}")
    with pytest.raises(EngineError, match="A box prompt has a coordinate that is no place in an image: nan"):
        predictor.predict_boxes(embedding, np.array([[1, 1, 30, 30], [1, 1, NAN, 30]], np.float32))
    with pytest.raises(EngineError, match="A point prompt has a coordinate"):
        list(predictor.predict_points(embedding, np.array([[1, INF]], np.float32)))
    assert len(predictor.predict(embedding, PromptSet(box=BoxPrompt(-5, 1, 300, 30)))) >= 1
