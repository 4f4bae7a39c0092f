"""Annotations as a run leaves them, on the image of a user."""

from __future__ import annotations

from dataclasses import replace

from samdesk.domain import edits
from samdesk.domain.annotation import Annotation, RunId, Source, new_annotation_id
from samdesk.domain.geometry.regions import from_box
from samdesk.domain.geometry.types import Region
from samdesk.domain.review import AnnotationReview
from tests.helpers.desk import User


def propose(user: User, region: Region | None = None, **changes: object) -> Annotation:
    """Puts a pending annotation of a run on the image, with the first label."""
    made = Annotation(
        new_annotation_id(),
        next(iter(user.desk.session.model.labels)).id,
        region or from_box(60, 60, 140, 140),
        Source.YOLO_SAM,
        AnnotationReview.PENDING,
        detector_score=0.4,
        mask_score=0.5,
        stability=0.6,
        run_id=RunId("run"),
        model="yolo11n.pt + mobile_sam.pt",
    )
    made = replace(made, **changes)  # type: ignore[arg-type]
    user.desk.session.edit("Add", edits.add([made]))
    user.desk.session.edit("Propose", edits.update([made]))  # what the user adds is accepted
    assert user.document.find(made.id) == made
    return made
