"""Whether a loaded SAM gives usable masks in the precision it was loaded in: tried once, on a made-up photo.

Half floats overflow in some networks on some devices, and a broken checkpoint may hold no numbers at all:
masks would be empty, with no error anywhere. The photo is encoded once, which warms the device up as well,
and one click and one box are decoded as well in fp32: both ways must draw about the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from samdesk.domain.geometry.types import RgbImage
from samdesk.domain.prompts import BoxPrompt, PointPrompt, PromptSet
from samdesk.engine.embedding import Embedding
from samdesk.engine.sam.predictor import NoNumbers

if TYPE_CHECKING:
    from samdesk.engine.sam.predictor import SamPredictor

_HEIGHT, _WIDTH = 90, 120
_SAME = 0.5
"""IoU of the masks in fp32 and in a lower precision, at least; masks of an overflow share nothing."""
_BROKEN = "the checkpoint may be broken. Choose another file."
_PROMPTS = (PromptSet((PointPrompt(_WIDTH / 2, _HEIGHT / 2),)), PromptSet(box=BoxPrompt(30, 20, 90, 70)))


def complaint(predictor: SamPredictor, exact: SamPredictor) -> str:
    """What is wrong with a predictor's masks, in words; "" if nothing is.

    Args:
        predictor: The one to try.
        exact: The same with its decoder in fp32.

    Raises:
        OutOfMemory: The device is full.
    """
    try:
        embedding = predictor.encode(_photo())
    except NoNumbers:
        return f"its encoder gives no numbers; {_BROKEN}"
    found, scores = _masks(predictor, embedding)
    if predictor.info.device.startswith("cuda"):
        _warm_up(predictor, embedding)
    if not (np.isfinite(found).all() and np.isfinite(scores).all()):
        return f"its masks hold no numbers; {_BROKEN}"
    if np.ptp(found) == 0:
        return f"its masks are the same everywhere; {_BROKEN}"
    if predictor.info.precision == "fp32" or _alike(found, _masks(exact, embedding)[0]):
        return ""
    return "its masks are not those of fp32."


def _warm_up(predictor: SamPredictor, embedding: Embedding) -> None:
    """Decodes what a hand asks for most, so that nothing has to be recorded when it does (``runners``)."""
    mask = predictor.predict(embedding, _PROMPTS[0])[0].as_prompt()
    click = PointPrompt(_WIDTH / 2, _HEIGHT / 2)
    for box in (None, _PROMPTS[1].box):
        for clicks in range(5):
            for prompts in (PromptSet((click,) * clicks, box), PromptSet((click,) * clicks, box, mask)):
                predictor.predict(embedding, prompts)


def _masks(predictor: SamPredictor, embedding: Embedding) -> tuple[NDArray[np.float32], NDArray[np.float64]]:
    """Logits and scores of all candidates of all prompts, in the network's order."""
    found = [predictor.raw(embedding, prompts) for prompts in _PROMPTS]
    return np.concatenate([logits for logits, _ in found]), np.concatenate([scores for _, scores in found])


def _alike(found: NDArray[np.float32], wanted: NDArray[np.float32]) -> bool:
    shared = int(np.count_nonzero((found > 0) & (wanted > 0)))
    either = int(np.count_nonzero((found > 0) | (wanted > 0)))
    return either == 0 or shared / either >= _SAME


def _photo() -> RgbImage:
    """A bright disc before a gradient, with grain."""
    rows, columns = np.mgrid[:_HEIGHT, :_WIDTH]
    disc = np.hypot(rows - _HEIGHT / 2, columns - _WIDTH / 2) < _HEIGHT / 4
    grain = np.random.default_rng(0).integers(0, 24, (_HEIGHT, _WIDTH, 3))
    photo = grain + (columns + rows)[..., None] / 2 + np.where(disc, 100, 0)[..., None]
    return np.asarray(np.clip(photo, 0, 255), np.uint8)
