"""InferenceClient: masks, asked for on the main thread and made on the inference thread."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import count
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from samdesk.base.jobs import CancelToken
from samdesk.domain.document import ImageKey
from samdesk.domain.geometry.types import Frame
from samdesk.domain.prompts import PromptSet
from samdesk.engine.cache.memory import EmbeddingTier
from samdesk.workers.inference.embeddings import ReadImage
from samdesk.workers.inference.engine_functions import EngineFunctions, SegmentEverything
from samdesk.workers.inference.events import (
    Described,
    Encoded,
    Encoding,
    EverythingDone,
    EverythingProgress,
    Failed,
    Looking,
    ModelFailed,
    ModelLoaded,
    Note,
    Predicted,
    Prediction,
    Shown,
    ViewReady,
)
from samdesk.workers.inference.loop import InferenceLoop
from samdesk.workers.inference.mailbox import Mailbox
from samdesk.workers.inference.model_in_use import Loader
from samdesk.workers.inference.requests import (
    EncodeRequest,
    EverythingRequest,
    LoadRequest,
    PromptRequest,
    ViewRequest,
)
from samdesk.workers.inference.staleness import drag_still_true, hover_still_true
from samdesk.workers.thread import STOP_TIMEOUT_MS, LoopThread, Post

__all__ = ["InferenceClient", "Prediction", "Shown"]


class InferenceClient(QObject):
    """Asks for masks of the image on screen; what comes back is of the newest image and prompt.

    An answer is given out if it is that of the newest prompt. While the mouse moves, a mask made for
    an earlier place is given out too as long as it is still true (see ``freshness``), in order.

    Signals:
        model_loading: A model's name, when it is asked for.
        model_loaded: ``ModelInfo`` of the model in use from now on.
        described: ``ModelInfo`` with all that takes time to find out, after ``describe``.
        model_failed: ``Failure``; the model before goes on being used.
        encoding: Key of the image on screen, when its encode begins (or is begun again).
        encoded: Key of the image on screen, milliseconds, whether it was in the cache.
        predicted: ``Prediction``.
        failed: ``Failure``; its ``token`` is that of the click it answers, or 0.
        notice: Something the user should know, in words.
        everything_done: Key and a list of ``Shown``, best first (empty if it was cancelled or failed).
        everything_progress: Done and total.
        looking: The ``Frame`` of a closer look that is being encoded from now on.
        view_ready: The ``Frame`` that prompts inside it are answered from, from now on; None: the whole
            image is looked at again (it was asked for, or the closer look failed).
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
    looking = Signal(object)
    view_ready = Signal(object)

    def __init__(
        self,
        loader: Loader | None = None,
        read_image: ReadImage | None = None,
        *,
        everything: SegmentEverything | None = None,
        tier: EmbeddingTier | None = None,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._tokens = count(1)
        self._load_token = 0
        self._epoch = 0
        self._key: ImageKey | None = None
        self._click: PromptRequest | None = None
        self._hover: PromptRequest | None = None
        self._given_out = 0
        self._view: Frame | None = None
        self._looks_at: Frame | None = None
        self._cancel_everything = CancelToken()
        self._tier = EmbeddingTier() if tier is None else tier  # an empty one is false
        self._mailbox = Mailbox()
        self._post = Post(self._receive, self)
        engine = EngineFunctions.real(loader, read_image, everything)
        loop = InferenceLoop(self._mailbox, self._post, engine, self._tier)
        self._thread = LoopThread("inference", loop.run)
        self._thread.start()

    @property
    def key(self) -> ImageKey | None:
        """The image on screen."""
        return self._key

    def load(self, name: str, device: str = "", precision: str = "auto") -> None:
        """Loads a model; the one in use stays until it is there, and for good if it fails to load."""
        self._load_token = next(self._tokens)
        self._cancel_everything.cancel()
        self.model_loading.emit(name)
        self._mailbox.load(LoadRequest(self._load_token, name, device, precision))

    def describe(self) -> None:
        """Asks for all about the model in use (``described``)."""
        self._mailbox.describe()

    def show_image(self, key: ImageKey | None, path: Path | None = None) -> None:
        """Another image (or none) is on screen: it is encoded, and nothing of the one before comes back."""
        self._epoch += 1
        self._key = key
        self._click = self._hover = None
        self._view = self._looks_at = None
        self._cancel_everything.cancel()
        request = None if key is None or path is None else EncodeRequest(self._epoch, key, path)
        self._mailbox.show(self._epoch, request)

    def prefetch(self, images: Sequence[tuple[ImageKey, Path]]) -> None:
        """The images to encode when there is nothing else to do, in this order: next, previous, next+1.

        To be told after each ``show_image``, which forgets them. An image that is being encoded is not
        begun anew, and goes on if it is still among them.
        """
        requests = [EncodeRequest(self._epoch, key, path, ahead=True) for key, path in images]
        self._mailbox.ahead(requests)

    def look_at(self, view: Frame | None) -> None:
        """The part of the image on screen that prompts inside it are answered from, as soon as it is encoded.

        The newest wish wins; it is forgotten when another image is shown, and outlasts a change of the
        model. Meanwhile, and outside it, prompts are answered from the whole image.

        Args:
            view: A square of whole image pixels, cut off at the image; None: the whole image.
        """
        if self._key is not None and view != self._view:
            self._view = view
            self._mailbox.look(ViewRequest(self._epoch, view))

    def predict(self, prompts: PromptSet, hover: bool = False) -> int:
        """Asks for the masks of all prompts together; the newest wins. Returns the answer's token.

        Prompts placed while the image is still being encoded are answered when it is ready. No prompts
        at all: like ``clear``.
        """
        token = next(self._tokens)
        if not prompts:
            if hover:
                self.cancel_hover()
            else:
                self.clear()
            return token
        if self._key is None:
            return token
        request = PromptRequest(self._epoch, token, self._key, prompts, hover)
        if hover:
            self._hover = request
        else:
            self._click, self._hover = request, None
        self._mailbox.prompt(request)
        return token

    def cancel_hover(self) -> None:
        """The mouse has left: no mask of a hover asked for so far comes back."""
        self._hover = None
        self._mailbox.forget_hover()

    def clear(self) -> None:
        """The prompts were cleared: no mask asked for so far comes back."""
        self._click = self._hover = None
        self._mailbox.forget_prompts()

    def segment_everything(self) -> None:
        """Proposes masks for the whole image on screen; prompts are answered meanwhile."""
        self._cancel_everything.cancel()
        if self._key is None:
            return
        self._cancel_everything = CancelToken()
        self._mailbox.everything(EverythingRequest(self._epoch, self._key, self._cancel_everything))

    def cancel_everything(self) -> None:
        """Stops "segment everything"; ``everything_done`` comes with no proposals."""
        self._cancel_everything.cancel()

    def set_cache_budget(self, budget: int) -> None:
        """How much memory encoded images may take, bytes: so much on the device and so much beside it."""
        self._tier.set_budget(budget, budget)

    def stop(self, timeout_ms: int = STOP_TIMEOUT_MS) -> bool:
        """Ends the thread after what it is doing now; False if that takes longer than the timeout."""
        self._epoch += 1
        self._cancel_everything.cancel()
        self._mailbox.close()
        return self._thread.join(timeout_ms)

    # -- what the thread posts, on the main thread

    def _receive(self, event: object) -> None:
        if isinstance(event, ModelLoaded):
            if event.token == self._load_token:
                self.model_loaded.emit(event.info)
        elif isinstance(event, ModelFailed):
            self._receive_model_failure(event)
        elif isinstance(event, Described):
            self.described.emit(event.info)
        elif isinstance(event, Note):
            self.notice.emit(event.text)
        else:
            self._receive_of_image(event)

    def _receive_model_failure(self, event: ModelFailed) -> None:
        if event.token != self._load_token:
            return
        self.model_failed.emit(event.failure)
        if event.still is not None:
            self.model_loaded.emit(event.still)  # what was shown as loading is this one after all

    def _receive_of_image(self, event: object) -> None:
        if getattr(event, "epoch", None) != self._epoch:
            return
        if isinstance(event, Predicted):
            if self._is_fresh(event.prediction):
                self._given_out = event.prediction.token
                self.predicted.emit(event.prediction)
        elif isinstance(event, Encoding):
            self.encoding.emit(event.key)
        elif isinstance(event, Encoded):
            self.encoded.emit(event.key, event.ms, event.cached)
        elif isinstance(event, (Looking, ViewReady)):
            self._receive_view(event)
        elif isinstance(event, EverythingProgress):
            self.everything_progress.emit(event.done, event.total)
        elif isinstance(event, EverythingDone):
            self.everything_done.emit(event.key, list(event.masks or ()))
        elif isinstance(event, Failed) and self._is_wanted(event.failure.token):
            self.failed.emit(event.failure)

    def _receive_view(self, event: Looking | ViewReady) -> None:
        before, self._looks_at = self._looks_at, event.view
        if isinstance(event, Looking):
            self.looking.emit(event.view)
        elif event.view is not None or before is not None:
            self.view_ready.emit(event.view)

    def _is_wanted(self, token: int) -> bool:
        """Whether a failure of this click still says something: the newest click's, or the image's own."""
        return token == 0 or (self._click is not None and token == self._click.token)

    def _is_fresh(self, prediction: Prediction) -> bool:
        newest = self._hover if prediction.hover else self._click
        if newest is None:
            return False
        if prediction.token == newest.token:
            return True
        if prediction.token < self._given_out:
            return False
        if not prediction.hover:
            return drag_still_true(prediction.prompts, newest.prompts)
        if self._click is not None and prediction.token < self._click.token:
            return False
        return bool(prediction.masks) and hover_still_true(newest.prompts, prediction.masks[0].region)
