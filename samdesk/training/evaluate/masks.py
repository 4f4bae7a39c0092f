"""How good a predictor's masks are: simulated users on photos with known instances.

The clicks follow SAM's evaluation (Kirillov et al. 2023, appendix D): the first at the instance's
deepest pixel, each further one at the deepest pixel of the largest region that is wrong. The previous
mask goes in with every correction, as in the window. IoU is counted in pixels of the photo.
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
from samdesk.training.evaluate.simulate import correction, deepest, tight_box
from samdesk.training.samples import TrainingImage

OFF = 0.1
"""How far each edge of an inexact box is off, in or out, as a share of the box's width or height."""
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
"""Names and areas in pixels of the photo; medium and large are COCO's."""


@dataclass(frozen=True)
class Outcome:
    """One answer to one prompt.

    Attributes:
        key: The photo.
        area: Of the instance, pixels.
        prompt: One of ``PROMPTS``.
        iou: With the instance, 0..1.
        score: The IoU the predictor said it has.
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
    least_area: float = 0.0,
    seed: int = 0,
    on_image: Callable[[int, int], None] = lambda _done, _total: None,
) -> list[Outcome]:
    """Prompts every instance of every photo in every way.

    Args:
        predictor: What to judge.
        images: Photos with known instances.
        prompts: Which of ``PROMPTS``; leaving some out saves time.
        least_area: Smaller instances are left out, pixels.
        seed: Of the inexact boxes.
        on_image: Called with (photos done, photos in all).

    Raises:
        ImageError: A photo cannot be read.
        EngineError: The predictor failed.
    """
    found: list[Outcome] = []
    for number, image in enumerate(images):
        embedding = predictor.encode(read_image(image.path))
        rng = np.random.default_rng([seed, number])
        for instance in image.instances:
            target = regions.rasterize(instance.region, *image.image_hw)
            area = float(np.count_nonzero(target))
            off, share = rng.choice([-OFF, OFF], 4), rng.uniform(0, 1, 4)
            if area >= max(1.0, least_area):
                answers = _answers(
                    _Desk(predictor, embedding, target), {BOX_NEAR: off * share, BOX_OFF: off}, prompts
                )
                found += [Outcome(image.key, area, name, iou, score) for name, iou, score in answers]
        on_image(number + 1, len(images))
    return found


def mean_iou(outcomes: Sequence[Outcome], prompt: str, least: float = 0.0, most: float = np.inf) -> float:
    """Mean IoU of a prompt over instances of ``least <= area < most`` pixels; nan without any."""
    values = [o.iou for o in outcomes if o.prompt == prompt and least <= o.area < most]
    return float(np.mean(values)) if values else float("nan")


def judgement(outcomes: Sequence[Outcome], least: float = 400.0) -> tuple[float, float]:
    """How well a predictor knows its masks: mean distance of score and IoU, and their rank correlation.

    Over exact boxes, inexact boxes and single clicks on instances of at least ``least`` pixels.
    The correlation is Spearman's, ties ranked in order.
    """
    pairs = [(o.score, o.iou) for o in outcomes if o.prompt in (BOX, BOX_NEAR, CLICK) and o.area >= least]
    if len(pairs) < 2:
        return float("nan"), float("nan")
    scores, ious = np.array(pairs).T
    first, second = (np.argsort(np.argsort(v)).astype(np.float64) for v in (scores, ious))
    return float(np.mean(np.abs(scores - ious))), float(np.corrcoef(first, second)[0, 1])


@dataclass(frozen=True, eq=False)
class _Desk:
    """One instance in front of a simulated user."""

    predictor: Predictor
    embedding: Embedding
    target: BoolArray

    def ask(self, prompts: PromptSet) -> list[tuple[MaskCandidate, float]]:
        """The candidates and their true IoUs."""
        found = self.predictor.predict(self.embedding, prompts)
        return [(c, raster_iou(c.raster(), self.target)) for c in found]

    def best(self, prompts: PromptSet) -> tuple[MaskCandidate, float]:
        """The candidate shown first."""
        return self.ask(prompts)[0]

    def corrected(self, prompts: PromptSet, shown: MaskCandidate) -> PromptSet:
        """The prompts with one more click where the mask shown is wrong, and that mask."""
        click = correction(self.target, shown.raster())
        points = prompts.points
        if click is not None:
            points = (*points, PointPrompt(click[0], click[1], click[2]))
        return PromptSet(points, prompts.box, shown.as_prompt())


def raster_iou(a: BoolArray, b: BoolArray) -> float:
    """Intersection over union of two masks of the same shape; 0 for two empty ones."""
    union = np.count_nonzero(a | b)
    return float(np.count_nonzero(a & b) / union) if union else 0.0


def _answers(
    desk: _Desk, off: Mapping[str, NDArray[np.float64]], wanted: Sequence[str]
) -> Iterator[tuple[str, float, float]]:
    box = tight_box(desk.target)
    if BOX in wanted or BOX_CLICK in wanted:
        yield from _boxed(desk, box, wanted)
    for name in off:
        if name in wanted:
            shown, iou = desk.best(PromptSet(box=_inexact(box, off[name])))
            yield name, iou, shown.score
    if CLICK in wanted:
        yield from _clicked(desk, wanted)


def _boxed(
    desk: _Desk, box: NDArray[np.float64], wanted: Sequence[str]
) -> Iterator[tuple[str, float, float]]:
    prompts = PromptSet(box=BoxPrompt(*map(float, box)))
    shown, iou = desk.best(prompts)
    yield BOX, iou, shown.score
    if BOX_CLICK in wanted:
        shown, iou = desk.best(desk.corrected(prompts, shown))
        yield BOX_CLICK, iou, shown.score


def _clicked(desk: _Desk, wanted: Sequence[str]) -> Iterator[tuple[str, float, float]]:
    at = deepest(desk.target)
    assert at is not None
    prompts = PromptSet((PointPrompt(*at),))
    found = desk.ask(prompts)
    shown, iou = found[0]
    yield CLICK, iou, shown.score
    best = max(found, key=lambda pair: pair[1])
    yield CLICK_BEST, best[1], best[0].score
    for name in CLICKS:
        if not any(later in wanted for later in CLICKS[CLICKS.index(name) :]):
            return
        prompts = desk.corrected(prompts, shown)
        shown, iou = desk.best(prompts)
        yield name, iou, shown.score


def _inexact(box: NDArray[np.float64], off: NDArray[np.float64]) -> BoxPrompt:
    width, height = box[2] - box[0], box[3] - box[1]
    x0, y0, x1, y1 = box + off * np.array([width, height, width, height])
    return BoxPrompt(float(x0), float(y0), float(x1), float(y1))
