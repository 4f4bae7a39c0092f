"""Objects from a segmentation model, with masks of its own: no mask model is needed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

from samdesk.batch.find import DetectedBox
from samdesk.batch.plan import AutoAnnotatePlan
from samdesk.batch.sources.base import SourceImage
from samdesk.batch.sources.thresholds import class_thresholds, confident, lowest
from samdesk.domain.geometry.regions import clip, from_box, is_drawable
from samdesk.domain.geometry.types import RgbImage
from samdesk.engine.protocols import DetectedMask, Detector, EngineError, MaskDetector, ModelInfo


@dataclass(frozen=True)
class SegmenterSource:
    """A segmentation model as the source of a run's objects.

    Attributes:
        segmenter: Finds the objects and draws their masks.
        plan: Thresholds and sizes.
        class_ids: The classes to use; None: all.
    """

    segmenter: MaskDetector
    plan: AutoAnnotatePlan
    class_ids: Sequence[int] | None = None

    @property
    def info(self) -> ModelInfo:
        """The model's."""
        return self.segmenter.info

    @property
    def names(self) -> tuple[str, ...]:
        """The model's class names by class id."""
        return self.segmenter.names

    def find(self, images: Sequence[SourceImage]) -> list[list[DetectedBox]]:
        """Runs the model on all images in one call."""
        found = self.segmenter.segment(
            [image.pixels for image in images],
            conf=lowest(self.plan, self._thresholds),
            iou=self.plan.iou,
            imgsz=self.plan.imgsz,
            max_det=self.plan.max_det,
            classes=self.class_ids,
        )
        return [
            confident(_boxes(masks, image.pixels), self.plan, self._thresholds)
            for masks, image in zip(found, images, strict=True)
        ]

    @cached_property
    def _thresholds(self) -> dict[int, float]:
        return class_thresholds(self.plan, self.names)


def as_mask_detector(detector: Detector) -> MaskDetector:
    """The detector, if it draws masks. Raises ``EngineError``."""
    if isinstance(detector, MaskDetector):
        return detector
    raise EngineError(
        f"{detector.info.name} finds boxes and draws no masks. Choose a segmentation model, such as "
        "yolo11n-seg.pt, or let the mask model draw the masks."
    )


def _boxes(masks: Sequence[DetectedMask], image: RgbImage) -> list[DetectedBox]:
    height, width = image.shape[:2]
    boxes = [
        DetectedBox(
            m.detection,
            clip(from_box(m.detection.x0, m.detection.y0, m.detection.x1, m.detection.y1), width, height),
            mask=m.region,
            stability=m.stability,
        )
        for m in masks
    ]
    return [box for box in boxes if is_drawable(box.region)]
