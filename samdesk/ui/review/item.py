"""ReviewItem: the annotation under review, in words."""

from __future__ import annotations

from dataclasses import dataclass

from samdesk.dataset.search import FoundAnnotation
from samdesk.domain.annotation import Annotation
from samdesk.domain.document import ImageDocument
from samdesk.domain.doubt import evidence_of, reasons
from samdesk.domain.review import AnnotationReview
from samdesk.ui.labels.controller import LabelsController

STATES = {
    AnnotationReview.PENDING: "",
    AnnotationReview.ACCEPTED: "accepted",
    AnnotationReview.CORRECTED: "corrected",
    AnnotationReview.REJECTED: "rejected",
    AnnotationReview.FLAGGED: "flagged",
}
"""The states of an annotation in words; "" needs none."""


@dataclass(frozen=True)
class ReviewItem:
    """What the bar shows of an annotation.

    Attributes:
        count_text: "12 of 480".
        label: The name of its label.
        color: Of its label, ``#rrggbb``; "": none.
        scores_text: Its scores and its state.
        doubt: 0..1; None: not known.
        reasons_text: Why it is doubtful.
    """

    count_text: str
    label: str
    color: str = ""
    scores_text: str = ""
    doubt: float | None = None
    reasons_text: str = ""


def scores_text(annotation: Annotation) -> str:
    """The scores and the state of an annotation: "detector 0.43 · mask 0.91 · flagged: blurred"."""
    parts = []
    if annotation.detector_score is not None:
        parts.append(f"detector {annotation.detector_score:.2f}")
    if annotation.mask_score is not None:
        parts.append(f"mask {annotation.mask_score:.2f}")
    state = STATES[annotation.review]
    if state:
        parts.append(f"{state}: {annotation.note}" if annotation.note else state)
    return "  ·  ".join(parts)


def item_of(
    document: ImageDocument,
    annotation: Annotation,
    found: FoundAnnotation,
    labels: LabelsController,
    count_text: str,
) -> ReviewItem:
    """What the bar shows of an annotation of a document."""
    name = labels.name(annotation.label_id)
    return ReviewItem(
        count_text,
        name,
        labels.color_of(annotation.label_id),
        scores_text(annotation),
        found.doubt,
        ", ".join(reasons(evidence_of(document, annotation), name)),
    )
