"""Annotation: one labelled instance on one image."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import NewType
from uuid import uuid4

from samdesk.domain.geometry.types import Region
from samdesk.domain.labels import LabelId
from samdesk.domain.prompts import PromptSet

AnnotationId = NewType("AnnotationId", str)
RunId = NewType("RunId", str)


class Source(str, Enum):
    """Who drew an annotation."""

    MANUAL = "manual"
    SAM = "sam"
    YOLO_SAM = "yolo+sam"
    IMPORT = "import"


class ReviewState(str, Enum):
    """Whether a person has agreed with an annotation that a machine made."""

    PENDING = "pending"
    ACCEPTED = "accepted"


def new_annotation_id() -> AnnotationId:
    """An annotation id that no other annotation has."""
    return AnnotationId(uuid4().hex)


def new_run_id() -> RunId:
    """A run id that no other run has."""
    return RunId(uuid4().hex)


@dataclass(frozen=True)
class Annotation:
    """One labelled instance.

    Attributes:
        id: Unique in the dataset.
        label_id: Its class.
        region: Its geometry, image pixels; never empty.
        source: Who drew it.
        review: Whether a person has agreed with it.
        detector_score: YOLO confidence, 0..1, if a detector found it.
        mask_score: SAM's predicted IoU, 0..1, if SAM drew it.
        prompts: The points and box that made it (without mask logits), to open it again in SAM.
        run_id: The auto-annotate run that made it; None as soon as a person changes it.
    """

    id: AnnotationId
    label_id: LabelId
    region: Region
    source: Source = Source.MANUAL
    review: ReviewState = ReviewState.ACCEPTED
    detector_score: float | None = None
    mask_score: float | None = None
    prompts: PromptSet | None = None
    run_id: RunId | None = None

    @property
    def score(self) -> float | None:
        """The one number to show: the detector's confidence if there is one, else SAM's."""
        return self.detector_score if self.detector_score is not None else self.mask_score
