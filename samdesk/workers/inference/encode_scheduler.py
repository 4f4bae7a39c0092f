"""Encodes on the inference thread, interruptible between two layers.

Each pause serves the interactive requests that wait, and raises ``Cancelled`` if the encode is no longer
wanted. A running encode is kept wherever possible: if the image being encoded ahead is shown, its encode
continues as that of the image on screen; and if the user goes to an image whose embedding is in memory, that
embedding is used at once and the encode of the previous image continues as one ahead.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from functools import partial

from samdesk.base.jobs import Cancelled
from samdesk.engine.cache.memory import ImageStamp, MemoryCache, model_key
from samdesk.engine.embedding import Embedding
from samdesk.engine.protocols import OutOfMemory, Predictor
from samdesk.workers.failure import describe
from samdesk.workers.inference.embeddings import Embeddings, EncodeResult
from samdesk.workers.inference.events import Event, InferenceNotice, RequestFailed
from samdesk.workers.inference.mailbox import Mailbox
from samdesk.workers.inference.model_in_use import ModelInUse, NoModel
from samdesk.workers.inference.requests.encode import EncodeRequest, ImageEncoded, ImageEncoding
from samdesk.workers.inference.requests.kind import Request
from samdesk.workers.inference.requests.view import ViewEncoding, ViewReady, ViewRequest
from samdesk.workers.inference.views import ImageViews

log = logging.getLogger(__name__)


@dataclass
class _EncodeJob:
    """An encode under way.

    Attributes:
        request: The request it serves; that may change meanwhile.
        hovers_from: When the next hover may be served, seconds: they get half of the time at most.
        paused_s: How long its pauses were, seconds.
    """

    request: EncodeRequest | ViewRequest
    hovers_from: float = 0.0
    paused_s: float = 0.0

    @property
    def ahead(self) -> bool:
        """Whether it is for an image that is not on screen."""
        return isinstance(self.request, EncodeRequest) and self.request.ahead


class EncodeScheduler:
    """Encodes the image on screen, views of it, and images ahead.

    Args:
        mailbox: Where the other requests wait.
        post: Called with each ``Event``.
        model: The predictor in use.
        embeddings: The source of embeddings, and the memory cache behind it.
        views: The embeddings of the image on screen.
        serve: Serves an interactive request in a pause of an encode.
    """

    def __init__(
        self,
        mailbox: Mailbox,
        post: Callable[[Event], None],
        model: ModelInUse,
        embeddings: tuple[Embeddings, MemoryCache],
        views: ImageViews,
        serve: Callable[[Request], None],
    ) -> None:
        self._mailbox, self._post, self._model = mailbox, post, model
        self._embeddings, self._cache = embeddings
        self._views, self._serve = views, serve

    # -- images

    def encode_image(self, request: EncodeRequest) -> None:
        """Encodes the image on screen or one ahead; which of the two it is may change meanwhile."""
        job = _EncodeJob(request)
        if not request.ahead:
            self._begin(request)
        try:
            result = self._encode(request, job)
        except Cancelled:
            return  # the request that replaces it waits in the mailbox
        except Exception as error:  # noqa: BLE001 - reported as a value
            self._fail(request, job, error)
            return
        self._mailbox.ahead_is_done(request)
        if not job.ahead:
            assert isinstance(job.request, EncodeRequest)
            self._finish(job.request, result.embedding, result.ms - job.paused_s * 1e3, result.cached)

    def encode_whole(self, predictor: Predictor) -> None:
        """Encodes the image on screen again after its embedding was dropped. Raises what that raises."""
        assert self._views.screen is not None
        self._views.whole = self._embeddings.get(predictor, self._views.screen.path).embedding

    def _encode(self, request: EncodeRequest, job: _EncodeJob) -> EncodeResult:
        pause = partial(self._pause, job)
        if request.ahead:
            return self._embeddings.get(self._model.predictor, request.path, None, pause)
        return self._model.run(lambda predictor: self._embeddings.get(predictor, request.path, None, pause))

    def _begin(self, request: EncodeRequest) -> None:
        self._views.show(request)
        self._post(ImageEncoding(request.epoch, request.key))

    def _finish(self, request: EncodeRequest, embedding: Embedding, ms: float, cached: bool) -> None:
        self._views.whole = embedding
        self._post(ImageEncoded(request.epoch, request.key, ms, cached))
        self._mailbox.image_is_ready(request.epoch)

    def _fail(self, request: EncodeRequest, job: _EncodeJob, error: Exception) -> None:
        self._mailbox.ahead_is_done(request)
        if not job.ahead and request.ahead:  # it is on screen now
            assert isinstance(job.request, EncodeRequest)
            self.encode_image(job.request)
        elif not job.ahead:
            self._fail_on_screen(request, error)
        elif isinstance(error, (OutOfMemory, MemoryError)):
            self._embeddings.shrink()  # the image on screen may need the memory
        elif not isinstance(error, NoModel):
            log.info("could not encode %s ahead: %s", request.path, error)  # reported when it is shown

    def _fail_on_screen(self, request: EncodeRequest, error: Exception) -> None:
        if isinstance(error, NoModel):
            self._views.failure = error.failure
        else:
            self._views.failure = describe(error, "encoding the image", str(request.path))
            self._post(RequestFailed(request.epoch, self._views.failure.about(key=request.key)))
        self._mailbox.image_is_ready(request.epoch)

    # -- views

    def encode_view(self, request: ViewRequest) -> None:
        """Encodes a view of the image on screen; if that fails, the whole image stays in use."""
        screen, view = self._views.screen, request.view
        if view is None or screen is None or self._views.failure is not None or not self._takes_views:
            self._end_view(request)
            return
        self._post(ViewEncoding(request.epoch, view))
        pause = partial(self._pause, _EncodeJob(request))
        try:
            if self._views.whole is None:
                self.encode_whole(self._model.predictor)  # answers prompts meanwhile
            result = self._embeddings.get(self._model.predictor, screen.path, view, pause)
        except Cancelled:
            return
        except (OutOfMemory, MemoryError):
            self._embeddings.shrink()
            self._fail_view(request, "There is not enough memory for a closer look.")
        except Exception as error:  # noqa: BLE001 - reported as a value
            self._fail_view(request, str(describe(error, "encoding the closer look", str(screen.path))))
        else:
            self._views.add_closer(result.embedding)
            self._post(ViewReady(request.epoch, view))

    @property
    def _takes_views(self) -> bool:
        return self._model.predictor.info.views

    def _fail_view(self, request: ViewRequest, why: str) -> None:
        self._post(InferenceNotice(f"{why} Masks are drawn from the whole image."))
        self._end_view(request)

    def _end_view(self, request: ViewRequest) -> None:
        self._views.end_closer()
        self._post(ViewReady(request.epoch, None))

    # -- between two layers

    def _pause(self, job: _EncodeJob) -> None:
        """Serves waiting interactive requests; raises ``Cancelled`` if the encode is no longer wanted."""
        start = time.monotonic()
        self._check(job)
        while self._serve_one(job) or (job.ahead and self._mailbox.wait_while_prompting()):
            self._check(job)
        job.paused_s += time.monotonic() - start

    def _serve_one(self, job: _EncodeJob) -> bool:
        """Serves an interactive request; False if none waits that may be served now."""
        start = time.monotonic()
        request = self._mailbox.take_interactive(hovers=job.ahead or start >= job.hovers_from)
        if request is None:
            return False
        self._serve(request)
        now = time.monotonic()
        job.hovers_from = now + (now - start)
        return True

    def _check(self, job: _EncodeJob) -> None:
        if self._mailbox.stopping:
            raise Cancelled
        screen = self._mailbox.screen
        if screen is not None and isinstance(job.request, EncodeRequest):
            self._switch_to(screen, job, job.request)
        elif not self._mailbox.wants(job.request):
            raise Cancelled

    def _switch_to(self, screen: EncodeRequest, job: _EncodeJob, request: EncodeRequest) -> None:
        """Handles that another image is on screen: maybe the one that is being encoded ahead."""
        start = time.perf_counter()
        same = screen.same_image(request)
        found = None if same else self._find_in_memory(screen)
        if not same and found is None:
            raise Cancelled
        if not self._mailbox.take_screen(screen):
            return  # another one by now: handled in the next pause
        job.request = screen if same else replace(request, ahead=True)
        self._begin(screen)
        if found is not None:
            self._finish(screen, found, (time.perf_counter() - start) * 1e3, True)

    def _find_in_memory(self, screen: EncodeRequest) -> Embedding | None:
        try:
            stamp = ImageStamp.of(screen.path)
        except OSError:
            return None  # reported by its own encode
        return self._cache.get(stamp, model_key(self._model.predictor.info))
