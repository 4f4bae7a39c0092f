"""What the inference thread does: it alone owns the predictor. No Qt; results leave as values."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable

from samdesk.base.jobs import Cancelled, CancelToken
from samdesk.domain.prompts import MaskCandidate, PromptSet
from samdesk.engine.cache.memory import EmbeddingTier
from samdesk.engine.embedding import Embedding
from samdesk.engine.protocols import OutOfMemory, Predictor
from samdesk.workers.failure import Failure, describe
from samdesk.workers.inference.embeddings import Embeddings
from samdesk.workers.inference.encoder import Encoder
from samdesk.workers.inference.engine_functions import EngineFunctions
from samdesk.workers.inference.events import (
    Event,
    EverythingDone,
    EverythingProgress,
    Failed,
    Predicted,
    Prediction,
    Shown,
    ViewReady,
)
from samdesk.workers.inference.mailbox import Mailbox
from samdesk.workers.inference.model_in_use import ModelInUse, NoModel
from samdesk.workers.inference.requests import (
    EncodeRequest,
    EverythingRequest,
    LoadRequest,
    PromptRequest,
    Request,
    ViewRequest,
)
from samdesk.workers.inference.views import Looks

log = logging.getLogger(__name__)


class InferenceLoop:
    """Takes requests from the mailbox and answers each.

    Args:
        mailbox: Where the requests come from.
        post: Called with each ``Event``.
        engine: What does the work.
        tier: Where embeddings are kept.
    """

    def __init__(
        self,
        mailbox: Mailbox,
        post: Callable[[Event], None],
        engine: EngineFunctions,
        tier: EmbeddingTier,
    ) -> None:
        self._mailbox, self._post, self._engine = mailbox, post, engine
        self._looks = Looks()
        self._embeddings = Embeddings(engine.read_image, tier)
        self._model = ModelInUse(engine.load, engine.describe, post, self._make_room)
        self._encoder = Encoder(
            mailbox, post, self._model, (self._embeddings, tier), self._looks, self._decode_between
        )

    def run(self) -> None:
        """Works until the mailbox is closed."""
        while (request := self._mailbox.take()) is not None:
            self._serve(request)
        self._model.drop()
        self._looks.forget()
        self._embeddings.clear()

    def _serve(self, request: Request) -> None:
        if isinstance(request, LoadRequest):
            self._model.load(request)
            self._mailbox.model_is_there()
        elif isinstance(request, EncodeRequest):
            self._encoder.image(request)
        elif isinstance(request, ViewRequest):
            self._encoder.view(request)
        elif isinstance(request, PromptRequest):
            self._decode(request)
        elif isinstance(request, EverythingRequest):
            self._propose_everything(request)
        else:
            self._model.describe()

    def _make_room(self) -> None:
        """Drops what is on the device; the image on screen is encoded again when it is asked about."""
        if self._looks.is_closer:
            self._post(ViewReady(self._mailbox.epoch, None))
        self._looks.forget()
        self._embeddings.shrink()

    # -- masks

    def _decode(self, request: PromptRequest) -> None:
        """Answers a prompt, whatever it takes."""
        self._answer(request, lambda: self._model.work(lambda p: self._predict(p, request.prompts)))

    def _decode_between(self, request: PromptRequest) -> None:
        """Answers a prompt while other work is under way.

        Where that needs more than there is, the prompt waits again and the other work is given up.
        """
        if self._looks.failure is None and self._looks.whole is None:
            self._mailbox.put_back(request)
            raise Cancelled
        self._answer(request, lambda: self._predict_between(request))

    def _predict_between(self, request: PromptRequest) -> list[MaskCandidate]:
        try:
            return self._predict(self._model.predictor, request.prompts)
        except (OutOfMemory, MemoryError) as error:
            self._mailbox.put_back(request)
            raise _NoRoomForBoth(str(error)) from error

    def _predict(self, predictor: Predictor, prompts: PromptSet) -> list[MaskCandidate]:
        self._whole(predictor)
        found = self._looks.answering(prompts)
        assert found is not None
        embedding, said = found
        return predictor.predict(embedding, said, multimask=True)

    def _whole(self, predictor: Predictor) -> Embedding:
        """The embedding of the whole image on screen; made again if it was dropped."""
        if self._looks.whole is None:
            self._encoder.whole(predictor)
        assert self._looks.whole is not None
        return self._looks.whole

    def _answer(self, request: PromptRequest, predict: Callable[[], list[MaskCandidate]]) -> None:
        if self._looks.failure is not None:
            self._refuse(request, self._looks.failure)
            return
        try:
            start = time.perf_counter()
            candidates = predict()
            if request.epoch != self._mailbox.epoch:
                return
            masks = tuple(_shown(c) for c in (candidates[:1] if request.hover else candidates))
            ms = (time.perf_counter() - start) * 1e3
        except _NoRoomForBoth:
            raise
        except NoModel as error:
            self._refuse(request, error.failure)
        except Exception as error:  # noqa: BLE001 - told to the user as a value
            self._refuse(request, describe(error, "decoding the mask", str(request.key)))
        else:
            prediction = Prediction(request.token, request.key, request.prompts, masks, ms, request.hover)
            self._post(Predicted(request.epoch, prediction))

    def _refuse(self, request: PromptRequest, failure: Failure) -> None:
        if not request.hover:  # a mouse that passes by gets no message
            self._post(Failed(request.epoch, failure.about(request.token, request.key)))

    def _propose_everything(self, request: EverythingRequest) -> None:
        def progress(done: int, total: int) -> None:
            self._post(EverythingProgress(request.epoch, done, total))
            self._go_on_meanwhile(request.cancel)

        masks: tuple[Shown, ...] | None = None
        try:
            if self._looks.failure is not None:
                self._post(Failed(request.epoch, self._looks.failure.about(key=request.key)))
            else:
                found = self._model.work(
                    lambda p: self._engine.everything(
                        p, self._whole(p), cancel=request.cancel, progress=progress
                    )
                )
                masks = tuple(_shown(c) for c in found)
        except Cancelled:
            log.info("segment everything was cancelled")
        except Exception as error:  # noqa: BLE001 - told to the user as a value
            failure = describe(error, "segmenting the whole image", str(request.key))
            self._post(Failed(request.epoch, failure.about(key=request.key)))
        self._post(EverythingDone(request.epoch, request.key, masks))

    def _go_on_meanwhile(self, cancel: CancelToken) -> None:
        """The user goes on working: prompts and closer looks come between two points of the grid."""
        while not cancel.cancelled:
            if (prompt := self._mailbox.take_prompt()) is not None:
                self._decode_between(prompt)
            elif (view := self._mailbox.take_view()) is not None:
                self._encoder.view(view)
            else:
                return


class _NoRoomForBoth(OutOfMemory):
    """A prompt needs the memory that other work under way has."""


def _shown(candidate: MaskCandidate) -> Shown:
    return Shown(candidate, candidate.region(), candidate.score)
