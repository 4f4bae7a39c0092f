"""Segment everything: masks for the whole image, to accept one by one or all."""

from __future__ import annotations

from PySide6.QtCore import QObject, Signal

from samdesk.domain import edits
from samdesk.domain.annotation import Annotation, Source, new_annotation_id
from samdesk.domain.geometry.regions import is_drawable
from samdesk.ui.canvas.proposal import Proposal
from samdesk.ui.canvas.view import CanvasView
from samdesk.ui.editing.session import Session
from samdesk.ui.kit.messages import Messages
from samdesk.ui.labels.controller import LabelsController
from samdesk.workers.inference.client import InferenceClient, PredictedMask

_KEY = "everything"


class EverythingController(QObject):
    """Asks for proposals over the whole image and keeps those the user accepts.

    Signals:
        changed: There are proposals now, or none any more.
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
        self._found: list[PredictedMask] = []
        self._looking = False
        inference.everything_progress.connect(self._show_progress)
        inference.everything_done.connect(self._show_found)
        canvas.proposal_clicked.connect(self._accept_one)
        session.model.document_opened.connect(self._forget)
        labels.current_changed.connect(lambda _label: self._paint())

    def start(self) -> None:
        """Asks for every object of the image on screen."""
        self._set([])
        self._looking = True
        self._messages.info(
            "Looking for every object…", key=_KEY, actions=[("Stop", self._inference.cancel_everything)]
        )
        self._inference.segment_everything()

    @property
    def proposing(self) -> bool:
        """Whether there are proposals to accept or drop."""
        return bool(self._found)

    def discard(self) -> None:
        """Drops what is proposed."""
        self._set([])
        self._messages.dismiss(_KEY)

    def _show_progress(self, done: int, total: int) -> None:
        share = f" {100 * done // total}%" if total else ""
        self._messages.info(
            f"Looking for every object…{share}",
            key=_KEY,
            actions=[("Stop", self._inference.cancel_everything)],
        )

    def _show_found(self, key: str, found: list[PredictedMask]) -> None:
        if key != self._session.model.key:
            return
        self._looking = False
        self._set([shown for shown in found if is_drawable(shown.region)])
        if not self._found:
            self._messages.info("No object was proposed.", key=_KEY, seconds=5)
        else:
            self._tell()

    def _tell(self) -> None:
        count = len(self._found)
        self._messages.info(
            f"{count} {'mask' if count == 1 else 'masks'} proposed. Click one to accept it.",
            key=_KEY,
            actions=[(f"Accept all {count}", self._accept_all), ("Discard", self.discard)],
        )

    def _accept_one(self, index: int) -> None:
        if 0 <= index < len(self._found):
            self._keep([self._found[index]])
            self._set([shown for i, shown in enumerate(self._found) if i != index])
            self._tell() if self._found else self._messages.dismiss(_KEY)

    def _accept_all(self) -> None:
        self._keep(self._found)
        self.discard()

    def _keep(self, chosen: list[PredictedMask]) -> None:
        label = self._labels.current_or_new()
        if label is None or not chosen:
            return
        made = [
            Annotation(new_annotation_id(), label.id, shown.region, Source.SAM, mask_score=shown.score)
            for shown in chosen
        ]
        text = f"Add {label.name}" if len(made) == 1 else f"Add {len(made)} {label.name}"
        self._session.edit(text, edits.add(made))

    def _forget(self, _document: object) -> None:
        if self._found or self._looking:
            self._looking = False
            self.discard()

    def _set(self, found: list[PredictedMask]) -> None:
        self._found = found
        self._paint()
        self.changed.emit()

    def _paint(self) -> None:
        color = self._labels.color()
        self._canvas.set_proposals([Proposal(masks=(mask,), color=color) for mask in self._found])
