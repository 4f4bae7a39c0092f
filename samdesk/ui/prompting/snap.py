"""SnapController: adds shapes from elsewhere (another image, the clipboard), fitted to what is under them."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QObject

from samdesk.base.text import counted
from samdesk.domain import edits
from samdesk.domain.annotation import Annotation, AnnotationId, new_annotation_id
from samdesk.domain.geometry.regions import clip, is_drawable
from samdesk.domain.geometry.types import Region
from samdesk.domain.labels import Label, LabelId, LabelSet
from samdesk.domain.prompts import BoxPrompt, PromptSet
from samdesk.ui.canvas.view import CanvasView
from samdesk.ui.editing.session import Session
from samdesk.ui.kit.messages import Messages
from samdesk.ui.labels.controller import LabelsController
from samdesk.ui.prompting.mask_writer import remade
from samdesk.ui.prompting.refits import RefitJob, Refits
from samdesk.workers.inference.client import PredictedMask

LEAST_IOU = 0.3
"""A shape is kept if the mask in its box has a smaller IoU with it: it is of something else."""
LEAST_SCORE = 0.5
"""A shape is kept if the predicted IoU of the mask in its box is smaller."""
_KEY = "snap"


@dataclass(frozen=True)
class Snapped:
    """What was added.

    Attributes:
        fitted: The annotations whose masks the model made.
        kept: Those with the shape they came with: the model found nothing good under it.
    """

    fitted: tuple[AnnotationId, ...] = ()
    kept: tuple[AnnotationId, ...] = ()


class SnapController(QObject):
    """Adds shapes as annotations of the image on screen, each with the mask of its box: one undo step."""

    def __init__(
        self,
        session: Session,
        refits: Refits,
        canvas: CanvasView,
        labels: LabelsController,
        messages: Messages,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._refits, self._canvas = session, refits, canvas
        self._labels, self._messages = labels, messages

    def snap(
        self,
        shapes: Sequence[tuple[Region, LabelId]],
        text: str,
        done: Callable[[Snapped], None] | None = None,
        *,
        labels: LabelSet | None = None,
    ) -> None:
        """Adds shapes to the image on screen once the model has fitted them, and selects them.

        Where it finds nothing good, the shape is added as it is, and the message says so; so are those that
        are left when it is stopped, or when the model fails.

        Args:
            shapes: Regions, pixels of the image on screen, and their labels. What lies outside the image is
                cut off; of what is outside altogether nothing is added.
            text: For the Undo command ("Paste 3 annotations").
            done: Called when they are added.
            labels: The labels they need; those that the dataset does not have are added in the same step.
        """
        document = self._session.model.document
        if document is None or self._session.read_only:
            return
        inside = [(clip(region, document.width, document.height), label_id) for region, label_id in shapes]
        inside = [one for one in inside if is_drawable(one[0])]
        if not inside:
            self._messages.info("Nothing to add: it lies outside this image.", key=_KEY, seconds=5)
            return
        missing = [label for label in labels or () if label.id not in self._labels.labels]
        finish = partial(self._add, inside, text, done, missing)
        self._refits.start(
            [region for region, _ in inside], with_masks=False, progress=self._show_progress, done=finish
        )
        if self._refits.busy:
            waits = " as soon as the model is loaded" if self._refits.waits_for_model else ""
            self._show(f"Fitting {counted(len(inside), 'object')} to this image{waits}…")

    def _show_progress(self, job: RefitJob) -> None:
        if job.total > 1:
            self._show(f"Fitting to this image… {len(job.masks)} of {job.total}")

    def _show(self, text: str) -> None:
        self._messages.info(text, key=_KEY, actions=[("Stop", self._refits.stop)], seconds=0)

    def _add(
        self,
        shapes: Sequence[tuple[Region, LabelId]],
        text: str,
        done: Callable[[Snapped], None] | None,
        missing: Sequence[Label],
        job: RefitJob,
    ) -> None:
        known, twins = with_missing(self._labels.labels, missing)
        shapes = [(region, self._label_for(twins.get(id_, id_), known)) for region, id_ in shapes]
        answers = zip(shapes, job.masks, job.overlaps, strict=False)
        fitted = [_fitted(*one, mask, overlap) for one, mask, overlap in answers]
        fitted += [None] * (len(shapes) - len(fitted))
        made = [
            found or Annotation(new_annotation_id(), label_id, region)
            for found, (region, label_id) in zip(fitted, shapes, strict=True)
        ]
        if not self._session.edit(text, edits.add(made), labels=known):
            return
        kept = tuple(a.id for a, found in zip(made, fitted, strict=True) if found is None)
        snapped = Snapped(tuple(found.id for found in fitted if found is not None), kept)
        self._canvas.set_selection([a.id for a in made])
        self._notify(snapped, job)
        if done is not None:
            done(snapped)

    def _label_for(self, label_id: LabelId, known: LabelSet) -> LabelId:
        """The label of a shape, or the current one if that was deleted meanwhile."""
        if label_id not in known and (label := self._labels.current_or_new()) is not None:
            return label.id
        return label_id

    def _notify(self, snapped: Snapped, job: RefitJob) -> None:
        added = len(snapped.fitted) + len(snapped.kept)
        parts = [f"{counted(added, 'annotation')} added"]
        if snapped.kept:
            parts.append(f"{len(snapped.kept)} with the shape they came with ({_why_kept(job)})")
        select = [("Select those", partial(self._canvas.set_selection, snapped.kept))]
        show = self._messages.warn if snapped.kept else self._messages.info
        show(f"{', '.join(parts)}.", key=_KEY, actions=select if snapped.kept else [], seconds=8)


def _why_kept(job: RefitJob) -> str:
    if job.failure is not None:
        return job.failure.text.rstrip(".")
    return "stopped" if job.stopped else "the model found nothing good there"


def _fitted(region: Region, label_id: LabelId, mask: PredictedMask, overlap: float) -> Annotation | None:
    """The annotation of the mask in a shape's box; None if the mask is no good."""
    if mask.score < LEAST_SCORE or overlap < LEAST_IOU:
        return None
    box = PromptSet(box=BoxPrompt(*region.bounds))
    return remade(Annotation(new_annotation_id(), label_id, region), mask, box)


def with_missing(labels: LabelSet, missing: Sequence[Label]) -> tuple[LabelSet, dict[LabelId, LabelId]]:
    """Returns the label set with those that were missing from it a while ago.

    Also, for each of them whose name has come since, the id of the label that has it.
    """
    twins: dict[LabelId, LabelId] = {}
    names = {label.name.casefold(): label.id for label in reversed(labels.labels)}
    for label in missing:
        twin = label.id if label.id in labels else names.get(label.name.casefold())
        if twin is None:
            labels = labels.add(label.name, label.color, label.id)
        else:
            twins[label.id] = twin
    return labels, twins
