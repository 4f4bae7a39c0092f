"""The model that the inference thread uses: loaded, described, and kept going when memory runs out."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeAlias, TypeVar

from samdesk.engine.protocols import ModelInfo, OutOfMemory, Predictor
from samdesk.workers.failure import Failure, describe
from samdesk.workers.inference.events import Described, Event, ModelFailed, ModelLoaded, Note
from samdesk.workers.inference.requests import LoadRequest

log = logging.getLogger(__name__)

T = TypeVar("T")
Loader: TypeAlias = Callable[[str, str, str], Predictor]


class NoModel(Exception):  # noqa: N818 - never leaves the inference thread
    """There is no model to ask; ``failure`` says why."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(str(failure))
        self.failure = failure


class ModelInUse:
    """One predictor at a time, on the inference thread alone.

    Args:
        load: Loads a model by (name, device, precision).
        describe: All about a model; it may take seconds.
        post: Called with each ``Event``.
        make_room: Drops embeddings from the device; called when its memory is full.
    """

    def __init__(
        self,
        load: Loader,
        describe: Callable[[Predictor], ModelInfo],
        post: Callable[[Event], None],
        make_room: Callable[[], None],
    ) -> None:
        self._load, self._describe, self._post, self._make_room = load, describe, post, make_room
        self._predictor: Predictor | None = None
        self._request: LoadRequest | None = None
        self._why_not = Failure("No model is loaded.", next="Choose one in the model chooser.")

    @property
    def predictor(self) -> Predictor:
        """The model. Raises ``NoModel``."""
        if self._predictor is None:
            raise NoModel(self._why_not)
        return self._predictor

    def load(self, request: LoadRequest) -> None:
        """Loads another model; if that fails, the one before stays."""
        try:
            predictor = self._load(request.name, request.device, request.precision)
        except Exception as error:  # noqa: BLE001 - told to the user as a value
            failure = describe(error, f"loading the model {request.name}", request.name)
            if self._predictor is None:
                self._why_not = failure
            still = None if self._predictor is None else self._predictor.info
            self._post(ModelFailed(request.token, failure.about(request.token), still))
        else:
            self._predictor, self._request = predictor, request
            self._post(ModelLoaded(request.token, predictor.info))
            if predictor.info.note:
                self._post(Note(predictor.info.note))

    def describe(self) -> None:
        """Finds out all about the model."""
        if self._predictor is None:
            return
        try:
            info = self._describe(self._predictor)
        except Exception:
            log.exception("could not find out all about %s", self._predictor.info.name)
            info = self._predictor.info
        self._post(Described(info))

    def drop(self) -> None:
        """Lets go of the model."""
        self._predictor = None

    def work(self, work: Callable[[Predictor], T]) -> T:
        """Does the work; out of memory: again with an emptied cache, then on the CPU. Raises ``NoModel``."""
        try:
            return work(self.predictor)
        except (OutOfMemory, MemoryError):
            log.warning("out of memory on %s: the embedding cache shrinks", self.predictor.info.device)
            self._make_room()
            self._post(Note("The memory is full: fewer encoded images are kept."))
        try:
            return work(self.predictor)
        except OutOfMemory:
            if self.predictor.info.device == "cpu":
                raise
        self._go_on_on_cpu()
        return work(self.predictor)

    def _go_on_on_cpu(self) -> None:
        """The device has no room even for one image."""
        title, request = self.predictor.info.title, self._request
        assert request is not None
        log.warning("%s ran out of memory on its device; it goes on on the CPU", title)
        self._make_room()
        self._predictor = self._load(request.name, "cpu", "auto")
        self._post(Note(f"The graphics card ran out of memory: {title} goes on on the CPU, which is slower."))
        self._post(ModelLoaded(request.token, self._predictor.info))
