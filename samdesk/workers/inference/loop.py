"""The inference thread's loop and state: it alone owns the predictor. No Qt; results leave as values."""

from __future__ import annotations

from collections.abc import Callable

from samdesk.base.jobs import CancelToken, Foreground
from samdesk.engine.cache.memory import MemoryCache
from samdesk.engine.embedding import Embedding
from samdesk.engine.protocols import Predictor
from samdesk.workers.inference.embeddings import Embeddings
from samdesk.workers.inference.encode_scheduler import EncodeScheduler
from samdesk.workers.inference.engine_functions import EngineFunctions
from samdesk.workers.inference.events import Event
from samdesk.workers.inference.mailbox import Mailbox
from samdesk.workers.inference.model_in_use import ModelInUse
from samdesk.workers.inference.requests.encode import EncodeRequest
from samdesk.workers.inference.requests.kind import Request
from samdesk.workers.inference.requests.view import ViewReady
from samdesk.workers.inference.views import ImageViews


class InferenceLoop:
    """Takes requests from the mailbox and serves each with the function of its kind (``RequestKind.serve``).

    Attributes:
        mailbox: Where requests come from.
        post: Called with each ``Event``.
        engine: The engine's functions.
        model: The predictor in use.
        views: The embeddings of the image on screen.
        embeddings: Encodes images, or finds their embeddings in the cache.
        scheduler: Encodes with pauses in which other requests are served.
        foreground: Told while anything but an image ahead is served.
    """

    def __init__(
        self,
        mailbox: Mailbox,
        post: Callable[[Event], None],
        engine: EngineFunctions,
        cache: MemoryCache,
        foreground: Foreground | None = None,
    ) -> None:
        self.foreground = foreground or Foreground()
        self.mailbox, self.post, self.engine = mailbox, post, engine
        self.views = ImageViews()
        self.embeddings = Embeddings(engine.read_image, cache)
        self.model = ModelInUse(engine.load, engine.describe, post, self._free_memory)
        self.scheduler = EncodeScheduler(
            mailbox, post, self.model, (self.embeddings, cache), self.views, self._serve_between
        )

    def run(self) -> None:
        """Serves requests until the mailbox is closed."""
        while (request := self.mailbox.take()) is not None:
            if isinstance(request, EncodeRequest) and request.ahead:
                request.kind.serve(self, request)
                continue
            with self.foreground.serving():
                request.kind.serve(self, request)
        self.model.drop()
        self.views.clear()
        self.embeddings.clear()

    def whole(self, predictor: Predictor) -> Embedding:
        """The embedding of the whole image on screen; it is encoded again if it was dropped.

        Raises what encoding raises.
        """
        if self.views.whole is None:
            self.scheduler.encode_whole(predictor)
        assert self.views.whole is not None
        return self.views.whole

    def serve_waiting(self, cancel: CancelToken) -> None:
        """Serves the prompts and the view that wait, between two steps of a long request."""
        while not cancel.cancelled:
            if (request := self.mailbox.take_interactive()) is not None:
                self._serve_between(request)
            elif (view := self.mailbox.take_view()) is not None:
                self.scheduler.encode_view(view)
            else:
                return

    def _serve_between(self, request: Request) -> None:
        assert request.kind.between is not None
        with self.foreground.serving():
            request.kind.between(self, request)

    def _free_memory(self) -> None:
        """Drops all embeddings from the device; the image on screen is encoded again for its next prompt."""
        if self.views.has_closer:
            self.post(ViewReady(self.mailbox.epoch, None))
        self.views.clear()
        self.embeddings.shrink()
