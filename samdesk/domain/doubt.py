"""Doubt: how likely it is that an annotation made by a model is wrong, 0..1, for the order of a review.

``Evidence`` is what is known about an annotation without looking at it. The formula is a logistic one: each
piece of evidence becomes a *term*, 0 (nothing to doubt) to 1, and the doubt is the sigmoid of their weighted
sum. No weight is negative, so the doubt is monotone in each piece of evidence: it never falls when a score
falls, when box and mask agree less, when the object touches the border or overlaps more, or is smaller.

The weights were fitted to Flint's proposals on images with known masks, where "wrong" is an IoU below 0.75
with every object of that label, or no such object. A ``Calibration`` replaces them by weights fitted to the
user's own decisions (``fit``): one accepted as it is was right, one corrected or rejected was wrong.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, astuple, dataclass, fields
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from samdesk.domain.annotation import Annotation
from samdesk.domain.document import ImageDocument

FloatVector = NDArray[np.float64]

_BORDER_MARGIN = 1.0
"""A region this near to the edge of the image touches it, pixels."""
DUPLICATE = 0.8
"""An annotation of which this share lies in another one of its label may be a duplicate, or a part."""
_LEAST_OVERLAP = 0.05
"""Overlaps of less than this share are not measured: they count as none."""
_SMALLEST_SHARE = 1e-5
"""The share of the image at and below which the size is as doubtful as it gets (a region of 3 by 1 pixels in
640 by 480)."""


@dataclass(frozen=True)
class Evidence:
    """What is known about an annotation without looking at it.

    Attributes:
        detector_score: The detector's confidence, 0..1; None without a detector.
        mask_score: The mask model's predicted IoU, 0..1; None if no mask model made it.
        stability: IoU of the masks at two thresholds, 0..1; None if unknown.
        box_agreement: IoU of the box prompt and the bounds of the region, 0..1; None without a box.
        border: Whether it touches the border of the image.
        overlap_same: Largest overlap with another annotation of the same label: the intersection's share of
            the smaller of the two, 0..1.
        overlap_other: The same with an annotation of another label.
        area_share: Its area as a share of the image's, 0..1.
    """

    detector_score: float | None = None
    mask_score: float | None = None
    stability: float | None = None
    box_agreement: float | None = None
    border: bool = False
    overlap_same: float = 0.0
    overlap_other: float = 0.0
    area_share: float = 0.05

    @property
    def is_duplicate(self) -> bool:
        """Whether it, or the other one, may be a duplicate."""
        return self.overlap_same >= DUPLICATE


COLUMNS: tuple[str, ...] = tuple(field.name for field in fields(Evidence))
"""The columns of ``matrix``, in this order."""

_USUAL = (0.65, 0.85, 0.8, 0.95, 0.0, 0.0, 0.0, 0.02)
"""What stands for unknown evidence: the middle of what Flint's proposals have."""


@dataclass(frozen=True)
class Weights:
    """A logistic formula.

    Attributes:
        intercept: Log odds with nothing to doubt.
        terms: One weight for each of ``COLUMNS``, 0 or more.
    """

    intercept: float
    terms: tuple[float, ...]


FORMULA = Weights(-3.1, (3.6, 2.4, 2.7, 0.3, 0.2, 0.7, 0.4, 0.4))

LEAST_DECISIONS = 50
"""Decisions needed for a calibration, and after which it is made anew."""
MOST_DECISIONS = 5000
"""A calibration is fitted to the newest of them."""
_HELD_OUT_EVERY = 4
_PRIOR_STD = np.array([1.5] + [1.0] * len(COLUMNS))
"""How far the user's decisions may move the intercept and the weights from the formula's: with few decisions
they move little."""
_NEWTON_STEPS = 30


@dataclass(frozen=True)
class Decision:
    """A decision of the user on a model's annotation.

    Attributes:
        evidence: As it was proposed.
        wrong: Corrected or rejected; False: accepted as it was.
    """

    evidence: Evidence
    wrong: bool


@dataclass(frozen=True)
class Calibration:
    """Weights fitted to the user's decisions on a dataset, and how they did on decisions held out.

    Attributes:
        weights: The formula's where the fitted ones were worse on the decisions held out.
        decisions: Number of decisions, with those held out.
        fitted: Whether the weights are the user's and not the formula's.
        loss: Log loss of ``weights`` on the decisions held out; never more than ``formula_loss``.
        formula_loss: Log loss of the formula on them.
    """

    weights: Weights
    decisions: int
    fitted: bool
    loss: float
    formula_loss: float

    @property
    def text(self) -> str:
        """What the user should know, in one sentence."""
        if self.fitted:
            return f"Doubt now follows your {self.decisions:,} decisions on this dataset."
        return (
            f"Doubt keeps its formula: it predicts your {self.decisions:,} decisions better than a new one."
        )

    def to_json(self) -> dict[str, Any]:
        """Returns it as JSON values."""
        return asdict(self)

    @classmethod
    def from_json(cls, values: Mapping[str, Any]) -> Calibration:
        """Returns a calibration of JSON values. Raises ``ValueError`` for anything else, or other columns."""
        try:
            weights = values["weights"]
            terms = tuple(float(w) for w in weights["terms"])
            numbers = [
                float(weights["intercept"]),
                *terms,
                float(values["loss"]),
                float(values["formula_loss"]),
            ]
            if len(terms) != len(COLUMNS) or min(terms) < 0 or not np.isfinite(numbers).all():
                raise ValueError(f"{len(terms)} weights")
            return cls(
                Weights(numbers[0], terms), int(values["decisions"]), bool(values["fitted"]), *numbers[-2:]
            )
        except (KeyError, TypeError, ValueError) as error:
            raise ValueError(f"not a calibration: {error!r}") from error


def evidence(document: ImageDocument) -> list[Evidence]:
    """Returns the evidence of ``document.annotations``, in their order.

    The time grows with the number of annotations and of pairs whose bounds overlap.
    """
    return _measured(document, document.annotations, len(document.annotations))


def evidence_of(document: ImageDocument, annotation: Annotation) -> Evidence:
    """Returns the evidence of one annotation of a document; quick also among thousands."""
    boxes = shapely.box(*shapely.bounds(_regions(document.annotations)).T)
    near = shapely.intersects(boxes, shapely.box(*annotation.region.bounds))
    others = [
        a for a, meets in zip(document.annotations, near, strict=True) if meets and a.id != annotation.id
    ]
    return _measured(document, (annotation, *others), 1)[0]


def doubt(evidence: Evidence, calibration: Calibration | None = None) -> float:
    """Returns how doubtful an annotation is, 0..1; 1 is the most doubtful."""
    return float(doubts(matrix([evidence]), calibration)[0])


def doubts(values: NDArray[np.float64], calibration: Calibration | None = None) -> FloatVector:
    """Returns the doubt of each row of ``matrix``, (N,) float64 in 0..1."""
    weights = FORMULA if calibration is None else calibration.weights
    return _doubts(terms(values), weights)


def fit(decisions: Sequence[Decision]) -> Calibration | None:
    """Returns the calibration by a user's decisions, oldest first; None if there are too few of them.

    Every fourth decision is held out. The weights are fitted to the others, by logistic regression with the
    formula as the prior. They are used only if they predict those held out at least as well as the formula,
    by log loss and in their order (area under the ROC curve).
    """
    newest = decisions[-MOST_DECISIONS:]
    if len(newest) < LEAST_DECISIONS:
        return None
    x = terms(matrix([d.evidence for d in newest]))
    wrong = np.array([d.wrong for d in newest], dtype=bool)
    held_out = np.arange(len(newest)) % _HELD_OUT_EVERY == _HELD_OUT_EVERY - 1
    weights = _fit(x[~held_out], wrong[~held_out])
    before, after = (_doubts(x[held_out], w) for w in (FORMULA, weights))
    losses = log_loss(before, wrong[held_out]), log_loss(after, wrong[held_out])
    better = losses[1] <= losses[0] and auc(after, wrong[held_out]) >= auc(before, wrong[held_out])
    chosen, loss = (weights, losses[1]) if better else (FORMULA, losses[0])
    return Calibration(chosen, len(decisions), better, loss, losses[0])


def log_loss(doubt: FloatVector, wrong: NDArray[np.bool_]) -> float:
    """Returns the mean negative log likelihood of what was wrong, in nats; 0 is perfect."""
    likelihood = np.where(wrong, doubt, 1.0 - doubt)
    return float(-np.log(np.maximum(likelihood, 1e-12)).mean()) if len(doubt) else 0.0


def auc(scores: FloatVector, wrong: NDArray[np.bool_]) -> float:
    """Returns the area under the ROC curve: how often a wrong one scores above a right one; ties count half.

    0.5 if all are wrong, or all right.
    """
    _, inverse, counts = np.unique(scores, return_inverse=True, return_counts=True)
    ranks = (np.cumsum(counts) - (counts - 1) / 2)[inverse]
    n = int(wrong.sum())
    pairs = n * (len(wrong) - n)
    return float((ranks[wrong].sum() - n * (n + 1) / 2) / pairs) if pairs else 0.5


def matrix(rows: Sequence[Evidence]) -> NDArray[np.float64]:
    """Returns evidence as (N, 8) float64, a column for each of ``COLUMNS``; NaN is unknown."""
    return np.array([astuple(row) for row in rows], dtype=np.float64).reshape(-1, len(COLUMNS))


def terms(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Returns the terms of each row of ``matrix``, (N, 8) in 0..1, each rising with doubt."""
    known = np.where(np.isnan(values), _USUAL, values)
    result = np.clip(known, 0.0, 1.0)
    result[:, :4] = 1.0 - result[:, :4]
    share = np.clip(known[:, 7], _SMALLEST_SHARE, 1.0)
    result[:, 7] = np.log(share) / np.log(_SMALLEST_SHARE)
    return result


def reasons(evidence: Evidence, label: str = "") -> tuple[str, ...]:
    """Returns why an annotation is doubtful, the weightiest first, in a few words each.

    Args:
        evidence: Of the annotation.
        label: Name of its label, for "62% of another person"; without it "another of its label".
    """
    another = f"another {label}" if label else "another of its label"
    weights = terms(matrix([evidence]))[0] * FORMULA.terms
    share = evidence.overlap_same, evidence.overlap_other
    texts = (
        _below(evidence.detector_score, 0.5, "low detector score {:.2f}"),
        _below(evidence.mask_score, 0.8, "low mask score {:.2f}"),
        _below(evidence.stability, 0.73, "unstable outline {:.2f}"),
        _below(evidence.box_agreement, 0.85, "mask and box agree only {:.0%}"),
        "touches the border" if evidence.border else "",
        _shared(evidence, another),
        f"overlaps {share[1]:.0%} with another label" if share[1] >= 0.5 else "",
        "very small" if evidence.area_share < 0.0025 else "",
    )
    return tuple(texts[i] for i in np.argsort(-weights, kind="stable") if texts[i])


def _shared(evidence: Evidence, another: str) -> str:
    share = evidence.overlap_same
    if evidence.is_duplicate:
        return f"duplicate? {share:.0%} shared with {another}"
    return f"overlaps {share:.0%} with {another}" if share >= 0.1 else ""


def _below(value: float | None, limit: float, text: str) -> str:
    return text.format(value) if value is not None and value < limit else ""


def _doubts(x: NDArray[np.float64], weights: Weights) -> FloatVector:
    return _sigmoid(weights.intercept + (x * weights.terms).sum(axis=1))  # not @: it rounds by the row


def _sigmoid(log_odds: FloatVector) -> FloatVector:
    """The logistic function, without overflow."""
    return np.asarray(0.5 * (1.0 + np.tanh(0.5 * log_odds)))


def _fit(x: NDArray[np.float64], wrong: NDArray[np.bool_]) -> Weights:
    """Returns the most likely weights, none of the terms' negative, by projected Newton steps."""
    design = np.column_stack([np.ones(len(x)), x])
    prior = np.array([FORMULA.intercept, *FORMULA.terms])
    precision = _PRIOR_STD**-2.0
    lowest = np.array([-np.inf] + [0.0] * x.shape[1])

    def objective(w: FloatVector) -> float:
        z = design @ w
        return float((np.logaddexp(0.0, z) - wrong * z).sum() + 0.5 * (precision * (w - prior) ** 2).sum())

    w = prior.copy()
    for _ in range(_NEWTON_STEPS):
        p = _sigmoid(design @ w)
        gradient = design.T @ (p - wrong) + precision * (w - prior)
        free = ~((w <= lowest) & (gradient > 0))
        hessian = (design * (p * (1 - p))[:, None]).T @ design + np.diag(precision)
        step = np.zeros(len(w))
        step[free] = np.linalg.solve(hessian[np.ix_(free, free)], gradient[free])
        best = min((0.5**k for k in range(12)), key=lambda t: objective(np.maximum(w - t * step, lowest)))
        following = np.maximum(w - best * step, lowest)
        if objective(following) >= objective(w) - 1e-9:
            break
        w = following
    return Weights(float(w[0]), tuple(float(v) for v in w[1:]))


def _measured(document: ImageDocument, annotations: Sequence[Annotation], count: int) -> list[Evidence]:
    """The evidence of the first ``count`` annotations, among all of them."""
    if not annotations:
        return []
    regions = _regions(annotations)
    areas = shapely.area(regions)
    bounds = shapely.bounds(regions).reshape(-1, 4)
    low, high = bounds[:, :2] <= _BORDER_MARGIN, bounds[:, 2:] >= _far_edges(document)
    border = low.any(axis=1) | high.any(axis=1)
    same, other = _overlaps(annotations, regions, areas, bounds, count)
    shares = areas / max(1.0, float(document.width) * document.height)
    return [
        Evidence(
            detector_score=a.detector_score,
            mask_score=a.mask_score,
            stability=a.stability,
            box_agreement=_box_agreement(a, bounds[i]),
            border=bool(border[i]),
            overlap_same=float(same[i]),
            overlap_other=float(other[i]),
            area_share=float(min(1.0, shares[i])),
        )
        for i, a in enumerate(annotations[:count])
    ]


def _regions(annotations: Sequence[Annotation]) -> NDArray[np.object_]:
    regions = np.empty(len(annotations), dtype=object)
    regions[:] = [a.region for a in annotations]
    return regions


def _far_edges(document: ImageDocument) -> NDArray[np.float64]:
    return np.array([document.width, document.height], dtype=np.float64) - _BORDER_MARGIN


def _box_agreement(annotation: Annotation, bounds: NDArray[np.float64]) -> float | None:
    """Returns the IoU of the box prompt and the bounds of the region."""
    box = annotation.prompts.box if annotation.prompts is not None else None
    if box is None:
        return None
    x0, y0, x1, y1 = box.xyxy
    rx0, ry0, rx1, ry1 = (float(v) for v in bounds)
    shared = max(0.0, min(x1, rx1) - max(x0, rx0)) * max(0.0, min(y1, ry1) - max(y0, ry0))
    total = (x1 - x0) * (y1 - y0) + (rx1 - rx0) * (ry1 - ry0) - shared
    return shared / total if total > 0 else 0.0


def _overlaps(
    annotations: Sequence[Annotation],
    regions: NDArray[np.object_],
    areas: FloatVector,
    bounds: NDArray[np.float64],
    count: int,
) -> tuple[FloatVector, FloatVector]:
    """Returns the first annotations' largest overlaps with one of the same label and with one of another."""
    same, other = np.zeros(len(regions)), np.zeros(len(regions))
    first, second = shapely.STRtree(regions).query(regions[:count])
    once = first < second
    first, second = first[once], second[once]
    smaller = np.maximum(np.minimum(areas[first], areas[second]), 1e-9)
    sides = np.minimum(bounds[first, 2:], bounds[second, 2:]) - np.maximum(
        bounds[first, :2], bounds[second, :2]
    )
    may = sides.prod(axis=1) / smaller >= _LEAST_OVERLAP
    first, second, smaller = first[may], second[may], smaller[may]
    with np.errstate(all="ignore"):  # GEOS divides by what may be 0, and goes on
        share = np.minimum(1.0, shapely.area(shapely.intersection(regions[first], regions[second])) / smaller)
    share[share < _LEAST_OVERLAP] = 0.0
    labels = np.array([a.label_id for a in annotations], dtype=object)
    alike = labels[first] == labels[second]
    for result, chosen in ((same, alike), (other, ~alike)):
        for side in (first, second):
            np.maximum.at(result, side[chosen], share[chosen])
    return same, other
