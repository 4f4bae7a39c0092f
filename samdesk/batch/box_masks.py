"""The rules of a run that makes masks of the boxes that are there: which images, and what becomes of a box.

The user has asked for it, so images that were edited by hand are included: their boxes were drawn by hand.
"""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping, Sequence
from dataclasses import replace

from samdesk.batch.find import FoundObject
from samdesk.batch.merge import EDITED
from samdesk.batch.plan import Existing
from samdesk.batch.sources.boxes import box_of, boxes_of
from samdesk.domain.annotation import Annotation, AnnotationId, RunId, Source
from samdesk.domain.document import ImageDocument
from samdesk.domain.edits import Edit, Placed
from samdesk.domain.labels import LabelId
from samdesk.domain.prompts import PromptSet
from samdesk.domain.review import AnnotationReview, ImageReview

NO_BOXES = "has no boxes"
ACCEPTED = "accepted by hand"
LOCKED = "its boxes are locked"


def reason_to_skip_boxes(count: int, review: ImageReview) -> str | None:
    """Why such a run skips an image without looking at its annotations; None if it does not.

    Args:
        count: Number of its annotations.
        review: How far the user has got with it.
    """
    if review is ImageReview.ACCEPTED:
        return ACCEPTED
    if review is ImageReview.FLAGGED:
        return EDITED
    return None if count else NO_BOXES


def skip_reason_of_boxes(document: ImageDocument, existing: Existing) -> str | None:
    """Why such a run skips an image; None if it has boxes that become masks."""
    reason = reason_to_skip_boxes(len(document.annotations), document.review)
    return reason or (None if boxes_of(document, existing) else NO_BOXES)


def masks_edit(
    document: ImageDocument,
    found: Iterable[FoundObject],
    run_id: RunId,
    existing: Existing,
    locked: Container[AnnotationId] = (),
) -> Edit:
    """The edit that gives boxes of an image their masks.

    Each annotation keeps its id, its label and its place. A box that was moved, changed or deleted since its
    mask was drawn stays as it is, and so does one that is locked or whose mask is empty.
    """
    put = []
    for one in found:
        annotation = None if one.replaces is None else document.find(one.replaces)
        if annotation is not None and annotation.id not in locked and not one.empty_mask:
            box = box_of(annotation, existing)
            d = one.detection
            if box is not None and box.xyxy == (d.x0, d.y0, d.x1, d.y1):
                put.append(Placed(_with_mask(annotation, one, PromptSet(box=box), run_id)))
    return Edit(put=tuple(put))


class BoxMasks:
    """The edit of ``masks_edit``, made from the document of an image as it is when it is saved.

    Attributes:
        count: Boxes that got a mask.
        reason: Why the image is skipped; "" if it is not.
    """

    def __init__(
        self,
        found: Sequence[FoundObject],
        run_id: RunId,
        existing: Existing,
        locked: Callable[[], Container[AnnotationId]] = frozenset,
    ) -> None:
        self._found, self._run_id, self._existing, self._locked = found, run_id, existing, locked
        self.count = 0
        self.reason = ""

    def __call__(self, document: ImageDocument, _: Mapping[str, LabelId]) -> Edit | None:
        """Returns the edit; None to skip the image."""
        self.reason = skip_reason_of_boxes(document, self._existing) or ""
        if self.reason:
            return None
        locked = self._locked()
        edit = masks_edit(document, self._found, self._run_id, self._existing, locked)
        if not edit.put and any(one.replaces in locked for one in self._found):
            self.reason = LOCKED
            return None
        self.count = len(edit.put)
        return edit


def _with_mask(box: Annotation, found: FoundObject, prompts: PromptSet, run_id: RunId) -> Annotation:
    """The annotation with its mask, pending until the user reviews it."""
    return replace(
        box,
        region=found.region,
        source=Source.SAM,
        review=AnnotationReview.PENDING,
        mask_score=found.mask_score,
        stability=found.stability,
        model=found.model,
        prompts=prompts,
        run_id=run_id,
    )
