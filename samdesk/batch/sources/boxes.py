"""Objects that are annotated with boxes already: each box becomes a mask, without a detector.

The annotation stays the same one, with its label and its place; only its region changes, and what is known
about it.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from samdesk.batch.find import DetectedBox
from samdesk.batch.plan import Existing
from samdesk.batch.sources.base import SourceImage
from samdesk.domain.annotation import Annotation
from samdesk.domain.document import ImageDocument
from samdesk.domain.geometry.regions import from_box, is_box
from samdesk.domain.prompts import BoxPrompt
from samdesk.domain.review import AnnotationReview
from samdesk.engine.protocols import Detection, ModelInfo

_NO_CLASS = -1
"""The class id of a box that no detector has found; its annotation keeps its label."""


@dataclass(frozen=True)
class BoxSource:
    """The boxes in the documents of the images.

    Attributes:
        existing: "replace": masks that an earlier run made of boxes are made anew.
    """

    existing: Existing = "skip"
    info: ModelInfo | None = None
    names: tuple[str, ...] = ()

    def find(self, images: Sequence[SourceImage]) -> list[list[DetectedBox]]:
        """Returns the boxes of each image in painting order; none where its document is not known."""
        return [[] if image.document is None else boxes_of(image.document, self.existing) for image in images]


def boxes_of(document: ImageDocument, existing: Existing = "skip") -> list[DetectedBox]:
    """The boxes of a document that become masks; see ``box_of``."""
    found = []
    for annotation in document.annotations:
        box = box_of(annotation, existing)
        if box is not None:
            score = 1.0 if annotation.detector_score is None else annotation.detector_score
            detection = Detection(*box.xyxy, score, _NO_CLASS)
            found.append(DetectedBox(detection, from_box(*box.xyxy), replaces=annotation.id))
    return found


def box_of(annotation: Annotation, existing: Existing = "skip") -> BoxPrompt | None:
    """The box of an annotation that becomes a mask; None: it is no box, or the user has decided about it.

    An annotation that was accepted as a model proposed it, corrected or flagged stays as it is. With
    "replace" a mask made of a box by an earlier run, and not decided about since, counts as that box.
    """
    if annotation.review is AnnotationReview.PENDING:
        made_of = _made_of(annotation)
        if made_of is not None and existing == "replace":
            return made_of
    elif annotation.review is not AnnotationReview.ACCEPTED or annotation.is_of_model:
        return None
    return BoxPrompt(*annotation.region.bounds) if is_box(annotation.region) else None


def _made_of(annotation: Annotation) -> BoxPrompt | None:
    """The box that a run made it of."""
    if not annotation.is_mask_of_box or annotation.prompts is None:
        return None
    return annotation.prompts.box
