"""Objects from a detector: its boxes, with the thresholds of the plan."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from samdesk.batch.find import DetectedBox, detect
from samdesk.batch.plan import AutoAnnotatePlan
from samdesk.batch.sources.base import SourceImage
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
        return detect([image.pixels for image in images], self.detector, self.plan, self.class_ids)
