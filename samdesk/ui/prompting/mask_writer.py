"""MaskWriter: writes accepted masks into the document on screen."""

from __future__ import annotations

from dataclasses import replace

from samdesk.domain import edits
from samdesk.domain.annotation import Annotation, AnnotationId, Source, new_annotation_id
from samdesk.domain.labels import LabelId
from samdesk.domain.prompts import PromptSet
from samdesk.ui.canvas.proposal import ProposedMask
from samdesk.ui.editing.session import Session
from samdesk.ui.labels.controller import LabelsController


def remade(old: Annotation, mask: ProposedMask, prompts: PromptSet | None) -> Annotation:
    """The annotation with another mask and its scores; ``prompts`` are those to open it with again."""
    return replace(
        old,
        region=mask.region,
        source=Source.SAM,
        detector_score=None,  # it was about another outline
        mask_score=mask.score,
        stability=mask.stability,
        prompts=prompts,
    )


class MaskWriter:
    """Adds an annotation for a mask, or replaces the region of one that was reopened."""

    def __init__(self, session: Session, labels: LabelsController) -> None:
        self._session, self._labels = session, labels

    def find(self, annotation_id: AnnotationId | None) -> Annotation | None:
        """An annotation of the document on screen."""
        document = self._session.model.document
        return document.find(annotation_id) if document is not None and annotation_id is not None else None

    def label_for(self, reopened: AnnotationId | None) -> LabelId | None:
        """The label of the reopened annotation, else the current one."""
        old = self.find(reopened)
        if old is not None:
            return old.label_id
        label = self._labels.current_or_new()
        return label.id if label is not None else None

    def write(
        self,
        mask: ProposedMask,
        prompts: PromptSet,
        label_id: LabelId | None,
        reopened: AnnotationId | None,
    ) -> None:
        """Adds an annotation, or updates the reopened one.

        Args:
            mask: Its outline and scores.
            prompts: The prompts that the user placed.
            label_id: The label of a new one.
            reopened: The annotation to update, if any.
        """
        if label_id is not None and label_id not in self._labels.labels:
            label_id = self.label_for(None)  # it was deleted while the mask was being predicted
        if label_id is None:
            return
        placed = replace(prompts, mask=None) or None
        old = self.find(reopened)
        if old is not None:
            new = remade(old, mask, placed)
            self._session.edit(f"Edit mask of {self._labels.name(old.label_id)}", edits.update([new]))
            return
        blank = Annotation(new_annotation_id(), label_id, mask.region)
        self._session.edit(f"Add {self._labels.name(label_id)}", edits.add([remade(blank, mask, placed)]))

    def accept(self, reopened: AnnotationId | None) -> None:
        """Accepts the reopened annotation as it is, unless it is already."""
        document, old = self._session.model.document, self.find(reopened)
        if document is not None and old is not None and old.review.is_open:
            self._session.edit("Accept annotation", edits.accept(document, [old.id]))
