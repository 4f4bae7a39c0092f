"""Request: predict the masks of a prompt set, placed by clicks or following the mouse (a hover)."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import TYPE_CHECKING

from samdesk.base.jobs import Cancelled
from samdesk.domain.document import ImageKey
from samdesk.domain.geometry.types import Region
from samdesk.domain.prompts import MaskCandidate, PromptSet
from samdesk.engine.protocols import OutOfMemory, Predictor
from samdesk.workers.failure import Failure, describe
from samdesk.workers.inference.events import ImageEvent, RequestFailed
from samdesk.workers.inference.model_in_use import NoModel
from samdesk.workers.inference.requests.kind import ImageRequest, RequestKind

if TYPE_CHECKING:
    from samdesk.workers.inference.loop import InferenceLoop


@dataclass(frozen=True)
class PromptRequest(ImageRequest):
    """Predict the masks of an object on the image on screen; ``hover``: a preview under the mouse."""

    token: int
    key: ImageKey
    prompts: PromptSet
    hover: bool = False

    @property
    def kind(self) -> RequestKind[PromptRequest]:
        return HOVER if self.hover else CLICK


@dataclass(frozen=True, eq=False)
class PredictedMask:
    """A mask candidate with its outline.

    Attributes:
        candidate: The model's output, for mask prompts and exact rasters.
        region: Its outline, image pixels; may be empty.
    """

    candidate: MaskCandidate
    region: Region

    @classmethod
    def of(cls, candidate: MaskCandidate) -> PredictedMask:
        """Traces the outline."""
        return cls(candidate, candidate.region())

    @property
    def score(self) -> float:
        """Predicted IoU, 0..1."""
        return self.candidate.score

    @property
    def stability(self) -> float:
        """IoU of the masks at two thresholds, 0..1."""
        return self.candidate.stability


@dataclass(frozen=True, eq=False)
class Prediction(ImageEvent):
    """The answer to a prompt request.

    Attributes:
        request: What it answers.
        masks: Best first; of a hover only the best.
        decode_ms: Milliseconds for the decoder and the outlines.
    """

    request: PromptRequest
    masks: tuple[PredictedMask, ...]
    decode_ms: float

    @property
    def token(self) -> int:
        return self.request.token

    @property
    def key(self) -> ImageKey:
        return self.request.key

    @property
    def prompts(self) -> PromptSet:
        return self.request.prompts

    @property
    def hover(self) -> bool:
        return self.request.hover


class _NoRoomForBoth(OutOfMemory):
    """A prompt needs the memory that other work under way has."""


def predict(loop: InferenceLoop, request: PromptRequest) -> None:
    """Predicts the masks. Encodes the image if necessary; if memory is full, uses less cache or the CPU."""
    _answer(loop, request, loop.model.run)


def predict_between(loop: InferenceLoop, request: PromptRequest) -> None:
    """Predicts the masks while other work is under way.

    If memory does not suffice for both, the request is put back and the other work is abandoned: raises
    ``Cancelled`` or ``OutOfMemory``.
    """
    if loop.views.failure is None and loop.views.whole is None:
        loop.mailbox.put_back(request)
        raise Cancelled

    def run(work: Callable[[Predictor], list[MaskCandidate]]) -> list[MaskCandidate]:
        try:
            return work(loop.model.predictor)
        except (OutOfMemory, MemoryError) as error:
            loop.mailbox.put_back(request)
            raise _NoRoomForBoth(str(error)) from error

    _answer(loop, request, run)


def _answer(
    loop: InferenceLoop,
    request: PromptRequest,
    run: Callable[[Callable[[Predictor], list[MaskCandidate]]], list[MaskCandidate]],
) -> None:
    """Posts the prediction, or why there is none. ``run`` calls a function with the predictor."""
    if loop.views.failure is not None:
        _refuse(loop, request, loop.views.failure)
        return

    def decode(predictor: Predictor) -> list[MaskCandidate]:
        loop.whole(predictor)
        chosen = loop.views.choose(request.prompts)
        assert chosen is not None
        embedding, prompts = chosen
        return predictor.predict(embedding, prompts, multimask=True)

    try:
        start = time.perf_counter()
        candidates = run(decode)
        if request.epoch != loop.mailbox.epoch:
            return
        masks = tuple(map(PredictedMask.of, candidates[:1] if request.hover else candidates))
        ms = (time.perf_counter() - start) * 1e3
    except _NoRoomForBoth:
        raise
    except NoModel as error:
        _refuse(loop, request, error.failure)
    except Exception as error:  # noqa: BLE001 - reported as a value
        _refuse(loop, request, describe(error, "decoding the mask", str(request.key)))
    else:
        loop.post(Prediction(request.epoch, request, masks, ms))


def _refuse(loop: InferenceLoop, request: PromptRequest, failure: Failure) -> None:
    if not request.hover:  # a failed preview is not worth a message
        loop.post(RequestFailed(request.epoch, failure.about(request.token, request.key)))


HOVER = RequestKind("hover", predict, between=predict_between)
CLICK = RequestKind("click", predict, between=predict_between, displaces=(HOVER,))
