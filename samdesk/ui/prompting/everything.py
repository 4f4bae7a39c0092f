"""EverythingController: "Segment everything" proposes masks to accept one by one or all at once."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from samdesk.base.text import counted
from samdesk.domain import edits
from samdesk.domain.annotation import Annotation, new_annotation_id
from samdesk.domain.geometry.regions import is_drawable
from samdesk.ui.canvas.proposal import Proposal
from samdesk.ui.canvas.style import instance_color
from samdesk.ui.canvas.view import CanvasView
from samdesk.ui.editing.session import Session
from samdesk.ui.kit.messages import Messages
from samdesk.ui.labels.controller import LabelsController
from samdesk.ui.prompting.mask_writer import remade
from samdesk.workers.inference.client import InferenceClient, PredictedMask

_KEY = "everything"


class EverythingController(QObject):
    """Requests masks for the whole image and adds those the user accepts.

    Signals:
        changed: The proposals changed.
    """

    changed = Signal()

    def __init__(
        self,
        session: Session,
        inference: InferenceClient,
        canvas: CanvasView,
        labels: LabelsController,
        messages: Messages,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._inference, self._canvas = session, inference, canvas
        self._labels, self._messages = labels, messages
        self._masks: list[PredictedMask] = []
        self._running = False
        inference.everything_progress.connect(self._show_progress)
        inference.everything_done.connect(self._show_masks)
        canvas.proposal_clicked.connect(self._accept_one)
        session.model.document_opened.connect(self._discard_other_image)

    @property
    def proposing(self) -> bool:
        """Whether there are proposals."""
        return bool(self._masks)

    def start(self) -> None:
        """Segments the image on screen."""
        self._set([])
        self._running = True
        self._show_progress(0, 0)
        self._inference.segment_everything()

    def discard(self) -> None:
        """Drops the proposals."""
        self._set([])
        self._messages.dismiss(_KEY)

    def take_unfinished(self) -> tuple[PredictedMask, ...] | None:
        """Removes and returns the proposals."""
        masks = tuple(self._masks)
        if masks:
            self.discard()
        return masks or None

    def put_unfinished(self, masks: tuple[PredictedMask, ...]) -> None:
        """Proposes these masks again."""
        self._set(list(masks))
        self._show_count()

    def _show_progress(self, done: int, total: int) -> None:
        percent = f" {100 * done // total}%" if total else ""
        self._messages.info(
            f"Segmenting everything…{percent}",
            key=_KEY,
            actions=[("Cancel", self._inference.cancel_everything)],
        )

    def _show_masks(self, key: str, masks: list[PredictedMask]) -> None:
        if key != self._session.model.key:
            return
        self._running = False
        self._set([mask for mask in masks if is_drawable(mask.region)])
        if not self._masks:
            self._messages.info("No objects found.", key=_KEY, seconds=5)
        else:
            self._show_count()

    def _show_count(self) -> None:
        count = len(self._masks)
        self._messages.info(
            f"{counted(count, 'mask')} proposed. Click one to accept it.",
            key=_KEY,
            actions=[(f"Accept all {count}", self._accept_all), ("Discard", self.discard)],
        )

    def _accept_one(self, index: int) -> None:
        if 0 <= index < len(self._masks):
            self._add([self._masks[index]])
            self._set([mask for i, mask in enumerate(self._masks) if i != index])
            self._show_count() if self._masks else self._messages.dismiss(_KEY)

    def _accept_all(self) -> None:
        self._add(self._masks)
        self.discard()

    def _add(self, accepted: list[PredictedMask]) -> None:
        label = self._labels.current_or_new()
        if label is None or not accepted:
            return
        made = [
            remade(Annotation(new_annotation_id(), label.id, mask.region), mask, prompts=None)
            for mask in accepted
        ]
        text = f"Add {label.name}" if len(made) == 1 else f"Add {len(made)} {label.name}"
        self._session.edit(text, edits.add(made))

    def _discard_other_image(self, _document: object) -> None:
        if self._masks or self._running:
            self._running = False
            self.discard()

    def _set(self, masks: list[PredictedMask]) -> None:
        self._masks = masks
        self._paint()
        self.changed.emit()

    def _paint(self) -> None:
        proposals = [
            Proposal(masks=(mask,), color=instance_color(number)) for number, mask in enumerate(self._masks)
        ]
        self._canvas.set_proposals(proposals)
