"""Self-test of loaded Flint weights: their masks must be numbers. Damaged weights would answer with NaN."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from samdesk.domain.prompts import BoxPrompt, PointPrompt, PromptSet

if TYPE_CHECKING:
    from samdesk.engine.flint.predictor import FlintPredictor

_SIDE = 96
_PROMPTS = (PromptSet((PointPrompt(_SIDE / 2, _SIDE / 2),)), PromptSet(box=BoxPrompt(24, 24, 72, 72)))


def find_fault(predictor: FlintPredictor) -> str:
    """Tests a predictor's masks; returns what is wrong with them as the end of a sentence, "" if nothing.

    Raises:
        EngineError: The network fails.
    """
    image = np.full((_SIDE, _SIDE, 3), 90, np.uint8)
    image[24:72, 24:72] = (200, 160, 60)
    embedding = predictor.encode(image)
    for prompts in _PROMPTS:
        for mask in predictor.predict(embedding, prompts):
            if not (np.isfinite(mask.logits).all() and np.isfinite((mask.score, mask.stability)).all()):
                return "its masks contain NaN or infinity"
    return ""
