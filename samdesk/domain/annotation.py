"""Annotations: labelled instances on an image."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NewType
from uuid import uuid4

from samdesk.domain.geometry.types import Region
from samdesk.domain.labels import LabelId
from samdesk.domain.prompts import PromptSet
from samdesk.domain.review import AnnotationReview

AnnotationId = NewType("AnnotationId", str)
RunId = NewType("RunId", str)


class Source(str, Enum):
    """What created an annotation."""

    MANUAL = "manual"
    SAM = "sam"
    YOLO_SAM = "yolo+sam"
    IMPORT = "import"


def new_annotation_id() -> AnnotationId:
    """A new unique annotation id."""
    return AnnotationId(uuid4().hex)


def new_run_id() -> RunId:
    """A new unique id of an auto-annotate run."""
    return RunId(uuid4().hex)


@dataclass(frozen=True)
class Annotation:
    """One labelled instance.

    Attributes:
        id: Unique in the dataset.
        label_id: Its class.
        region: Its geometry, image pixels; never empty.
        source: What created it.
        review: Whether the user has accepted it.
        detector_score: YOLO confidence, 0..1, if a detector found it.
        mask_score: SAM's predicted IoU, 0..1, if SAM segmented it.
        prompts: The point and box prompts it was made with (no mask prompt), to edit it again with SAM.
        run_id: The auto-annotate run that made it; None once it is edited by hand.
    """

    id: AnnotationId
    label_id: LabelId
    region: Region
    source: Source = Source.MANUAL
    review: AnnotationReview = AnnotationReview.ACCEPTED
    detector_score: float | None = None
    mask_score: float | None = None
    prompts: PromptSet | None = None
    run_id: RunId | None = None

    @property
    def score(self) -> float | None:
        """The score to show: the detector's confidence if there is one, else SAM's predicted IoU."""
        return self.detector_score if self.detector_score is not None else self.mask_score
