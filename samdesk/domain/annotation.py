"""Annotations: labelled instances on an image."""

from __future__ import annotations

from dataclasses import dataclass, replace
from enum import Enum
from typing import NewType, TypeAlias
from uuid import uuid4

from samdesk.domain.geometry.types import Region
from samdesk.domain.labels import LabelId
from samdesk.domain.prompts import PromptSet
from samdesk.domain.review import AnnotationReview

AnnotationId = NewType("AnnotationId", str)
RunId = NewType("RunId", str)
TrackId = NewType("TrackId", str)

AttributeValue: TypeAlias = str | int | float | bool
Attributes: TypeAlias = tuple[tuple[str, AttributeValue], ...]
"""What other programs know of an object and samdesk has no place for, sorted by name ("occluded")."""

CROWD = "iscrowd"
"""COCO's attribute of an annotation that stands for many objects; its value is True."""


class Source(str, Enum):
    """What created an annotation."""

    MANUAL = "manual"
    SAM = "sam"
    YOLO_SAM = "yolo+sam"
    IMPORT = "import"
    CARRIED = "carried"
    """Carried along from another image."""


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
        review: What the user has decided about it.
        detector_score: YOLO confidence, 0..1, if a detector found it.
        mask_score: SAM's predicted IoU, 0..1, if SAM segmented it.
        prompts: The point and box prompts it was made with (no mask prompt), to edit it again with SAM.
        run_id: The auto-annotate run that proposed it, the import that added it, or the carry along that made
            it, whatever has become of it since.
        stability: SAM's stability score of the mask, 0..1, if SAM segmented it.
        model: The models that proposed it ("yolo11n.pt + mobile_sam.pt"), whatever has become of it since;
            "": unknown, or made by the user.
        note: What the user wrote when flagging it.
        attributes: What else was imported with it, so that it can be exported again.
        track: The object's track where it was carried from another image; "": it is the first of its track,
            see ``track_of``.
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
    stability: float | None = None
    model: str = ""
    note: str = ""
    attributes: Attributes = ()
    track: TrackId = TrackId("")

    @property
    def track_of(self) -> TrackId:
        """The track that it is in: the same object on several images.

        A track has the id of its first annotation, which therefore need not change when it is carried along.
        """
        return self.track or TrackId(self.id)

    @property
    def is_crowd(self) -> bool:
        """Whether it stands for many objects (COCO's ``iscrowd``)."""
        return dict(self.attributes).get(CROWD) is True

    @property
    def is_untouched(self) -> bool:
        """Whether a run proposed it and the user has not decided about it: another run may replace it.

        A mask that a run made of a box that was there is none: the object is not the run's.
        """
        return self._is_pending_of_run and self.source is not Source.SAM

    @property
    def is_mask_of_box(self) -> bool:
        """Whether a run made it of a box that was there, and the user has not decided about it."""
        return self._is_pending_of_run and self.source is Source.SAM

    @property
    def is_of_model(self) -> bool:
        """Whether a run of a model proposed it. Imports and carries are runs too, but the user's own acts."""
        return self.run_id is not None and self.source not in (Source.IMPORT, Source.CARRIED)

    @property
    def is_pending_carried(self) -> bool:
        """Whether it was carried along from another image, and the user has not decided about it."""
        return self.source is Source.CARRIED and self.review is AnnotationReview.PENDING

    @property
    def _is_pending_of_run(self) -> bool:
        return self.is_of_model and self.review is AnnotationReview.PENDING

    @property
    def is_proposed(self) -> bool:
        """Whether it was proposed, by a model or as one to review, rather than made by the user."""
        proposed = (AnnotationReview.PENDING, AnnotationReview.CORRECTED)
        return self.is_of_model or self.review in proposed

    @property
    def score(self) -> float | None:
        """The score to show: the detector's confidence if there is one, else SAM's predicted IoU."""
        return self.detector_score if self.detector_score is not None else self.mask_score

    def redrawn(self, region: Region) -> Annotation:
        """The annotation with a region edited by hand: the scores, which were about the one before, go."""
        return replace(
            self,
            region=region,
            source=Source.MANUAL,
            detector_score=None,
            mask_score=None,
            stability=None,
            # Of an import, or carried along: it is the user's now.
            run_id=self.run_id if self.is_proposed and self.source is not Source.CARRIED else None,
        )
