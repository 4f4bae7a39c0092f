"""Minimum confidences that differ by class. Pure functions."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from samdesk.batch.find import DetectedBox
from samdesk.batch.plan import AutoAnnotatePlan, class_id


def class_thresholds(plan: AutoAnnotatePlan, names: Sequence[str]) -> dict[int, float]:
    """Class id -> minimum confidence, for the classes that have one of their own.

    Args:
        plan: Its ``class_conf`` names classes, whatever their letter case.
        names: The detector's class names by class id.

    Raises:
        ValueError: The detector has no class of a name.
    """
    return {class_id(name, names): conf for name, conf in plan.class_conf}


def lowest(plan: AutoAnnotatePlan, thresholds: Mapping[int, float]) -> float:
    """The confidence below which no detection is needed."""
    return min([plan.conf, *thresholds.values()])


def confident(
    boxes: Sequence[DetectedBox], plan: AutoAnnotatePlan, thresholds: Mapping[int, float]
) -> list[DetectedBox]:
    """The boxes that reach the minimum confidence of their class, in their order."""
    return [b for b in boxes if b.detection.score >= thresholds.get(b.detection.class_id, plan.conf)]
