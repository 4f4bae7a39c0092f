"""Rules of a run: which images it skips, and how its annotations are merged with existing ones."""

from __future__ import annotations

from collections.abc import Container, Iterable

from samdesk.batch.plan import Existing
from samdesk.domain.annotation import Annotation, AnnotationId
from samdesk.domain.document import ImageDocument
from samdesk.domain.edits import Edit, Placed
from samdesk.domain.review import ImageReview, ReviewChange
from samdesk.domain.same_object import PROPOSED_IOU, KnownRegions

EDITED = "edited by hand"
HAS_ANNOTATIONS = "already has annotations"
NOT_FROM_A_RUN = "its annotations were not made by an earlier run"


def skip_reason(
    document: ImageDocument, existing: Existing, replaces: str = "", *, edited: bool = False
) -> str | None:
    """Why a run skips this image; None if it may annotate it. ``replaces``: as for ``run_edit``."""
    from_run = any(_is_of(a, replaces) for a in document.annotations)
    return reason_to_skip(len(document.annotations), document.review, from_run, existing, edited=edited)


def reason_to_skip(
    count: int, review: ImageReview, from_run: bool, existing: Existing, *, edited: bool = False
) -> str | None:
    """Why a run skips an image; None if it may annotate it.

    Args:
        count: Number of its annotations.
        review: How far the user has got with it.
        from_run: A run has made some of them that the user has not decided about.
        existing: What happens to images that have annotations.
        edited: Images edited by hand may get new objects, too.
    """
    if review is not ImageReview.UNREVIEWED and not edited:
        return EDITED
    if not count or existing == "add":
        return None
    if existing == "skip":
        return HAS_ANNOTATIONS
    return None if from_run else NOT_FROM_A_RUN


def run_edit(
    document: ImageDocument,
    fresh: Iterable[Annotation],
    existing: Existing,
    replaces: str = "",
    locked: Container[AnnotationId] = (),
) -> Edit:
    """The edit that adds a run's annotations to an image, except those of the same object as one that stays.

    The same object as one that the user has rejected is not proposed again either. An image that was accepted
    as a whole no longer is, once there is something to review on it.

    With "replace" it also removes those that an earlier run made and the user has not decided about: the run
    ``replaces``, or any if that is "". Those that are ``locked`` stay.
    """
    made = [a.id for a in document.annotations if existing == "replace" and _is_of(a, replaces)]
    dropped = [found for found in made if found not in locked]
    stays = [a for a in document.annotations if a.id not in dropped]
    there = ((a.label_id, a.region) for a in (*stays, *document.rejected))
    known = KnownRegions(PROPOSED_IOU, there, as_boxes=True)
    put = tuple(Placed(a) for a in fresh if not known.holds(a.label_id, a.region))
    # Accepted as a whole, an image has nothing to review and all of it is taken for right.
    reopened = bool(put) and document.review is ImageReview.ACCEPTED
    return Edit(drop=tuple(dropped), put=put, review=ReviewChange.SET_EDITED if reopened else None)


def _is_of(annotation: Annotation, run_id: str) -> bool:
    """Whether a run ("": any) made an annotation that the user has not decided about."""
    return annotation.is_untouched and run_id in ("", annotation.run_id)
