"""Self-test of a loaded SAM network: checks its masks for a synthetic image in the precision it runs in.

Half precision overflows in some networks on some devices, and a damaged checkpoint may contain NaN: masks
would be empty without any error. One image is encoded, which also warms the device up; a point and a box
are decoded and compared with the same decoder in fp32.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from samdesk.domain.geometry.types import RgbImage
from samdesk.domain.prompts import BoxPrompt, PointPrompt, PromptSet
from samdesk.engine.embedding import Embedding
from samdesk.engine.sam.predictor import NonFiniteEmbedding

if TYPE_CHECKING:
    from samdesk.engine.sam.predictor import SamPredictor

_HEIGHT, _WIDTH = 90, 120
_MIN_IOU = 0.5
"""Minimum IoU of the masks with those in fp32; after an overflow they have nothing in common."""
_DAMAGED = "the checkpoint may be damaged. Choose another file."
_PROMPTS = (PromptSet((PointPrompt(_WIDTH / 2, _HEIGHT / 2),)), PromptSet(box=BoxPrompt(30, 20, 90, 70)))


def find_fault(predictor: SamPredictor, exact: SamPredictor) -> str:
    """Tests a predictor's masks; returns what is wrong with them as the end of a sentence, "" if nothing.

    Args:
        predictor: Predictor to test.
        exact: The same with its decoder in fp32.

    Raises:
        OutOfMemory: The device is out of memory.
    """
    try:
        embedding = predictor.encode(_test_image())
    except NonFiniteEmbedding:
        return f"its encoder outputs NaN or infinity; {_DAMAGED}"
    logits, scores = _decode(predictor, embedding)
    if predictor.info.device.startswith("cuda"):
        _warm_up(predictor, embedding)
    if not (np.isfinite(logits).all() and np.isfinite(scores).all()):
        return f"its masks contain NaN or infinity; {_DAMAGED}"
    if np.ptp(logits) == 0:
        return f"its masks are constant; {_DAMAGED}"
    if predictor.info.precision == "fp32" or _masks_agree(logits, _decode(exact, embedding)[0]):
        return ""
    return "its masks differ from those in fp32."


def _warm_up(predictor: SamPredictor, embedding: Embedding) -> None:
    """Decodes the most common prompts, so that their CUDA graphs are captured before they are needed."""
    mask = predictor.predict(embedding, _PROMPTS[0])[0].as_prompt()
    point = PointPrompt(_WIDTH / 2, _HEIGHT / 2)
    for box in (None, _PROMPTS[1].box):
        for count in range(5):
            for prompts in (PromptSet((point,) * count, box), PromptSet((point,) * count, box, mask)):
                predictor.predict(embedding, prompts)


def _decode(predictor: SamPredictor, embedding: Embedding) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Returns logits and scores of all candidates of all test prompts, in the network's order."""
    results = [predictor.raw(embedding, prompts) for prompts in _PROMPTS]
    return np.concatenate([x for x, _ in results]), np.concatenate([scores for _, scores in results])


def _masks_agree(logits: NDArray[np.float32], expected: NDArray[np.float32]) -> bool:
    intersection = int(np.count_nonzero((logits > 0) & (expected > 0)))
    union = int(np.count_nonzero((logits > 0) | (expected > 0)))
    return union == 0 or intersection / union >= _MIN_IOU


def _test_image() -> RgbImage:
    """Returns a bright disc on a gradient, with noise."""
    rows, columns = np.mgrid[:_HEIGHT, :_WIDTH]
    disc = np.hypot(rows - _HEIGHT / 2, columns - _WIDTH / 2) < _HEIGHT / 4
    noise = np.random.default_rng(0).integers(0, 24, (_HEIGHT, _WIDTH, 3))
    image = noise + (columns + rows)[..., None] / 2 + np.where(disc, 100, 0)[..., None]
    return np.asarray(np.clip(image, 0, 255), np.uint8)
