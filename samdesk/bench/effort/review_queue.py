"""How soon a review in the order of doubt meets what is wrong in an auto-annotate run."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from samdesk.bench.effort.matching import match
from samdesk.bench.effort.truth import TruthImage
from samdesk.domain.document import ImageDocument
from samdesk.domain.doubt import (
    COLUMNS,
    LEAST_DECISIONS,
    Calibration,
    Decision,
    auc,
    doubts,
    evidence,
    fit,
    matrix,
)
from samdesk.domain.geometry.regions import iou

WRONG_IOU = 0.75
"""A proposal is wrong below this IoU with its object, with another label, or without an object."""
FIRST_SHARE = 0.3


@dataclass(frozen=True)
class QueueFigures:
    """A review queue in the order of doubt.

    Attributes:
        proposals: In the queue; those of small objects and in crowds are not judged.
        wrong: How many of them are wrong.
        found: Share of the wrong ones that are in the first 30 % of the queue.
        found_calibrated: The same with the doubt recalibrated after every 50 decisions on the way.
        possible: The share that would be there if all wrong ones came first.
        auc_doubt: Area under the ROC curve of the doubt, ...
        auc_detector: ... of the detector's confidence alone, ...
        auc_mask: ... of the predicted IoU alone.
    """

    proposals: int
    wrong: int
    found: float
    found_calibrated: float
    possible: float
    auc_doubt: float
    auc_detector: float
    auc_mask: float


def judged(proposals: Sequence[tuple[TruthImage, ImageDocument]]) -> list[Decision]:
    """The evidence of every proposal, and whether it is wrong."""
    decisions: list[Decision] = []
    for truth, document in proposals:
        matching = match(document.annotations, truth)
        right = {
            a.id for o, a in matching.pairs if a.label_id == o.label and iou(a.region, o.region) >= WRONG_IOU
        }
        skipped = {a.id for a in matching.tolerated}
        decisions += [
            Decision(found, annotation.id not in right)
            for annotation, found in zip(document.annotations, evidence(document), strict=True)
            if annotation.id not in skipped
        ]
    return decisions


def queue_figures(decisions: Sequence[Decision]) -> QueueFigures | None:
    """The figures of a queue; None if nothing is in it, or nothing wrong."""
    values, wrong = matrix([d.evidence for d in decisions]), np.array([d.wrong for d in decisions], bool)
    count = int(wrong.sum())
    if not count:
        return None
    doubt = doubts(values)
    first = round(FIRST_SHARE * len(wrong))
    single = {
        name: 1.0 - np.nan_to_num(values[:, COLUMNS.index(name)]) for name in ("detector_score", "mask_score")
    }
    return QueueFigures(
        len(wrong),
        count,
        float(wrong[_order(doubt)[:first]].sum() / count),
        float(wrong[_calibrated_order(decisions, values)[:first]].sum() / count),
        min(1.0, first / count),
        auc(doubt, wrong),
        auc(single["detector_score"], wrong),
        auc(single["mask_score"], wrong),
    )


def _order(doubt: NDArray[np.float64]) -> NDArray[np.int64]:
    return np.argsort(-doubt, kind="stable")


def _calibrated_order(decisions: Sequence[Decision], values: NDArray[np.float64]) -> list[int]:
    """The order of a review that sorts what is left anew after every 50 decisions."""
    left, order = list(range(len(decisions))), []
    calibration: Calibration | None = None
    while left:
        following = [left[i] for i in _order(doubts(values[left], calibration))[:LEAST_DECISIONS]]
        order += following
        taken = set(following)
        left = [i for i in left if i not in taken]
        calibration = fit([decisions[i] for i in order])
    return order
