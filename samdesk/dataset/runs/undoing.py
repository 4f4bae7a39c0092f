"""What undoing a run leaves alone: what the user has decided about since."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import replace

from samdesk.domain.annotation import Annotation, RunId, Source
from samdesk.domain.document import ImageDocument
from samdesk.domain.edits import Edit, Placed


def run_undo(document: ImageDocument, do: Edit, undo: Edit, run_id: RunId) -> Edit:
    """Returns the edit that undoes one edit of a run on a document that may have been edited since.

    Annotations of the run that the user has not decided about are dropped and those it replaced come back;
    those that were accepted, edited or deleted since stay as they are.
    """
    present = {a.id: a for a in document.all_annotations}
    put_by_run = {p.annotation.id: p.annotation for p in do.put}
    untouched = {i for i, a in present.items() if a.run_id == run_id and _is_as_put(a, put_by_run.get(i, a))}

    def restores(placed: Placed) -> bool:
        now = present.get(placed.annotation.id)
        if placed.annotation.id in put_by_run:
            return placed.annotation.id in untouched
        return now is None

    drop = tuple(i for i in undo.drop if i in untouched)
    review = undo.review
    if do.review is not None and do.review.apply(document.review) is not document.review:
        review = None  # the user has decided about the image since
    return replace(undo, drop=drop, put=tuple(p for p in undo.put if restores(p)), review=review)


def _is_as_put(now: Annotation, put: Annotation) -> bool:
    """Whether the user has not decided about an annotation of a run, nor given an imported one a label."""
    same_label = now.label_id == put.label_id or now.source is not Source.IMPORT
    return now.review is put.review and same_label


def without_runs(edit: Edit, undone: Collection[RunId]) -> Edit:
    """Returns the edit without putting untouched annotations of undone runs."""
    dropped = tuple(
        a.id
        for a in (p.annotation for p in edit.put)
        if a.run_id in undone and (a.is_untouched or a.is_pending_carried or a.source is Source.IMPORT)
    )
    if not dropped:
        return edit
    put = tuple(p for p in edit.put if p.annotation.id not in dropped)
    return replace(edit, drop=(*edit.drop, *dropped), put=put)
