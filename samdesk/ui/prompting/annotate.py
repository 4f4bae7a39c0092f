"""AnnotateController: prompts become a proposal, and the accepted proposal an annotation."""

from __future__ import annotations

from dataclasses import replace

from PySide6.QtCore import QObject, Signal

from samdesk.domain.annotation import Annotation, AnnotationId
from samdesk.domain.document import ImageDocument
from samdesk.domain.geometry.regions import is_drawable
from samdesk.domain.geometry.types import Frame
from samdesk.domain.labels import Label
from samdesk.domain.prompts import PromptSet
from samdesk.ui.canvas.proposal import Proposal, ScoredRegion
from samdesk.ui.canvas.tools.base import Tool
from samdesk.ui.canvas.tools.sam import PromptState, SamTool
from samdesk.ui.canvas.view import CanvasView
from samdesk.ui.editing.session import Session
from samdesk.ui.labels.controller import LabelsController
from samdesk.ui.prompting.accept_queue import AcceptedPrompts, AcceptQueue
from samdesk.ui.prompting.candidate_strip import CandidateStrip
from samdesk.ui.prompting.feedback import MaskFeedback
from samdesk.ui.prompting.hover import HoverPreview
from samdesk.ui.prompting.mask_writer import MaskWriter
from samdesk.ui.prompting.unfinished_mask import UnfinishedMask
from samdesk.workers.failure import Failure
from samdesk.workers.inference.client import InferenceClient, Prediction


class AnnotateController(QObject):
    """Sends prompts to the predictor, shows its masks, and turns the accepted one into an annotation.

    Signals:
        settled: No accepted mask is pending any more.
        prompts_restored: An accepted mask could not be predicted; its prompts are on the canvas again.
        decoded: Milliseconds the decoder took for the mask just shown.
        changed: The prompts, the candidates or the proposal changed.
        parked: An unfinished mask was set aside for another tool or annotation.
    """

    parked = Signal()
    settled = Signal()
    prompts_restored = Signal()
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
        self._writer = MaskWriter(session, labels)
        self._queue = AcceptQueue()
        self._token = 0  # of the newest request for the object on the canvas; 0: none
        self._prediction: Prediction | None = None
        self._index = 0
        self._proposal: Proposal | None = None
        self._reopened: AnnotationId | None = None
        self._parked: list[UnfinishedMask] = []  # of this image; the newest is gone on with first
        self._keep_shown = False  # the mask shown is an earlier one: not predicted again by itself
        self._view: Frame | None = None
        self._to_refine: AnnotationId | None = None  # by the next prompt
        self._hover = HoverPreview(tool, inference, self)
        self._hover.allowed = lambda: self.image_ready and not self.has_prompts and self._to_refine is None
        self._hover.shown = lambda: p.region if (p := self._proposal) is not None and p.hover else None
        self._hover.ended.connect(self._clear_proposal)
        tool.prompts_changed.connect(self._request)
        tool.candidate_step.connect(self.step_candidate)
        tool.cleared.connect(self.discard)
        tool.accept_requested.connect(self.accept)
        canvas.space_tapped.connect(lambda: self.accept() if canvas.tool is tool else None)
        canvas.tool_changed.connect(self._follow_tool)
        inference.predicted.connect(self._receive)
        inference.failed.connect(self._receive_failure)
        inference.encoding.connect(lambda _key: self._set_view(None))
        inference.view_ready.connect(self._set_view)
        strip.chosen.connect(self.choose_candidate)
        labels.current_changed.connect(self._recolor)
        session.model.document_opened.connect(self._discard_other_image)

    @property
    def mask_pending(self) -> bool:
        """Whether an accepted mask is pending."""
        return len(self._queue) > 0

    @property
    def image_ready(self) -> bool:
        """Whether the predictor has the image on the canvas; False while the image changes."""
        return self._session.model.key is not None and self._session.model.key == self._inference.key

    @property
    def has_prompts(self) -> bool:
        """Whether an object is being prompted."""
        return bool(self._tool.prompts) or self._reopened is not None

    @property
    def proposal(self) -> Proposal | None:
        """The proposal on the canvas."""
        return self._proposal

    @property
    def answered(self) -> bool:
        """Whether the mask shown answers the newest prompt."""
        return self._prediction is not None and self._prediction.token == self._token

    @property
    def candidate_count(self) -> int:
        """How many candidates the proposal has."""
        return len(self._prediction.masks) if self._prediction is not None else 0

    @property
    def reopened(self) -> AnnotationId | None:
        """The annotation that is being refined, if any."""
        return self._reopened

    @property
    def is_refining(self) -> bool:
        """Whether an annotation is open and has new prompts: ``accept`` would change it."""
        return self._reopened is not None and not self._unchanged

    def refine(self, annotation_id: AnnotationId | None) -> None:
        """Has the next prompt refine this annotation, its region being the mask prompt; see ``is_refining``.

        It holds until it is called again, with None for prompts that begin another object. The annotation
        stays on the canvas as it is until then. An object that is open is left as it is.
        """
        self._to_refine = annotation_id
        if self._proposal is not None and self._proposal.hover:
            self._clear_proposal()

    def accept(self) -> None:
        """Accepts the mask shown, or the one still being predicted for the newest prompt.

        Either way the tool is ready for the next object at once.
        """
        if not self.has_prompts:
            return
        if self._tool.prompts and not self.answered and not self._unchanged:
            self._accept_pending()
        else:
            self._accept_shown()

    @property
    def color(self) -> str:
        """The colour of the object: of the reopened annotation's label, else of the current one."""
        old = self._writer.find(self._reopened)
        return self._labels.color() if old is None else self._labels.color_of(old.label_id)

    def discard(self) -> None:
        """Drops the object on the canvas, and goes on with one set aside for it.

        Accepted masks that are pending are still written.
        """
        self._cancel_request()
        self._clear_object()
        self._go_on()

    def reset(self) -> None:
        """Drops every object that is not accepted, also those set aside."""
        self._parked.clear()
        self.discard()

    def discard_all(self) -> None:
        """Drops every object, accepted masks that are pending included."""
        self._queue.clear()
        self.reset()

    def step_candidate(self, by: int) -> None:
        """Shows the next (+1) or previous (-1) candidate."""
        if self.candidate_count:
            self.choose_candidate((self._index + by) % self.candidate_count)

    def choose_candidate(self, index: int) -> None:
        """Shows one candidate; the next prompt refines this one."""
        if self._prediction is None or not 0 <= index < self.candidate_count:
            return
        masks = self._prediction.masks
        self._index = index
        self._feedback.add(self._prediction.prompts, masks[index].candidate.as_prompt())
        self._show(Proposal(masks, index, self.color))
        self._strip.set_candidates(masks, index, self.color)
        self.changed.emit()

    def reopen(self, annotation: Annotation) -> None:
        """Opens an annotation with its prompts for refinement; the accepted mask replaces its region."""
        document = self._session.model.document
        if document is None or annotation.id == self._reopened:
            return
        self._park()
        begun = next((work for work in self._parked if work.reopened == annotation.id), None)
        if begun is not None:
            self._parked.remove(begun)
            self._show_again(begun)
            return
        self._open(annotation, document)
        self._tool.show_prompts(annotation.prompts or PromptSet())
        self._show_reopened(annotation)

    def _open(self, annotation: Annotation, document: ImageDocument) -> None:
        """The prompts placed from now on refine an annotation."""
        self._reopened = annotation.id
        self._feedback.seed_region(annotation.region, self._view, (document.height, document.width))
        self._canvas.set_edited(annotation.id)
        self._tool.set_color(self.color)

    def _close_refined(self) -> None:
        """Goes back to before the first prompt that refined an annotation; the prompt can be redone."""
        self._cancel_request()
        self._feedback.clear()
        self._prediction, self._token, self._index = None, 0, 0
        self._forget_reopened()
        self._clear_proposal()

    def _show_reopened(self, annotation: Annotation) -> None:
        """Shows the outline of the reopened annotation, which no new prompt has changed."""
        self._prediction, self._token, self._index = None, 0, 0
        self._strip.set_candidates([], 0, "")
        score = annotation.mask_score
        mask = ScoredRegion(annotation.region, 1.0 if score is None else score)
        self._show(Proposal((mask,), color=self.color, text=None if score is None else ""))
        self.changed.emit()

    # -- requests

    def _request(self, prompts: PromptSet) -> None:
        """Requests the masks of the prompts on the canvas."""
        document, chosen = self._session.model.document, self._writer.find(self._to_refine)
        if prompts and self._reopened is None and chosen is not None and document is not None:
            self._open(chosen, document)
            self._show_reopened(chosen)  # until the first mask is predicted
        old = self._writer.find(self._reopened)
        if old is not None and not prompts and old.id == self._to_refine:
            self._close_refined()
            return
        if old is not None and self._unchanged:
            self._cancel_request()
            self._show_reopened(old)
            return
        if not prompts:
            self._cancel_request()
            self._prediction, self._token = None, 0
            self._clear_proposal()
            return
        self._keep_shown = False
        if self.image_ready:
            self._token = (
                0 if self.mask_pending else self._inference.predict(self._feedback.with_mask(prompts))
            )
        self.changed.emit()

    def _cancel_request(self) -> None:
        if not self.mask_pending:
            self._inference.clear()

    def _set_view(self, view: Frame | None) -> None:
        """Called when the model uses another view: predicts the mask on the canvas again, which may be finer.

        Not when the user has chosen among its candidates, nor for a reopened annotation without new prompts.
        """
        self._view = view
        if view is None:
            return
        if self._tool.prompts and self._index == 0 and self.candidate_count:
            if self._keep_shown:
                return
            self._request(self._tool.prompts)
        else:
            self._hover.repeat()

    # -- answers

    def _receive(self, prediction: Prediction) -> None:
        if prediction.key != self._session.model.key:
            return
        if prediction.hover:
            self._receive_hover(prediction)
        elif self.mask_pending:
            self._receive_pending(prediction)
        elif prediction.token <= self._token and self.has_prompts:
            self._prediction, self._index = prediction, 0
            self.decoded.emit(prediction.decode_ms)
            if prediction.masks:
                self.choose_candidate(0)
            else:
                self._clear_proposal()

    def _receive_hover(self, prediction: Prediction) -> None:
        if self._hover.allowed():
            masks = prediction.masks
            self._show(Proposal(masks, color=self._labels.color(), hover=True) if masks else None)
            self.decoded.emit(prediction.decode_ms)

    def _receive_pending(self, prediction: Prediction) -> None:
        """Writes the predicted mask of the first accepted object."""
        if prediction.token != self._queue.token:
            return
        accepted = self._queue.take()
        if prediction.masks and is_drawable(prediction.masks[0].region):
            mask = prediction.masks[0]
            self._writer.write(mask, accepted.prompts, accepted.label_id, accepted.reopened)
        else:
            self._restore_prompts(accepted)
        self._request_next()

    def _receive_failure(self, failure: Failure) -> None:
        if self.mask_pending and failure.token == self._queue.token:
            self._restore_prompts(self._queue.take())
            self._request_next()
        elif failure.token == self._token:
            self._token = 0

    # -- accepting

    def _accept_shown(self) -> None:
        """Writes the mask shown."""
        proposal, prompts = self._proposal, self._tool.prompts
        if proposal is None or proposal.hover or not is_drawable(proposal.region):
            return
        if not self._unchanged:
            label_id = self._writer.label_for(self._reopened)
            self._writer.write(proposal.mask, prompts, label_id, self._reopened)
        else:
            self._writer.accept(self._reopened)
        self._cancel_request()
        self._clear_object()
        self._go_on()

    def _accept_pending(self) -> None:
        """Queues the object: its mask is written once it is predicted."""
        label_id = self._writer.label_for(self._reopened)
        if label_id is None or not self.image_ready:
            return
        key, prompts = self._session.model.key, self._tool.prompts
        assert key is not None
        request = self._feedback.with_mask(prompts)
        token = self._token
        if self._queue.add(AcceptedPrompts(key, label_id, prompts, request, self._reopened)):
            self._queue.token = token or self._inference.predict(request)
        self._clear_object()
        self._go_on()

    def _restore_prompts(self, accepted: AcceptedPrompts) -> None:
        """Goes on with the prompts of a mask that could not be predicted, after an object begun since."""
        self._parked.append(UnfinishedMask(PromptState(accepted.prompts), accepted.reopened))
        self._go_on()
        self.prompts_restored.emit()

    def _request_next(self) -> None:
        """Requests the next accepted mask, or else the one of the prompts on the canvas."""
        if self.mask_pending:
            self._queue.token = self._inference.predict(self._queue.first.request)
            return
        self.settled.emit()
        if self._tool.prompts and not self._token and not self.answered:
            self._request(self._tool.prompts)

    # -- unfinished objects

    def undo_step(self) -> bool:
        """Undoes the last prompt, or reopening an annotation, or accepting a mask that is still pending."""
        if self._unchanged:
            self.discard()
            return True
        return self._tool.undo_step() or self._take_back()

    @property
    def undo_name(self) -> str:
        """What ``undo_step`` undoes; "" if there is nothing."""
        if self._unchanged:
            return "editing the mask"
        return self._tool.undo_name or ("accepting the mask" if self.mask_pending else "")

    def take_unfinished(self) -> tuple[UnfinishedMask, ...] | None:
        """Removes and returns the objects that are not finished, the one on the canvas last."""
        self._tool.interrupt()
        current = self._unfinished()
        works = (*self._parked, *(() if current is None else (current,)))
        self.reset()
        return works or None

    def put_unfinished(self, works: tuple[UnfinishedMask, ...]) -> None:
        """Goes on with what ``take_unfinished`` returned, once the tool is in use."""
        self._parked = list(works)
        self._go_on()

    @property
    def _unchanged(self) -> bool:
        """Whether an annotation was reopened and has no other prompts than those that made it."""
        old = self._writer.find(self._reopened)
        return old is not None and self._tool.prompts in (PromptSet(), old.prompts)

    def _unfinished(self) -> UnfinishedMask | None:
        """The object on the canvas, if leaving it would lose something."""
        if not self._tool.prompts or self._unchanged:
            return None
        return UnfinishedMask(
            self._tool.state, self._reopened, self._prediction, self._index, self.answered,
            self._feedback.masks,
        )  # fmt: skip

    def _park(self) -> None:
        """Sets the object on the canvas aside."""
        self._tool.interrupt()
        current = self._unfinished()
        if current is not None:
            self._parked.append(current)
        self._cancel_request()
        self._clear_object()
        if current is not None:
            self.parked.emit()

    def _go_on(self) -> None:
        """Goes on with the object set aside last, if the canvas is free for it."""
        if self._parked and self._canvas.tool is self._tool and not self.has_prompts:
            self._show_again(self._parked.pop())

    def _show_again(self, work: UnfinishedMask) -> None:
        old = self._writer.find(work.reopened)
        if old is not None:  # else it was deleted meanwhile, and the mask becomes a new annotation
            self._reopened = old.id
            self._canvas.set_edited(old.id)
            self._tool.set_color(self.color)
        self._tool.restore(work.prompts)
        self._feedback.restore(work.masks)
        self._prediction, self._keep_shown = work.prediction, True
        if work.shown is not None:
            self.choose_candidate(work.index)
        if work.answered and work.prediction is not None:
            self._token = work.prediction.token
        else:
            self._token = 0
            self._request(work.prompts.prompts)
        self.changed.emit()

    def _take_back(self) -> bool:
        """Goes on with the object accepted last, whose mask is not predicted yet; False if there is none."""
        if not self.mask_pending:
            return False
        accepted = self._queue.take_last()
        self._parked.append(UnfinishedMask(PromptState(accepted.prompts), accepted.reopened))
        self._inference.clear()
        self.prompts_restored.emit()
        self._request_next()
        self._go_on()
        return True

    def _follow_tool(self, tool: Tool) -> None:
        """Sets the object aside while another tool is in use."""
        if tool is self._tool:
            self._go_on()
        else:
            self._park()

    # -- the canvas

    def _clear_object(self) -> None:
        """Clears the canvas for the next object."""
        self._feedback.clear()
        self._prediction, self._token, self._index, self._keep_shown = None, 0, 0, False
        self._forget_reopened()
        self._tool.restore(PromptState(PromptSet()))
        self._clear_proposal()
        if not self.mask_pending:
            self.settled.emit()

    def _forget_reopened(self) -> None:
        if self._reopened is not None:
            self._reopened = None
            self._canvas.set_edited(None)
            self._tool.set_color(self.color)

    def _discard_other_image(self, document: ImageDocument | None) -> None:
        self._to_refine = None
        if self.mask_pending and (document is None or document.key != self._queue.first.key):
            self.discard_all()

    def _show(self, proposal: Proposal | None) -> None:
        self._proposal = proposal
        self._canvas.set_proposal(proposal)

    def _clear_proposal(self) -> None:
        self._show(None)
        self._strip.set_candidates([], 0, "")
        self.changed.emit()

    def _recolor(self, _label: Label | None) -> None:
        if self._proposal is not None:
            self._show(replace(self._proposal, color=self.color))
