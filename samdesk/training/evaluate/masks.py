"""Evaluates a predictor's masks with simulated prompts on images with known instances.

The points follow SAM's evaluation (Kirillov et al. 2023, appendix D): the first is the instance's pixel
farthest from its edge, each further one the pixel farthest from the edge of the largest error region. The
previous mask is passed as mask prompt with every correction, as in the window. IoU is in image pixels.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from samdesk.domain.geometry import regions
from samdesk.domain.geometry.types import BoolArray
from samdesk.domain.prompts import BoxPrompt, MaskCandidate, PointPrompt, PromptSet
from samdesk.engine.embedding import Embedding
from samdesk.engine.protocols import Predictor
from samdesk.images.reader import read_image
from samdesk.training.evaluate.simulate import correction_point, deepest_point, tight_box
from samdesk.training.samples import TrainingImage

OFF = 0.1
"""Offset of each edge of an inexact box, in or out, as a fraction of the box's width or height."""
BOX, BOX_CLICK = "exact box", "box + 1 click"
BOX_OFF, BOX_NEAR = "box, every edge off by 10%", "box, edges off by up to 10%"
CLICK, CLICK_BEST = "1 click", "1 click, best of the candidates"
CLICKS = ("2 clicks", "3 clicks", "4 clicks", "5 clicks")
PROMPTS = (BOX, BOX_NEAR, BOX_OFF, BOX_CLICK, CLICK, CLICK_BEST, *CLICKS)
SIZES: tuple[tuple[str, float, float], ...] = (
    ("over 400 px", 400, np.inf),
    ("under 400 px", 0, 400),
    ("400-1,024 px", 400, 1024),
    ("medium", 1024, 9216),
    ("large", 9216, np.inf),
)
"""Names and areas in image pixels; medium and large are COCO's."""


@dataclass(frozen=True)
class MaskOutcome:
    """The result of one prompt on one instance.

    Attributes:
        key: Key of the image.
        area: Area of the instance, pixels.
        prompt: One of ``PROMPTS``.
        iou: IoU with the instance, 0..1.
        score: The predicted IoU.
    """

    key: str
    area: float
    prompt: str
    iou: float
    score: float


def evaluate(
    predictor: Predictor,
    images: Sequence[TrainingImage],
    *,
    prompts: Sequence[str] = PROMPTS,
    min_area: float = 0.0,
    seed: int = 0,
    on_image: Callable[[int, int], None] = lambda _done, _total: None,
) -> list[MaskOutcome]:
    """Prompts every instance of every image with every kind of prompt.

    Args:
        predictor: The predictor to evaluate.
        images: Images with known instances.
        prompts: Which of ``PROMPTS``; fewer take less time.
        min_area: Smaller instances are left out, pixels.
        seed: Seed of the inexact boxes.
        on_image: Called with (images done, total images).

    Raises:
        ImageError: An image cannot be read.
        EngineError: The predictor failed.
    """
    found: list[MaskOutcome] = []
    for number, image in enumerate(images):
        embedding = predictor.encode(read_image(image.path))
        rng = np.random.default_rng([seed, number])
        for instance in image.instances:
            target = regions.rasterize(instance.region, *image.image_hw)
            area = float(np.count_nonzero(target))
            off, share = rng.choice([-OFF, OFF], 4), rng.uniform(0, 1, 4)
            if area >= max(1.0, min_area):
                answers = _answers(
                    _SimulatedUser(predictor, embedding, target),
                    {BOX_NEAR: off * share, BOX_OFF: off},
                    prompts,
                )
                found += [MaskOutcome(image.key, area, name, iou, score) for name, iou, score in answers]
        on_image(number + 1, len(images))
    return found


def mean_iou(
    outcomes: Sequence[MaskOutcome], prompt: str, min_area: float = 0.0, max_area: float = np.inf
) -> float:
    """Mean IoU of a prompt over instances with ``min_area <= area < max_area``, pixels; nan for none."""
    values = [o.iou for o in outcomes if o.prompt == prompt and min_area <= o.area < max_area]
    return float(np.mean(values)) if values else float("nan")


def score_agreement(outcomes: Sequence[MaskOutcome], min_area: float = 400.0) -> tuple[float, float]:
    """Quality of the predicted IoU: its mean absolute error, and its rank correlation with the true IoU.

    Over exact boxes, inexact boxes and single points on instances of at least ``min_area`` pixels.
    The correlation is Spearman's; ties are ranked in order.
    """
    pairs = [(o.score, o.iou) for o in outcomes if o.prompt in (BOX, BOX_NEAR, CLICK) and o.area >= min_area]
    if len(pairs) < 2:
        return float("nan"), float("nan")
    scores, ious = np.array(pairs).T
    first, second = (np.argsort(np.argsort(v)).astype(np.float64) for v in (scores, ious))
    return float(np.mean(np.abs(scores - ious))), float(np.corrcoef(first, second)[0, 1])


@dataclass(frozen=True, eq=False)
class _SimulatedUser:
    """Prompts a predictor for one instance."""

    predictor: Predictor
    embedding: Embedding
    target: BoolArray

    def predict(self, prompts: PromptSet) -> list[tuple[MaskCandidate, float]]:
        """Returns the candidates and their true IoUs."""
        found = self.predictor.predict(self.embedding, prompts)
        return [(c, raster_iou(c.raster(), self.target)) for c in found]

    def predict_first(self, prompts: PromptSet) -> tuple[MaskCandidate, float]:
        """Returns the first candidate and its true IoU."""
        return self.predict(prompts)[0]

    def add_corrections(self, prompts: PromptSet, shown: MaskCandidate) -> PromptSet:
        """Returns the prompts with one more point where the mask is wrong, and that mask as prompt."""
        point = correction_point(self.target, shown.raster())
        points = prompts.points
        if point is not None:
            points = (*points, PointPrompt(point[0], point[1], point[2]))
        return PromptSet(points, prompts.box, shown.as_prompt())


def raster_iou(a: BoolArray, b: BoolArray) -> float:
    """Intersection over union of two masks of the same shape; 0 for two empty ones."""
    union = np.count_nonzero(a | b)
    return float(np.count_nonzero(a & b) / union) if union else 0.0


def _answers(
    user: _SimulatedUser, off: Mapping[str, NDArray[np.float64]], wanted: Sequence[str]
) -> Iterator[tuple[str, float, float]]:
    box = tight_box(user.target)
    if BOX in wanted or BOX_CLICK in wanted:
        yield from _box_answers(user, box, wanted)
    for name in off:
        if name in wanted:
            shown, iou = user.predict_first(PromptSet(box=_inexact(box, off[name])))
            yield name, iou, shown.score
    if CLICK in wanted:
        yield from _point_answers(user, wanted)


def _box_answers(
    user: _SimulatedUser, box: NDArray[np.float64], wanted: Sequence[str]
) -> Iterator[tuple[str, float, float]]:
    prompts = PromptSet(box=BoxPrompt(*map(float, box)))
    shown, iou = user.predict_first(prompts)
    yield BOX, iou, shown.score
    if BOX_CLICK in wanted:
        shown, iou = user.predict_first(user.add_corrections(prompts, shown))
        yield BOX_CLICK, iou, shown.score


def _point_answers(user: _SimulatedUser, wanted: Sequence[str]) -> Iterator[tuple[str, float, float]]:
    at = deepest_point(user.target)
    assert at is not None
    prompts = PromptSet((PointPrompt(*at),))
    found = user.predict(prompts)
    shown, iou = found[0]
    yield CLICK, iou, shown.score
    best = max(found, key=lambda pair: pair[1])
    yield CLICK_BEST, best[1], best[0].score
    for name in CLICKS:
        if not any(later in wanted for later in CLICKS[CLICKS.index(name) :]):
            return
        prompts = user.add_corrections(prompts, shown)
        shown, iou = user.predict_first(prompts)
        yield name, iou, shown.score


def _inexact(box: NDArray[np.float64], off: NDArray[np.float64]) -> BoxPrompt:
    width, height = box[2] - box[0], box[3] - box[1]
    x0, y0, x1, y1 = box + off * np.array([width, height, width, height])
    return BoxPrompt(float(x0), float(y0), float(x1), float(y1))
