"""TightenController: fits annotations to the image with the mask model, from their boxes and regions."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import partial

from PySide6.QtCore import QObject, Signal

from samdesk.base.text import counted
from samdesk.domain import edits
from samdesk.domain.annotation import Annotation, AnnotationId
from samdesk.ui.canvas.view import CanvasView
from samdesk.ui.editing.session import Session
from samdesk.ui.kit.messages import Messages
from samdesk.ui.labels.controller import LabelsController
from samdesk.ui.prompting.annotate import AnnotateController
from samdesk.ui.prompting.mask_writer import remade
from samdesk.ui.prompting.refits import RefitJob, Refits

LEAST_IOU = 0.5
"""An annotation is kept if the model's mask has a smaller IoU with it: it is of something else."""
FITS_IOU = 0.9
"""An annotation is kept if the model's mask has a larger IoU with it: it fits as it is.

On COCO objects with Flint, masks of which this is true were on average better than what the model made of
them, and those between the two limits worse.
"""
_KEY = "tighten"


@dataclass(frozen=True)
class Tightened:
    """What came of tightening annotations.

    Attributes:
        changed: Those that have a new region.
        fitting: Those that fit as they are, see ``FITS_IOU``.
        refused: Those for which the model has no mask, or one of something else, see ``LEAST_IOU``.
        missing: Those that were not reached, or edited meanwhile.
        worst: The smallest IoU of a mask with its annotation, of all that were refused; 0 without a mask.
    """

    changed: tuple[AnnotationId, ...] = ()
    fitting: tuple[AnnotationId, ...] = ()
    refused: tuple[AnnotationId, ...] = ()
    missing: tuple[AnnotationId, ...] = ()
    worst: float = 0.0


class TightenController(QObject):
    """Tightens annotations of the image on screen: one undo step, nothing is made worse silently.

    Signals:
        finished: (``Tightened``) a call of ``tighten`` is done, and its edit made.
    """

    finished = Signal(object)

    def __init__(
        self,
        session: Session,
        refits: Refits,
        canvas: CanvasView,
        annotate: AnnotateController,
        labels: LabelsController,
        messages: Messages,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._refits, self._canvas = session, refits, canvas
        self._annotate, self._labels, self._messages = annotate, labels, messages

    def tighten_selected(self) -> None:
        """Tightens the selected annotations, or the one whose mask is open."""
        opened = self._annotate.reopened
        self.tighten(self._canvas.selection if opened is None else (opened,))

    def tighten(self, ids: Iterable[AnnotationId]) -> None:
        """Fits annotations of the image on screen to it; says what came of it, see ``finished``."""
        document, wanted = self._session.model.document, set(ids)
        found = [] if document is None else [a for a in document.annotations if a.id in wanted]
        chosen = [a for a in found if a.id not in self._session.locks.locked]
        if self._session.read_only:
            self._messages.info("This dataset is open read-only.", key=_KEY, seconds=5)
        elif found and not chosen:
            self._session.locked.emit(frozenset(a.id for a in found))
        elif not chosen:
            self._messages.info("Select an annotation to tighten first.", key=_KEY, seconds=5)
        elif self._annotate.is_refining:
            self._messages.info("Accept the mask or clear its prompts first.", key=_KEY, seconds=5)
        else:
            if self._annotate.reopened is not None:
                self._annotate.discard()
            self._begin(chosen)

    def _begin(self, chosen: Sequence[Annotation]) -> None:
        self._refits.start(
            [a.region for a in chosen],
            with_masks=True,
            progress=self._show_progress,
            done=partial(self._finish, chosen),
        )
        if self._refits.busy:
            waits = " as soon as the model is loaded" if self._refits.waits_for_model else ""
            self._show(f"Tightening {counted(len(chosen), 'annotation')}{waits}…")

    def _show_progress(self, job: RefitJob) -> None:
        if job.total > 1:
            self._show(f"Tightening… {len(job.masks)} of {job.total}")

    def _show(self, text: str) -> None:
        self._messages.info(text, key=_KEY, actions=[("Stop", self._refits.stop)], seconds=0)

    def _finish(self, chosen: Sequence[Annotation], job: RefitJob) -> None:
        new, result = self._compare(chosen, job)
        if new:
            what = self._labels.name(new[0].label_id) if len(new) == 1 else counted(len(new), "annotation")
            if not self._session.edit(f"Tighten {what}", edits.update(new)):
                result = replace(result, changed=(), missing=(*result.missing, *result.changed))
        self._messages.dismiss(_KEY)
        self._notify(result, job, len(chosen))
        self.finished.emit(result)

    def _compare(self, chosen: Sequence[Annotation], job: RefitJob) -> tuple[list[Annotation], Tightened]:
        """The annotations with their new regions, and what becomes of which."""
        document = self._session.model.document
        known = {} if document is None else {a.id: a for a in document.annotations}
        new: list[Annotation] = []
        fitting: list[AnnotationId] = []
        refused: list[AnnotationId] = []
        reached: set[AnnotationId] = set()
        worst = 1.0
        for old, mask, overlap in zip(chosen, job.masks, job.overlaps, strict=False):
            now = known.get(old.id)
            if now is None or (now.region is not old.region and now.region != old.region):
                continue  # it was edited or deleted meanwhile
            reached.add(old.id)
            if overlap < LEAST_IOU:
                refused.append(old.id)
                worst = min(worst, overlap)
            elif overlap > FITS_IOU:
                fitting.append(old.id)
            else:
                new.append(remade(now, mask, now.prompts))
        missing = tuple(a.id for a in chosen if a.id not in reached)
        changed = tuple(a.id for a in new)
        return new, Tightened(changed, tuple(fitting), tuple(refused), missing, worst)

    # -- what came of it, in words

    def _notify(self, result: Tightened, job: RefitJob, total: int) -> None:
        if job.failure is not None:
            kept = f" {counted(len(result.missing), 'annotation')} kept as they were." if total > 1 else ""
            self._messages.warn(f"{job.failure.text}{kept}", key=_KEY, seconds=10)
            return
        text = _sentence(result) if total == 1 else _summary(result, total, job.stopped)
        left = (*result.refused, *result.missing)
        select = [("Select those kept", partial(self._canvas.set_selection, left))]
        self._messages.info(text, key=_KEY, actions=select if left and total > 1 else [], seconds=8)


def _sentence(result: Tightened) -> str:
    """What came of one annotation."""
    if result.changed:
        return "Tightened. Press U to see it before and after."
    if result.fitting:
        return "Kept as it was: it fits already."
    if result.missing:
        return "Not tightened."
    return (
        f"Kept as it was: the model sees something else there (IoU {result.worst:.2f}). "
        "Add prompts with Edit mask, or correct it by hand."
    )


def _summary(result: Tightened, total: int, stopped: bool) -> str:
    """What came of several annotations."""
    parts = [
        f"{len(result.fitting)} fit already" if result.fitting else "",
        f"{len(result.refused)} kept, as the model sees something else there" if result.refused else "",
        f"{len(result.missing)} {'left' if stopped else 'edited meanwhile'}" if result.missing else "",
    ]
    rest = "; ".join(part for part in parts if part)
    return f"Tightened {len(result.changed)} of {total} annotations" + (f": {rest}." if rest else ".")
