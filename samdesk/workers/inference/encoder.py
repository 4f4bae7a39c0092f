"""Encodes on the inference thread, which can be interrupted between two layers.

While an encode goes on, prompts that can be answered are answered in its pauses, and it is given up when
it is not what is wanted any more. Nothing begun is thrown away without need: an image being encoded ahead
that comes on screen goes on as the one on screen; and if the user turns to an image whose embedding is
there already, that one is answered from at once and the encode of the one before goes on as one ahead.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from samdesk.base.jobs import Cancelled
from samdesk.engine.cache.memory import EmbeddingTier, ImageStamp, model_key
from samdesk.engine.embedding import Embedding
from samdesk.engine.protocols import OutOfMemory, Predictor
from samdesk.workers.failure import describe
from samdesk.workers.inference.embeddings import Embeddings, Made
from samdesk.workers.inference.events import Encoded, Encoding, Event, Failed, Looking, Note, ViewReady
from samdesk.workers.inference.mailbox import Mailbox
from samdesk.workers.inference.model_in_use import ModelInUse, NoModel
from samdesk.workers.inference.requests import EncodeRequest, PromptRequest, ViewRequest
from samdesk.workers.inference.views import Looks

log = logging.getLogger(__name__)


@dataclass
class _Work:
    """An encode under way.

    Attributes:
        request: What it is for; that may change meanwhile.
        hovers_from: When the next hover may be answered, seconds: they get half of the time at most.
        away: How long its pauses were, seconds.
    """

    request: EncodeRequest | ViewRequest
    hovers_from: float = 0.0
    away: float = 0.0

    @property
    def ahead(self) -> bool:
        """Whether nobody waits for it yet."""
        return isinstance(self.request, EncodeRequest) and self.request.ahead


class Encoder:
    """Encodes the image on screen, closer looks at it, and images ahead.

    Args:
        mailbox: Tells what else is wanted.
        post: Called with each ``Event``.
        model: What encodes.
        embeddings: Where embeddings come from and are kept; ``tier``: what of them is there already.
        looks: What is held of the image on screen.
        answer: Answers a prompt while an encode is under way.
    """

    def __init__(
        self,
        mailbox: Mailbox,
        post: Callable[[Event], None],
        model: ModelInUse,
        embeddings: tuple[Embeddings, EmbeddingTier],
        looks: Looks,
        answer: Callable[[PromptRequest], None],
    ) -> None:
        self._mailbox, self._post, self._model = mailbox, post, model
        self._embeddings, self._tier = embeddings
        self._looks, self._answer = looks, answer

    # -- images

    def image(self, request: EncodeRequest) -> None:
        """Encodes the image on screen, or one ahead: which of both it is may change on the way."""
        work = _Work(request)
        if not request.ahead:
            self._begin(request)
        try:
            made = self._of(request, work)
        except Cancelled:
            return  # what takes its place waits in the mailbox
        except Exception as error:  # noqa: BLE001 - told to the user as a value
            self._fail(request, work, error)
            return
        self._mailbox.ahead_is_done(request)
        if not work.ahead:
            assert isinstance(work.request, EncodeRequest)
            self._hold(work.request, made.embedding, made.ms - work.away * 1e3, made.cached)

    def whole(self, predictor: Predictor) -> None:
        """Encodes the image on screen anew after its embedding was dropped. Raises what that raises."""
        assert self._looks.screen is not None
        self._looks.hold(self._embeddings.of(predictor, self._looks.screen.path).embedding)

    def _of(self, request: EncodeRequest, work: _Work) -> Made:
        pause = partial(self._pause, work)
        if request.ahead:
            return self._embeddings.of(self._model.predictor, request.path, None, pause)
        return self._model.work(lambda predictor: self._embeddings.of(predictor, request.path, None, pause))

    def _begin(self, request: EncodeRequest) -> None:
        self._looks.show(request)
        self._post(Encoding(request.epoch, request.key))

    def _hold(self, request: EncodeRequest, embedding: Embedding, ms: float, cached: bool) -> None:
        self._looks.hold(embedding)
        self._post(Encoded(request.epoch, request.key, ms, cached))
        self._mailbox.image_is_ready(request.epoch)

    def _fail(self, request: EncodeRequest, work: _Work, error: Exception) -> None:
        self._mailbox.ahead_is_done(request)
        if not work.ahead and request.ahead:  # somebody waits for it by now
            assert isinstance(work.request, EncodeRequest)
            self.image(work.request)
        elif not work.ahead:
            self._fail_on_screen(request, error)
        elif isinstance(error, (OutOfMemory, MemoryError)):
            self._embeddings.shrink()  # the image on screen may need the room
        elif not isinstance(error, NoModel):
            log.info("could not encode %s ahead: %s", request.path, error)  # told when it is shown

    def _fail_on_screen(self, request: EncodeRequest, error: Exception) -> None:
        if isinstance(error, NoModel):
            self._looks.failure = error.failure
        else:
            self._looks.failure = describe(error, "encoding the image", str(request.path))
            self._post(Failed(request.epoch, self._looks.failure.about(key=request.key)))
        self._mailbox.image_is_ready(request.epoch)

    # -- closer looks

    def view(self, request: ViewRequest) -> None:
        """Encodes a part of the image on screen; what fails leaves the whole image."""
        screen, view = self._looks.screen, request.view
        if view is None or screen is None or self._looks.failure is not None or not self._takes_views:
            self._look_at_whole(request)
            return
        self._post(Looking(request.epoch, view))
        pause = partial(self._pause, _Work(request))
        try:
            if self._looks.whole is None:
                self.whole(self._model.predictor)  # prompts are answered from it meanwhile
            made = self._embeddings.of(self._model.predictor, screen.path, view, pause)
        except Cancelled:
            return
        except (OutOfMemory, MemoryError):
            self._embeddings.shrink()
            self._give_up_view(request, "There is no memory left for a closer look.")
        except Exception as error:  # noqa: BLE001 - told to the user as a value
            self._give_up_view(request, str(describe(error, "looking closer", str(screen.path))))
        else:
            self._looks.look_closer(made.embedding)
            self._post(ViewReady(request.epoch, view))

    @property
    def _takes_views(self) -> bool:
        return self._model.predictor.info.views

    def _give_up_view(self, request: ViewRequest, why: str) -> None:
        self._post(Note(f"{why} Masks are drawn from the whole image."))
        self._look_at_whole(request)

    def _look_at_whole(self, request: ViewRequest) -> None:
        self._looks.look_at_whole()
        self._post(ViewReady(request.epoch, None))

    # -- between two layers

    def _pause(self, work: _Work) -> None:
        """Answers the prompts that wait; raises ``Cancelled`` if the work is not wanted any more."""
        start = time.monotonic()
        self._check(work)
        while self._answer_one(work) or (work.ahead and self._mailbox.wait_while_hand_moves()):
            self._check(work)
        work.away += time.monotonic() - start

    def _answer_one(self, work: _Work) -> bool:
        """Answers a prompt if one waits that may be answered now."""
        start = time.monotonic()
        prompt = self._mailbox.take_prompt(hovers=work.ahead or start >= work.hovers_from)
        if prompt is None:
            return False
        self._answer(prompt)
        now = time.monotonic()
        work.hovers_from = now + (now - start)
        return True

    def _check(self, work: _Work) -> None:
        if self._mailbox.stopping:
            raise Cancelled
        screen = self._mailbox.screen
        if screen is not None and isinstance(work.request, EncodeRequest):
            self._turn_to(screen, work, work.request)
        elif not self._mailbox.wants(work.request):
            raise Cancelled

    def _turn_to(self, screen: EncodeRequest, work: _Work, request: EncodeRequest) -> None:
        """Another image came on screen, or the one that is being encoded ahead."""
        start = time.perf_counter()
        same = screen.same_image(request)
        found = None if same else self._kept(screen)
        if not same and found is None:
            raise Cancelled
        if not self._mailbox.take_screen(screen):
            return  # yet another one: seen in the next round
        work.request = screen if same else replace(request, ahead=True)
        self._begin(screen)
        if found is not None:
            self._hold(screen, found, (time.perf_counter() - start) * 1e3, True)

    def _kept(self, screen: EncodeRequest) -> Embedding | None:
        """The embedding of an image, if it is in memory."""
        try:
            stamp = ImageStamp.of(screen.path)
        except OSError:
            return None  # told in its own encode
        return self._tier.get(stamp, model_key(self._model.predictor.info))
