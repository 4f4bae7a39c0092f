"""Edits: pure, invertible changes to a document, and the transactions they are saved in."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, replace
from itertools import islice

from samdesk.domain.annotation import Annotation, AnnotationId, RunId
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.labels import LabelId, LabelSet
from samdesk.domain.review import AnnotationReview, ReviewChange
from samdesk.domain.split import SplitChange

_DROPPED = "dropped: "
"""Begins the note of a rejected annotation that was dropped; the user writes notes for flagged ones only."""


@dataclass(frozen=True)
class Placed:
    """An annotation and its place in painting order; None keeps the place, or puts a new one on top.

    The place of a rejected annotation is its place among the rejected ones.
    """

    annotation: Annotation
    index: int | None = None


@dataclass(frozen=True)
class Edit:
    """An invertible change of one document.

    Dropping an unknown id does nothing and putting a known one replaces it, so an edit still applies after
    another edit has changed other annotations of the image. Putting an annotation whose review state is
    REJECTED moves it to the rejected ones of the document, and putting it with another state brings it back.

    Attributes:
        drop: Annotations to remove.
        put: Annotations to add, or to replace those with the same ids.
        review: How the review state of the image changes; None leaves it.
    """

    drop: tuple[AnnotationId, ...] = ()
    put: tuple[Placed, ...] = ()
    review: ReviewChange | None = None

    def __bool__(self) -> bool:
        return bool(self.drop or self.put) or self.review is not None

    def apply(self, document: ImageDocument) -> tuple[ImageDocument, Edit]:
        """Returns the edited document and the inverse, which restores all but ``revision``."""
        return self._applied(document), self._inverse(document)

    def _applied(self, document: ImageDocument) -> ImageDocument:
        rejected = [p for p in self.put if p.annotation.review is AnnotationReview.REJECTED]
        shown = [p for p in self.put if p.annotation.review is not AnnotationReview.REJECTED]
        return replace(
            document,
            annotations=_put(document.annotations, shown, {*self.drop, *_ids(rejected)}),
            rejected=_put(document.rejected, rejected, {*self.drop, *_ids(shown)}),
            review=document.review if self.review is None else self.review.apply(document.review),
            revision=document.revision + 1,
        )

    def _inverse(self, document: ImageDocument) -> Edit:
        ids = dict.fromkeys([*self.drop, *(p.annotation.id for p in self.put)])
        before = {
            a.id: Placed(a, i)
            for annotations in (document.annotations, document.rejected)
            for i, a in enumerate(annotations)
            if a.id in ids
        }
        return Edit(
            drop=tuple(i for i in ids if i not in before),
            put=tuple(before[i] for i in ids if i in before),
            review=None if self.review is None else ReviewChange.to(document.review),
        )


def _ids(placed: Iterable[Placed]) -> set[AnnotationId]:
    return {p.annotation.id for p in placed}


def _put(
    annotations: tuple[Annotation, ...], placed: Sequence[Placed], gone: AbstractSet[AnnotationId]
) -> tuple[Annotation, ...]:
    """The annotations without those that are gone, and with those that are put."""
    if not placed and not any(a.id in gone for a in annotations):
        return annotations
    fixed = [p for p in placed if p.index is not None]
    gone = gone | _ids(fixed)
    kept = [a for a in annotations if a.id not in gone]
    places = {a.id: i for i, a in enumerate(kept)}
    for annotation in (p.annotation for p in placed if p.index is None):
        if annotation.id in places:
            kept[places[annotation.id]] = annotation
        else:
            kept.append(annotation)
    for p in sorted(fixed, key=lambda p: p.index or 0):
        kept.insert(min(p.index or 0, len(kept)), p.annotation)
    return tuple(kept)


def add(annotations: Iterable[Annotation]) -> Edit:
    """Returns the edit that adds annotations on top."""
    return Edit(put=tuple(Placed(a) for a in annotations))


def remove(ids: Iterable[AnnotationId]) -> Edit:
    """Returns the edit that removes annotations."""
    return Edit(drop=tuple(ids))


def update(annotations: Iterable[Annotation]) -> Edit:
    """Returns the edit that replaces the annotations with the same ids."""
    return Edit(put=tuple(Placed(a) for a in annotations))


def relabel(document: ImageDocument, ids: Iterable[AnnotationId], label_id: LabelId) -> Edit:
    """Returns the edit that gives annotations another label."""
    chosen = set(ids)
    return update(
        replace(a, label_id=label_id)
        for a in document.all_annotations
        if a.id in chosen and a.label_id != label_id
    )


def accept(document: ImageDocument, ids: Iterable[AnnotationId]) -> Edit:
    """Returns the edit that accepts annotations as they are; it brings rejected ones back."""
    return _decide(document, ids, AnnotationReview.ACCEPTED)


def reject(document: ImageDocument, ids: Iterable[AnnotationId], note: str = "") -> Edit:
    """Returns the edit that rejects annotations: they leave the image and its label file."""
    return _decide(document, ids, AnnotationReview.REJECTED, note)


def drop_pending(document: ImageDocument, ids: Iterable[AnnotationId], why: str) -> Edit:
    """Returns the edit that rejects, unseen, annotations that the user has not decided about by now."""
    pending = {a.id for a in document.annotations if a.review is AnnotationReview.PENDING}
    return reject(document, pending.intersection(ids), f"{_DROPPED}{why}")


def is_dropped(annotation: Annotation) -> bool:
    """Whether ``drop_pending`` rejected it: the user has not decided about it by itself."""
    return annotation.review is AnnotationReview.REJECTED and annotation.note.startswith(_DROPPED)


def flag(document: ImageDocument, ids: Iterable[AnnotationId], note: str = "") -> Edit:
    """Returns the edit that flags annotations, to be looked at again, with a note."""
    return _decide(document, ids, AnnotationReview.FLAGGED, note)


def unflag(document: ImageDocument, ids: Iterable[AnnotationId]) -> Edit:
    """Returns the edit that makes flagged annotations pending again, without their notes."""
    flagged = {a.id for a in document.annotations if a.review is AnnotationReview.FLAGGED}
    return _decide(document, flagged.intersection(ids), AnnotationReview.PENDING)


def _decide(
    document: ImageDocument, ids: Iterable[AnnotationId], review: AnnotationReview, note: str = ""
) -> Edit:
    chosen = set(ids)
    decided = (replace(a, review=review, note=note) for a in document.all_annotations if a.id in chosen)
    known = {a.id: a for a in document.all_annotations}
    return update(a for a in decided if (a.review, a.note) != (known[a.id].review, known[a.id].note))


def by_user(edit: Edit, document: ImageDocument) -> Edit:
    """Returns the edit as one made by hand.

    The annotations it puts become accepted, or corrected if a model proposed them and their region or label
    changes. One that the edit itself rejects, flags or makes pending stays so, and one that it only gives
    another place in painting order stays as it is. The image becomes edited, unless the edit sets its review
    state (``accept_image``), or only rejects: a later run may then propose other objects there.

    Args:
        edit: The edit.
        document: The document it will be applied to.
    """
    ids = {p.annotation.id for p in edit.put}
    before = {a.id: a for a in document.all_annotations if a.id in ids}
    put = tuple(
        p
        if p.index is not None and p.annotation is before.get(p.annotation.id)
        else replace(p, annotation=_by_user(p.annotation, before.get(p.annotation.id)))
        for p in edit.put
    )
    rejects = bool(put) and all(p.annotation.review is AnnotationReview.REJECTED for p in put)
    marks = None if rejects and not edit.drop else ReviewChange.MARK_EDITED
    return replace(edit, put=put, review=edit.review or marks)


def _by_user(after: Annotation, before: Annotation | None) -> Annotation:
    if _is_decided(after, before):
        return after
    if before is None:
        return replace(after, review=AnnotationReview.ACCEPTED, note="")
    changed = after.label_id != before.label_id or after.region != before.region
    corrected = before.is_proposed and (changed or before.review is AnnotationReview.CORRECTED)
    review = AnnotationReview.CORRECTED if corrected else AnnotationReview.ACCEPTED
    return replace(after, review=review, note="")


def _is_decided(after: Annotation, before: Annotation | None) -> bool:
    """Whether an edit itself says what becomes of an annotation, other than accepting it."""
    if after.review.is_accepted:
        return False
    if before is None:
        return after.review is not AnnotationReview.PENDING
    return (after.review, after.note) != (before.review, before.note)


def accept_image(document: ImageDocument, spared: AbstractSet[AnnotationId] = frozenset()) -> Edit:
    """Returns the edit that accepts an image and all its annotations (Ctrl+Enter); flagged ones stay so.

    So do those in ``spared``, which the user does not see.
    """
    pending = [a for a in document.annotations if a.review is AnnotationReview.PENDING and a.id not in spared]
    return replace(by_user(update(pending), document), review=ReviewChange.SET_ACCEPTED)


def flag_image() -> Edit:
    """Returns the edit that flags an image, to be looked at again."""
    return Edit(review=ReviewChange.SET_FLAGGED)


def unaccept_image() -> Edit:
    """Returns the edit that makes an accepted or flagged image one that is neither."""
    return Edit(review=ReviewChange.SET_EDITED)


@dataclass(frozen=True)
class Transaction:
    """Edits of documents and a change of the label set that are saved, undone and redone as one.

    Attributes:
        text: What the user did, for the undo menu ("Add person").
        edits: One edit per image.
        labels: The new label set; None leaves it.
        labels_before: The label set before, for the inverse; set whenever ``labels`` is.
        run_id: The run it is, or a part of, if any: of auto-annotate, an import, a carry.
        splits: The images whose split changes, each once.
        source: The image that a carry took its objects from; None: it is no carry.
    """

    text: str
    edits: tuple[tuple[ImageKey, Edit], ...] = ()
    labels: LabelSet | None = None
    labels_before: LabelSet | None = None
    run_id: RunId | None = None
    splits: tuple[SplitChange, ...] = ()
    source: ImageKey | None = None

    @property
    def keys(self) -> tuple[ImageKey, ...]:
        """The images whose annotations or review it changes."""
        return tuple(key for key, _ in self.edits)


MOST_OVERTAKEN = 500
"""A step that has to overtake more than these is undone or redone in its turn."""


def overtaken(key: ImageKey, steps: Iterable[Transaction]) -> int | None:
    """Returns how many steps have to be overtaken to undo, or redo, one of an image before them.

    The first step that changes this image and nothing else may overtake steps of other images: they can be
    undone in any order. It may not overtake a change of the label set or of splits, a run, or a step that
    changes this image among others.

    Args:
        key: The image.
        steps: The steps in the order in which they would be undone, or redone.

    Returns:
        The number of steps before it; None: there is no such step, or one that it may not overtake.
    """
    for passed, step in enumerate(islice(steps, MOST_OVERTAKEN + 1)):
        if step.labels is not None or step.run_id is not None or step.splits:
            return None
        if key in step.keys:
            return passed if set(step.keys) == {key} else None
    return None
