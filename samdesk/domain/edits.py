"""Edits: pure, invertible changes to a document, and the transactions they are saved in."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, replace

from samdesk.domain.annotation import Annotation, AnnotationId, RunId
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.labels import LabelId, LabelSet
from samdesk.domain.review import AnnotationReview, ReviewChange


@dataclass(frozen=True)
class Placed:
    """An annotation and its place in painting order; None puts it on top (or leaves it there)."""

    annotation: Annotation
    index: int | None = None


@dataclass(frozen=True)
class Edit:
    """One change to one document: what is dropped, what is put, and the image's state.

    Dropping an id that is gone and putting one that is there (it is replaced) are both sound, so an
    edit still applies after another edit touched other annotations of the image.

    Attributes:
        drop: Annotations that leave.
        put: Annotations that are there afterwards, new or in place of the one with the same id.
        review: What becomes of the image's review state; None leaves it.
    """

    drop: tuple[AnnotationId, ...] = ()
    put: tuple[Placed, ...] = ()
    review: ReviewChange | None = None

    def __bool__(self) -> bool:
        return bool(self.drop or self.put) or self.review is not None

    def apply(self, document: ImageDocument) -> tuple[ImageDocument, Edit]:
        """The document after the edit, and the edit that takes it back exactly (but for ``revision``)."""
        return self._applied(document), self._inverse(document)

    def _applied(self, document: ImageDocument) -> ImageDocument:
        moved = {p.annotation.id for p in self.put if p.index is not None}
        kept = [a for a in document.annotations if a.id not in moved.union(self.drop)]
        places = {a.id: i for i, a in enumerate(kept)}
        fixed = [p for p in self.put if p.index is not None]
        for annotation in (p.annotation for p in self.put if p.index is None):
            if annotation.id in places:
                kept[places[annotation.id]] = annotation
            else:
                kept.append(annotation)
        for placed in sorted(fixed, key=lambda p: p.index or 0):
            kept.insert(min(placed.index or 0, len(kept)), placed.annotation)
        return replace(
            document,
            annotations=tuple(kept),
            review=document.review if self.review is None else self.review.apply(document.review),
            revision=document.revision + 1,
        )

    def _inverse(self, document: ImageDocument) -> Edit:
        before = {a.id: Placed(a, i) for i, a in enumerate(document.annotations)}
        ours = list(dict.fromkeys([*self.drop, *(p.annotation.id for p in self.put)]))
        return Edit(
            drop=tuple(i for i in ours if i not in before),
            put=tuple(before[i] for i in ours if i in before),
            review=None if self.review is None else ReviewChange.to(document.review),
        )


def add(annotations: Iterable[Annotation]) -> Edit:
    """Puts new annotations on top."""
    return Edit(put=tuple(Placed(a) for a in annotations))


def remove(ids: Iterable[AnnotationId]) -> Edit:
    """Drops annotations."""
    return Edit(drop=tuple(ids))


def update(annotations: Iterable[Annotation]) -> Edit:
    """Puts changed annotations in place of those with the same ids."""
    return Edit(put=tuple(Placed(a) for a in annotations))


def relabel(document: ImageDocument, ids: Iterable[AnnotationId], label_id: LabelId) -> Edit:
    """Gives annotations another label."""
    chosen = set(ids)
    return update(
        replace(a, label_id=label_id)
        for a in document.annotations
        if a.id in chosen and a.label_id != label_id
    )


def by_user(edit: Edit) -> Edit:
    """Returns the edit as one made by hand.

    What it puts is accepted and belongs to no run any more; the image counts as edited, unless the edit
    says more (``accept_image``).
    """
    put = tuple(
        replace(p, annotation=replace(p.annotation, review=AnnotationReview.ACCEPTED, run_id=None))
        for p in edit.put
    )
    return replace(edit, put=put, review=edit.review or ReviewChange.MARK_EDITED)


def accept_image(document: ImageDocument) -> Edit:
    """A person agrees with everything on the image (Ctrl+Enter)."""
    pending = [a for a in document.annotations if a.review is AnnotationReview.PENDING]
    return replace(by_user(update(pending)), review=ReviewChange.SET_ACCEPTED)


@dataclass(frozen=True)
class Transaction:
    """What is saved, undone and redone as one: edits to documents, or a new label set, or both.

    Attributes:
        text: What the user did, for the undo menu ("Add person").
        edits: One edit an image.
        labels: The label set afterwards, or None to leave it.
        labels_before: The label set before, for the way back; set whenever ``labels`` is.
        run_id: The auto-annotate run it belongs to, if any.
    """

    text: str
    edits: tuple[tuple[ImageKey, Edit], ...] = ()
    labels: LabelSet | None = None
    labels_before: LabelSet | None = None
    run_id: RunId | None = None

    @property
    def keys(self) -> tuple[ImageKey, ...]:
        """The images it changes."""
        return tuple(key for key, _ in self.edits)
