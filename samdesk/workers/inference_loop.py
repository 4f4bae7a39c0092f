"""What the inference thread does: it alone owns the predictor. No Qt; results leave as values."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol, TypeAlias, TypeVar

from samdesk.domain.prompts import MaskCandidate
from samdesk.engine.embedding import Embedding
from samdesk.engine.protocols import (
    Cancelled,
    CancelToken,
    ModelInfo,
    OutOfMemory,
    Predictor,
    Progress,
)
from samdesk.engine.tier import EmbeddingTier, model_key
from samdesk.workers.embeddings import Embeddings, Made, ReadImage
from samdesk.workers.failure import Failure, describe
from samdesk.workers.inference_events import (
    Described,
    Encoded,
    Encoding,
    Event,
    EverythingDone,
    EverythingProgress,
    Failed,
    ModelFailed,
    ModelLoaded,
    Note,
    Predicted,
    Prediction,
    Shown,
)
from samdesk.workers.mailbox import (
    EncodeRequest,
    EverythingRequest,
    LoadRequest,
    Mailbox,
    PromptRequest,
    Request,
)

log = logging.getLogger(__name__)

T = TypeVar("T")
Loader: TypeAlias = Callable[[str, str, str], Predictor]

_LONGEST_QUIET_S = 1.0


class SegmentEverything(Protocol):
    """``engine.everything.segment_everything``."""

    def __call__(
        self, predictor: Predictor, embedding: Embedding, *, cancel: CancelToken, progress: Progress
    ) -> list[MaskCandidate]:
        """Masks of the whole image, best first."""


@dataclass(frozen=True)
class EngineFunctions:
    """What the loop needs of the engine and the image reader.

    Attributes:
        load: Loads a model by (name, device, precision).
        read_image: Reads an image file as RGB.
        everything: Proposes masks for a whole image.
        describe: All about a model; it may take seconds.
    """

    load: Loader
    read_image: ReadImage
    everything: SegmentEverything
    describe: Callable[[Predictor], ModelInfo]


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
        self._mailbox = mailbox
        self._post = post
        self._engine = engine
        self._embeddings = Embeddings(engine.read_image, tier)
        self._predictor: Predictor | None = None
        self._load: LoadRequest | None = None
        self._no_model = Failure("No model is loaded.", next="Choose one in the model chooser.")
        self._screen: EncodeRequest | None = None
        self._screen_failure: Failure | None = None
        self._screen_embedding: tuple[str, Embedding] | None = None

    def run(self) -> None:
        """Works until the mailbox is closed."""
        while (request := self._mailbox.take()) is not None:
            self._serve(request)
        self._predictor = None
        self._screen_embedding = None
        self._embeddings.clear()

    def _serve(self, request: Request) -> None:
        if isinstance(request, LoadRequest):
            self._load_model(request)
        elif isinstance(request, EncodeRequest):
            if request.ahead:
                self._encode_ahead(request)
            else:
                self._encode_screen(request)
        elif isinstance(request, PromptRequest):
            self._decode(request)
        elif isinstance(request, EverythingRequest):
            self._propose_everything(request)
        else:
            self._describe_model()

    # -- models

    def _load_model(self, request: LoadRequest) -> None:
        try:
            predictor = self._engine.load(request.name, request.device, request.precision)
        except Exception as error:  # noqa: BLE001 - told to the user as a value
            failure = describe(error, f"loading the model {request.name}", request.name)
            if self._predictor is None:
                self._no_model = failure
            self._post(ModelFailed(request.token, failure.about(request.token), self._info))
        else:
            self._predictor, self._load = predictor, request
            self._post(ModelLoaded(request.token, predictor.info))
        self._mailbox.model_is_there()

    def _describe_model(self) -> None:
        if self._predictor is None:
            return
        try:
            info = self._engine.describe(self._predictor)
        except Exception:
            log.exception("could not find out all about %s", self._predictor.info.name)
            info = self._predictor.info
        self._post(Described(info))

    @property
    def _info(self) -> ModelInfo | None:
        return None if self._predictor is None else self._predictor.info

    def _go_on_on_cpu(self, load: LoadRequest, title: str) -> None:
        """The device has no room even for one image."""
        log.warning("%s ran out of memory on its device; it goes on on the CPU", title)
        self._screen_embedding = None
        predictor = self._engine.load(load.name, "cpu", "auto")
        self._predictor = predictor
        self._post(Note(f"The graphics card ran out of memory: {title} goes on on the CPU, which is slower."))
        self._post(ModelLoaded(load.token, predictor.info))

    def _with_memory(self, work: Callable[[Predictor], T]) -> T:
        """Does the work; out of memory: again with an emptied cache, then on the CPU."""
        if self._predictor is None or self._load is None:
            raise _NoModel
        try:
            return work(self._predictor)
        except (OutOfMemory, MemoryError):
            log.warning("out of memory on %s: the embedding cache shrinks", self._predictor.info.device)
            self._screen_embedding = None
            self._embeddings.shrink()
            self._post(Note("The memory is full: fewer encoded images are kept."))
        try:
            return work(self._predictor)
        except OutOfMemory:
            info = self._predictor.info
            if info.device == "cpu":
                raise
        self._go_on_on_cpu(self._load, info.title)
        return work(self._predictor)

    # -- images

    def _encode_screen(self, request: EncodeRequest) -> None:
        self._screen, self._screen_failure, self._screen_embedding = request, None, None
        self._post(Encoding(request.epoch, request.key))
        try:
            made = self._with_memory(lambda predictor: self._hold_screen(predictor, request))
        except _NoModel:
            self._screen_failure = self._no_model
        except Exception as error:  # noqa: BLE001 - told to the user as a value
            self._screen_failure = describe(error, "encoding the image", str(request.path))
            self._post(Failed(request.epoch, self._screen_failure.about(key=request.key)))
        else:
            self._post(Encoded(request.epoch, request.key, made.ms, made.cached))
        self._mailbox.image_is_ready(request.epoch)

    def _encode_ahead(self, request: EncodeRequest) -> None:
        if self._predictor is None:
            return
        try:
            self._made(self._predictor, request)
        except (OutOfMemory, MemoryError):
            self._embeddings.shrink()  # the image on screen may need the room
        except Exception as error:  # noqa: BLE001 - told when the image is shown
            log.info("could not encode %s ahead: %s", request.path, error)

    def _hold_screen(self, predictor: Predictor, request: EncodeRequest) -> Made:
        made = self._made(predictor, request)
        self._screen_embedding = (model_key(predictor.info), made.embedding)
        return made

    def _made(self, predictor: Predictor, request: EncodeRequest) -> Made:
        made = self._embeddings.of(predictor, request.path)
        if not made.cached:
            self._mailbox.keep_quiet(min(_LONGEST_QUIET_S, made.ms / 2e3))
        return made

    def _current(self, predictor: Predictor) -> Embedding:
        """The embedding of the image on screen by this predictor; made again if another's is held."""
        if self._screen is None:
            raise _NoModel
        held = self._screen_embedding
        if held is None or held[0] != model_key(predictor.info):
            self._hold_screen(predictor, self._screen)
            held = self._screen_embedding
        assert held is not None
        return held[1]

    # -- masks

    def _decode(self, request: PromptRequest) -> None:
        if self._screen_failure is not None:
            self._refuse(request, self._screen_failure)
            return
        try:
            start = time.perf_counter()
            candidates = self._with_memory(
                lambda p: p.predict(self._current(p), request.prompts, multimask=True)
            )
            if request.epoch != self._mailbox.epoch:
                return
            masks = tuple(_shown(c) for c in (candidates[:1] if request.hover else candidates))
            ms = (time.perf_counter() - start) * 1e3
        except _NoModel:
            self._refuse(request, self._no_model)
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
            # The user goes on working: prompts are answered between two points of the grid.
            while not request.cancel.cancelled and (prompt := self._mailbox.take_prompt()) is not None:
                self._decode(prompt)

        masks: tuple[Shown, ...] | None = None
        try:
            if self._screen_failure is not None:
                self._post(Failed(request.epoch, self._screen_failure.about(key=request.key)))
            else:
                found = self._with_memory(
                    lambda p: self._engine.everything(
                        p, self._current(p), cancel=request.cancel, progress=progress
                    )
                )
                masks = tuple(_shown(c) for c in found)
        except Cancelled:
            log.info("segment everything was cancelled")
        except Exception as error:  # noqa: BLE001 - told to the user as a value
            failure = describe(error, "segmenting the whole image", str(request.key))
            self._post(Failed(request.epoch, failure.about(key=request.key)))
        self._post(EverythingDone(request.epoch, request.key, masks))


class _NoModel(Exception):  # noqa: N818 - never leaves this module
    """There is no model to ask."""


def _shown(candidate: MaskCandidate) -> Shown:
    return Shown(candidate, candidate.region(), candidate.score)
