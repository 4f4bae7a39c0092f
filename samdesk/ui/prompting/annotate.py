"""From prompts to a proposal to an annotation."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QObject, Signal

from samdesk.domain.annotation import Annotation, AnnotationId
from samdesk.domain.document import ImageDocument
from samdesk.domain.geometry.contours import region_to_logits
from samdesk.domain.geometry.regions import contains, is_drawable
from samdesk.domain.geometry.types import Frame, Region
from samdesk.domain.geometry.views import contains_rect
from samdesk.domain.labels import Label
from samdesk.domain.prompts import MaskPrompt, PointPrompt, PromptSet
from samdesk.ui.canvas.proposal import Proposal, ProposedMask, ScoredRegion
from samdesk.ui.canvas.tools.sam import SamTool
from samdesk.ui.canvas.view import CanvasView
from samdesk.ui.editing.session import Session
from samdesk.ui.labels.controller import LabelsController
from samdesk.ui.prompting.accept_queue import Accepted, AcceptedQueue
from samdesk.ui.prompting.candidate_strip import CandidateStrip
from samdesk.ui.prompting.feedback import MaskFeedback
from samdesk.ui.prompting.mask_writer import MaskKeeper
from samdesk.workers.failure import Failure
from samdesk.workers.inference.client import InferenceClient, Prediction


class AnnotateController(QObject):
    """Sends prompts to the predictor, shows its masks, and turns the accepted one into an annotation.

    Signals:
        settled: No accepted mask waits for the model any more.
        given_back: An accepted mask could not be made; its prompts are on the canvas again.
        decoded: Milliseconds the decoder took for the mask just shown.
        changed: There are more or fewer prompts or candidates.
    """

    settled = Signal()
    given_back = Signal()
    changed = Signal()
    decoded = Signal(float)

    def __init__(
        self,
        session: Session,
        inference: InferenceClient,
        canvas: CanvasView,
        tool: SamTool,
        strip: CandidateStrip,
        labels: LabelsController,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._inference, self._canvas = session, inference, canvas
        self._tool, self._strip, self._labels = tool, strip, labels
        self._feedback = MaskFeedback()
        self._shown: Prediction | None = None
        self._asked = 0
        self._index = 0
        self._keeper = MaskKeeper(session, labels)
        self._queue = AcceptedQueue()
        self._reopened: AnnotationId | None = None
        self._proposal: Proposal | None = None
        self._view: Frame | None = None
        self._mouse: tuple[float, float] | None = None  # where a preview is shown or asked for
        tool.prompts_changed.connect(self._ask)
        tool.hovered.connect(self._hover)
        tool.hover_left.connect(self._end_hover)
        tool.accept_requested.connect(self.accept)
        canvas.space_tapped.connect(self._accept_by_space)
        tool.candidate_step.connect(self.step_candidate)
        tool.cleared.connect(self.discard)
        inference.predicted.connect(self._take)
        inference.failed.connect(self._give_up)
        inference.encoding.connect(lambda _key: self._look_from(None))
        inference.view_ready.connect(self._look_from)
        strip.chosen.connect(self.choose_candidate)
        labels.current_changed.connect(self._recolor)
        session.model.document_opened.connect(self._forget_others)

    @property
    def waiting(self) -> bool:
        """Whether an accepted mask still waits for the model."""
        return len(self._queue) > 0

    @property
    def has_prompts(self) -> bool:
        """Whether an object is being prompted."""
        return bool(self._tool.prompts) or self._reopened is not None

    @property
    def proposal(self) -> Proposal | None:
        """What is proposed on the canvas, if anything."""
        return self._proposal

    @property
    def answered(self) -> bool:
        """Whether the mask shown answers the newest prompt."""
        return self._shown is not None and self._shown.token == self._asked

    @property
    def candidate_count(self) -> int:
        """How many masks the proposal has to choose from."""
        return len(self._shown.masks) if self._shown is not None and not self._shown.hover else 0

    @property
    def reopened(self) -> AnnotationId | None:
        """The annotation that is open again in the SAM tool, if any."""
        return self._reopened

    def accept(self) -> None:
        """Keeps the mask shown; if its answer is still on the way, keeps it when it comes.

        Either way the tool is ready for the next object at once.
        """
        if not self.has_prompts:
            return
        if self._tool.prompts and not self.answered:
            self._await()
        else:
            self._keep()

    def _accept_by_space(self) -> None:
        if self._canvas.tool is self._tool:
            self.accept()

    def discard(self) -> None:
        """Forgets the prompts and the proposal; what was accepted is still kept when it comes."""
        self._stop_asking()
        self._reset()
        self._tool.clear()
        self._settle()

    def forget(self) -> None:
        """Drops everything, what was accepted and is not there yet as well."""
        self._queue.clear()
        self.discard()

    def step_candidate(self, by: int) -> None:
        """Shows the next (+1) or previous (-1) mask of the answer."""
        if self._shown is not None and self._shown.masks and not self._shown.hover:
            self.choose_candidate((self._index + by) % len(self._shown.masks))

    def choose_candidate(self, index: int) -> None:
        """Shows one mask of the answer; the next prompt refines this one."""
        if self._shown is None or not 0 <= index < len(self._shown.masks):
            return
        self._index = index
        self._feedback.note(self._shown.prompts, self._shown.masks[index].candidate.as_prompt())
        self._show()

    def reopen(self, annotation: Annotation) -> None:
        """Opens an annotation again with its prompts; what is accepted takes its place."""
        document = self._session.model.document
        if document is None:
            return
        self.discard()
        self._reopened = annotation.id
        frame = self._frame_around(annotation.region, document)
        logits = region_to_logits(annotation.region, frame, (document.height, document.width))
        self._feedback.seed(MaskPrompt(logits, frame))
        mask = ScoredRegion(annotation.region, annotation.mask_score or 1.0)
        self._proposal = self._as_proposal((mask,), 0)
        self._tool.show_prompts(annotation.prompts or PromptSet())
        self._canvas.set_edited(annotation.id)
        self._canvas.set_proposal(self._proposal)
        self.changed.emit()

    def _frame_around(self, region: Region, document: ImageDocument) -> Frame:
        """What the model looks at: a mask prompt over just that loses nothing."""
        if self._view is not None and not region.is_empty and contains_rect(self._view, region.bounds):
            return self._view
        return Frame(0.0, 0.0, float(max(document.width, document.height)))

    def _look_from(self, view: Frame | None) -> None:
        """The model looks elsewhere: a mask that is in the making is drawn again if it may become finer.

        Not one among whose candidates the user has chosen, nor an annotation opened again and left as it is.
        """
        self._view = view
        if view is None:
            return
        if self._tool.prompts and self._index == 0 and self.candidate_count:
            self._ask(self._tool.prompts)
        elif self._mouse is not None:
            self._hover(*self._mouse)

    def _ask(self, prompts: PromptSet) -> None:
        if not prompts:
            self._stop_asking()
            self._shown, self._asked = None, 0
            if self._reopened is None:
                self._clear_proposal()
            return
        if self._is_on_screen():
            self._asked = 0 if self.waiting else self._inference.predict(self._feedback.complete(prompts))
        self.changed.emit()

    def _is_on_screen(self) -> bool:
        """Whether the photo on the canvas is the one the predictor has; not while paging."""
        return self._session.model.key is not None and self._session.model.key == self._inference.key

    def _stop_asking(self) -> None:
        if not self.waiting:
            self._inference.clear()

    def _hover(self, x: float, y: float) -> None:
        self._mouse = (x, y)
        if self.has_prompts or not self._is_on_screen():
            return
        shown = self._proposal
        if shown is not None and shown.hover and not contains(shown.region, x, y):
            self._clear_proposal()  # the mouse has left this mask and the next is not there yet
        self._inference.predict(PromptSet((PointPrompt(x, y),)), hover=True)

    def _end_hover(self) -> None:
        self._mouse = None
        self._inference.cancel_hover()
        if self._proposal is not None and self._proposal.hover:
            self._clear_proposal()

    def _take(self, prediction: Prediction) -> None:
        if prediction.key != self._session.model.key:
            return
        if prediction.hover:
            if not self.has_prompts:
                masks = prediction.masks
                self._proposal = self._as_proposal(masks, 0, hover=True) if masks else None
                self._canvas.set_proposal(self._proposal)
                self.decoded.emit(prediction.decode_ms)
            return
        if self.waiting:
            self._take_awaited(prediction)
            return
        if prediction.token > self._asked or not self.has_prompts:
            return
        self._shown, self._index = prediction, 0
        self.decoded.emit(prediction.decode_ms)
        if prediction.masks:
            self.choose_candidate(0)
        else:
            self._clear_proposal()

    def _give_up(self, failure: Failure) -> None:
        if self.waiting and failure.token == self._queue.token:
            self._give_back(self._queue.take())
            self._go_on()
        elif failure.token == self._asked:
            self._asked = 0

    # -- keeping

    def _keep(self) -> None:
        """Makes an annotation of the mask shown."""
        proposal, prompts = self._proposal, self._tool.prompts
        if proposal is None or proposal.hover or not is_drawable(proposal.region):
            return
        if self._reopened is None or self._shown is not None:
            label_id = self._keeper.label_for(self._reopened)
            self._keeper.keep(proposal, prompts, label_id, self._reopened)
        self._clear_object()

    def _await(self) -> None:
        """Has the mask kept when it comes."""
        label_id = self._keeper.label_for(self._reopened)
        if label_id is None or not self._is_on_screen():
            return
        key, prompts = self._session.model.key, self._tool.prompts
        assert key is not None
        accepted = Accepted(key, label_id, prompts, self._feedback.complete(prompts), self._reopened)
        asked = self._asked
        if self._queue.add(accepted):
            self._queue.token = asked or self._inference.predict(accepted.asked)
        self._clear_object()

    def _take_awaited(self, prediction: Prediction) -> None:
        if prediction.token != self._queue.token:
            return
        accepted = self._queue.take()
        if prediction.masks and is_drawable(prediction.masks[0].region):
            self._keeper.keep(prediction.masks[0], accepted.prompts, accepted.label_id, accepted.reopened)
        else:
            self._give_back(accepted)
        self._go_on()

    def _give_back(self, accepted: Accepted) -> None:
        """Puts the prompts of a mask that could not be made back, unless the user is at the next object."""
        if self.has_prompts or self.waiting:
            return
        old = self._keeper.find(accepted.reopened)
        if old is not None:
            self.reopen(old)
        self._tool.show_prompts(accepted.prompts)
        self.changed.emit()
        self.given_back.emit()

    def _go_on(self) -> None:
        """Asks for the next accepted mask, or for what was prompted meanwhile."""
        if self.waiting:
            self._queue.token = self._inference.predict(self._queue.first.asked)
            return
        self.settled.emit()
        if self._tool.prompts and not self._asked:
            self._ask(self._tool.prompts)

    def _clear_object(self) -> None:
        self._reset()
        self._tool.clear()
        self._settle()

    def _forget_others(self, document: ImageDocument | None) -> None:
        if self.waiting and (document is None or document.key != self._queue.first.key):
            self.forget()

    def _reset(self) -> None:
        self._feedback.clear()
        self._shown, self._asked, self._index = None, 0, 0
        if self._reopened is not None:
            self._reopened = None
            self._canvas.set_edited(None)
        self._clear_proposal()

    def _settle(self) -> None:
        if not self.waiting:
            self.settled.emit()

    def _clear_proposal(self) -> None:
        self._proposal = None
        self._canvas.set_proposal(None)
        self._strip.set_candidates([], 0, "")
        self.changed.emit()

    def _show(self) -> None:
        if self._shown is None:
            return
        masks = self._shown.masks
        self._proposal = self._as_proposal(masks, self._index)
        self._canvas.set_proposal(self._proposal)
        self._strip.set_candidates(masks, self._index, self._proposal.color)
        self.changed.emit()

    def _as_proposal(self, masks: tuple[ProposedMask, ...], index: int, hover: bool = False) -> Proposal:
        return Proposal(masks=masks, index=index, color=self._labels.color(), hover=hover)

    def _recolor(self, _label: Label | None) -> None:
        if self._proposal is not None:
            self._proposal = replace(self._proposal, color=self._labels.color())
            self._canvas.set_proposal(self._proposal)
