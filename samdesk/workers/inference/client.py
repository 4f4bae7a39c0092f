"""InferenceClient: the main thread's side of the inference thread."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from itertools import count
from pathlib import Path
from typing import Any, TypeVar

from PySide6.QtCore import QObject, Signal

from samdesk.base.jobs import CancelToken, Foreground
from samdesk.domain.document import ImageKey
from samdesk.domain.geometry.types import Frame
from samdesk.domain.prompts import PromptSet
from samdesk.engine.cache.memory import MemoryCache
from samdesk.engine.checkpoints.trusted import UntrustedFileError
from samdesk.workers.inference.embeddings import ReadImage
from samdesk.workers.inference.engine_functions import EngineFunctions, SegmentEverything
from samdesk.workers.inference.events import Event, ImageEvent, InferenceNotice, RequestFailed
from samdesk.workers.inference.loop import InferenceLoop
from samdesk.workers.inference.mailbox import Mailbox
from samdesk.workers.inference.model_in_use import Loader
from samdesk.workers.inference.requests.describe import DescribeRequest, ModelDescribed
from samdesk.workers.inference.requests.encode import EncodeRequest, ImageEncoded, ImageEncoding
from samdesk.workers.inference.requests.everything import (
    EverythingDone,
    EverythingProgress,
    EverythingRequest,
)
from samdesk.workers.inference.requests.kind import Request
from samdesk.workers.inference.requests.load import LoadRequest, ModelLoaded, ModelLoadFailed
from samdesk.workers.inference.requests.prompt import (
    CLICK,
    HOVER,
    PredictedMask,
    Prediction,
    PromptRequest,
)
from samdesk.workers.inference.requests.view import ViewEncoding, ViewReady, ViewRequest
from samdesk.workers.inference.staleness import NewestPrompts
from samdesk.workers.thread import STOP_TIMEOUT_MS, LoopThread, Post

__all__ = ["InferenceClient", "PredictedMask", "Prediction"]

E = TypeVar("E", bound=Event)


class InferenceClient(QObject):
    """Requests masks of the image on screen; results are of the newest image and prompt only.

    While the mouse moves, a mask of an earlier position is emitted too as long as it is still valid (see
    ``staleness``), in order.

    Signals:
        model_loading: A model's name, when it is requested.
        model_loaded: ``ModelInfo`` of the model in use from now on.
        described: Complete ``ModelInfo``, after ``describe``.
        model_failed: ``Failure``; the previous model stays in use.
        encoding: Key of the image on screen, when its encode begins (or begins again).
        encoded: Key of the image on screen, milliseconds, whether it was in the cache.
        predicted: ``Prediction``.
        failed: ``Failure``; its ``token`` is that of the click it answers, or 0.
        notice: A message for the user.
        everything_done: Key and a list of ``PredictedMask``, best first; empty if cancelled or failed.
        everything_progress: Done and total.
        view_encoding: The ``Frame`` of a view whose encode begins.
        view_ready: The ``Frame`` that prompts inside it are answered from; None: all are answered from the
            whole image again (as requested, or because the view failed).
    """

    model_loading = Signal(str)
    model_loaded = Signal(object)
    model_failed = Signal(object)
    described = Signal(object)
    encoding = Signal(str)
    encoded = Signal(str, float, bool)
    predicted = Signal(object)
    failed = Signal(object)
    notice = Signal(str)
    everything_done = Signal(str, object)
    everything_progress = Signal(int, int)
    view_encoding = Signal(object)
    view_ready = Signal(object)

    def __init__(
        self,
        loader: Loader | None = None,
        read_image: ReadImage | None = None,
        *,
        everything: SegmentEverything | None = None,
        cache: MemoryCache | None = None,
        foreground: Foreground | None = None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._foreground = foreground or Foreground()
        self._tokens = count(1)
        self._load_token = 0
        self._epoch = 0
        self._key: ImageKey | None = None
        self._newest = NewestPrompts()
        self._requested_view: Frame | None = None
        self._current_view: Frame | None = None
        self._cancel_everything = CancelToken()
        self._cache = MemoryCache() if cache is None else cache  # an empty one is false
        self._handlers: dict[type[Event], list[Callable[[Any], None]]] = {}
        self._connect_signals()
        self._mailbox = Mailbox()
        self._post = Post(self._receive, self)
        engine = EngineFunctions.real(loader, read_image, everything)
        loop = InferenceLoop(self._mailbox, self._post, engine, self._cache, self._foreground)
        self._thread = LoopThread("inference", loop.run)
        self._thread.start()

    @property
    def key(self) -> ImageKey | None:
        """The image on screen."""
        return self._key

    @property
    def epoch(self) -> int:
        """The ``epoch`` of requests about the image on screen."""
        return self._epoch

    # -- any kind of request

    def submit(self, request: Request) -> None:
        """Queues a request; it takes the place of a waiting one of its kind."""
        if request.kind.interactive:
            self._foreground.touch()
        self._mailbox.put(request)

    def on(self, event: type[E], handler: Callable[[E], None]) -> None:
        """Calls a handler with every event of a type, on the main thread.

        An ``ImageEvent`` is dropped once another image is shown.
        """
        self._handlers.setdefault(event, []).append(handler)

    # -- the model

    def load(
        self,
        name: str,
        device: str = "",
        precision: str = "auto",
        *,
        permitted: UntrustedFileError | None = None,
    ) -> None:
        """Loads a model; the one in use stays until then, or for good if loading fails.

        Args:
            name: Name or path; "": the default.
            device: As ``load_predictor`` takes it.
            precision: Likewise.
            permitted: A file that the user has just allowed to run its code.
        """
        self._load_token = next(self._tokens)
        self._cancel_everything.cancel()
        self.model_loading.emit(name)
        self.submit(LoadRequest(self._load_token, name, device, precision, permitted))

    def describe(self) -> None:
        """Requests the complete description of the model in use (``described``)."""
        self.submit(DescribeRequest())

    # -- images and views

    def show_image(self, key: ImageKey | None, path: Path | None = None) -> None:
        """Encodes the image that is on screen now (or none); results of the previous one are dropped."""
        self._epoch += 1
        self._key = key
        self._newest.clear()
        self._requested_view = self._current_view = None
        self._cancel_everything.cancel()
        request = None if key is None or path is None else EncodeRequest(self._epoch, key, path)
        self._mailbox.show(self._epoch, request)

    def prefetch(self, images: Sequence[tuple[ImageKey, Path]]) -> None:
        """Sets the images to encode when there is nothing else to do, in this order: next, previous, next+1.

        Call it after each ``show_image``, which clears the list. The image that is being encoded is not
        restarted; it continues if it is still in the list.
        """
        self._mailbox.ahead([EncodeRequest(self._epoch, key, path, ahead=True) for key, path in images])

    def set_view(self, view: Frame | None) -> None:
        """Sets the view that prompts inside it are answered from, as soon as it is encoded.

        The newest view wins; it is dropped when another image is shown, and outlasts a change of the
        model. Until it is encoded, and outside it, prompts are answered from the whole image.

        Args:
            view: A square of whole image pixels, cut off at the image; None: the whole image.
        """
        if self._key is not None and view != self._requested_view:
            self._requested_view = view
            self.submit(ViewRequest(self._epoch, view))

    # -- masks

    def predict(self, prompts: PromptSet, hover: bool = False) -> int:
        """Requests the masks of one object; the newest request wins. Returns the answer's token.

        Prompts placed while the image is still being encoded are answered when it is ready. An empty
        prompt set is like ``clear`` (hover: ``cancel_hover``).
        """
        token = next(self._tokens)
        if not prompts:
            if hover:
                self.cancel_hover()
            else:
                self.clear()
        elif self._key is not None:
            request = PromptRequest(self._epoch, token, self._key, prompts, hover)
            self._newest.add(request)
            self.submit(request)
        return token

    def cancel_hover(self) -> None:
        """Drops the hover; its masks are no longer emitted."""
        self._newest.end_hover()
        self._mailbox.drop(HOVER)

    def clear(self) -> None:
        """Drops all prompts; masks requested so far are no longer emitted."""
        self._newest.clear()
        self._mailbox.drop(CLICK, HOVER)

    def segment_everything(self) -> None:
        """Proposes masks for the whole image on screen; prompts are answered meanwhile."""
        self._cancel_everything.cancel()
        if self._key is None:
            return
        self._cancel_everything = CancelToken()
        self.submit(EverythingRequest(self._epoch, self._key, self._cancel_everything))

    def cancel_everything(self) -> None:
        """Cancels "segment everything"; ``everything_done`` is emitted with no masks."""
        self._cancel_everything.cancel()

    # -- resources

    def set_cache_budget(self, budget: int) -> None:
        """Sets how much device memory, and how much host memory, embeddings may take, bytes each."""
        self._cache.set_budget(budget, budget)

    def stop(self, timeout_ms: int = STOP_TIMEOUT_MS) -> bool:
        """Ends the thread after its current step; returns False if that takes longer than the timeout."""
        self._epoch += 1
        self._cancel_everything.cancel()
        self._mailbox.close()
        return self._thread.join(timeout_ms)

    # -- events, on the main thread

    def _connect_signals(self) -> None:
        self.on(ModelLoaded, self._receive_model)
        self.on(ModelLoadFailed, self._receive_load_failure)
        self.on(ModelDescribed, lambda event: self.described.emit(event.info))
        self.on(InferenceNotice, lambda event: self.notice.emit(event.text))
        self.on(ImageEncoding, lambda event: self.encoding.emit(event.key))
        self.on(ImageEncoded, lambda event: self.encoded.emit(event.key, event.ms, event.cached))
        self.on(ViewEncoding, self._receive_view_encoding)
        self.on(ViewReady, self._receive_view)
        self.on(Prediction, self._receive_prediction)
        self.on(RequestFailed, self._receive_failure)
        self.on(EverythingProgress, lambda event: self.everything_progress.emit(event.done, event.total))
        self.on(EverythingDone, lambda event: self.everything_done.emit(event.key, list(event.masks)))

    def _receive(self, event: object) -> None:
        assert isinstance(event, Event)
        if isinstance(event, ImageEvent) and event.epoch != self._epoch:
            return
        for handler in self._handlers.get(type(event), ()):
            handler(event)

    def _receive_model(self, event: ModelLoaded) -> None:
        if event.token == self._load_token:
            self.model_loaded.emit(event.info)

    def _receive_load_failure(self, event: ModelLoadFailed) -> None:
        if event.token != self._load_token:
            return
        self.model_failed.emit(event.failure)
        if event.still is not None:
            self.model_loaded.emit(event.still)  # it was shown as loading another

    def _receive_view_encoding(self, event: ViewEncoding) -> None:
        self._current_view = event.view
        self.view_encoding.emit(event.view)

    def _receive_view(self, event: ViewReady) -> None:
        before, self._current_view = self._current_view, event.view
        if event.view is not None or before is not None:
            self.view_ready.emit(event.view)

    def _receive_prediction(self, prediction: Prediction) -> None:
        if self._newest.accept(prediction):
            self.predicted.emit(prediction)

    def _receive_failure(self, event: RequestFailed) -> None:
        """Emits failures of the newest click, and those of the image itself (token 0)."""
        token = event.failure.token
        if token == 0 or self._newest.is_click(token):
            self.failed.emit(event.failure)
