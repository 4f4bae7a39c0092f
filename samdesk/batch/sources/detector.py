"""Objects from a detector: its boxes, with the thresholds of the plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from functools import cached_property

from samdesk.batch.find import DetectedBox, detect
from samdesk.batch.plan import AutoAnnotatePlan
from samdesk.batch.sources.base import SourceImage
from samdesk.batch.sources.thresholds import class_thresholds, confident, lowest
from samdesk.engine.protocols import Detector, ModelInfo


@dataclass(frozen=True)
class DetectorSource:
    """A detector as the source of a run's objects.

    Attributes:
        detector: Finds the boxes.
        plan: Thresholds and sizes.
        class_ids: The classes to use; None: all.
    """

    detector: Detector
    plan: AutoAnnotatePlan
    class_ids: Sequence[int] | None = None

    @property
    def info(self) -> ModelInfo:
        """The detector's."""
        return self.detector.info

    @property
    def names(self) -> tuple[str, ...]:
        """The detector's class names by class id."""
        return self.detector.names

    def find(self, images: Sequence[SourceImage]) -> list[list[DetectedBox]]:
        """Runs the detector on all images in one call."""
        plan = replace(self.plan, conf=lowest(self.plan, self._thresholds))
        found = detect([image.pixels for image in images], self.detector, plan, self.class_ids)
        return [confident(boxes, self.plan, self._thresholds) for boxes in found]

    @cached_property
    def _thresholds(self) -> dict[int, float]:
        return class_thresholds(self.plan, self.names)
