"""The predictor of the inference thread: loaded, described, and kept running when memory is full."""

from __future__ import annotations

import logging
from collections.abc import Callable
from typing import TypeAlias, TypeVar

from samdesk.engine.protocols import ModelInfo, OutOfMemory, Predictor
from samdesk.workers.failure import Failure, describe
from samdesk.workers.inference.events import Event, InferenceNotice
from samdesk.workers.inference.requests.describe import ModelDescribed
from samdesk.workers.inference.requests.load import LoadRequest, ModelLoaded, ModelLoadFailed

log = logging.getLogger(__name__)

T = TypeVar("T")
Loader: TypeAlias = Callable[[str, str, str], Predictor]


class NoModel(Exception):  # noqa: N818 - never leaves the inference thread
    """No model is loaded; ``failure`` has the reason."""

    def __init__(self, failure: Failure) -> None:
        super().__init__(str(failure))
        self.failure = failure


class ModelInUse:
    """Holds one predictor. Used by the inference thread alone.

    Args:
        load: Loads a model by (name, device, precision).
        describe: Returns the complete description of a model; may take seconds.
        post: Called with each ``Event``.
        free_memory: Drops embeddings from the device; called when its memory is full.
    """

    def __init__(
        self,
        load: Loader,
        describe: Callable[[Predictor], ModelInfo],
        post: Callable[[Event], None],
        free_memory: Callable[[], None],
    ) -> None:
        self._load, self._describe, self._post, self._free_memory = load, describe, post, free_memory
        self._predictor: Predictor | None = None
        self._request: LoadRequest | None = None
        self._no_model = Failure("No model is loaded.", next="Choose one with Model > Choose model.")

    @property
    def predictor(self) -> Predictor:
        """The predictor. Raises ``NoModel``."""
        if self._predictor is None:
            raise NoModel(self._no_model)
        return self._predictor

    def load(self, request: LoadRequest) -> None:
        """Loads another model; if that fails, the previous one stays in use."""
        try:
            if request.permitted is not None:
                request.permitted.permit()
            predictor = self._load(request.name, request.device, request.precision)
        except Exception as error:  # noqa: BLE001 - reported as a value
            failure = describe(error, f"loading the model {request.name}", request.name)
            if self._predictor is None:
                self._no_model = failure
            still = None if self._predictor is None else self._predictor.info
            self._post(ModelLoadFailed(request.token, failure.about(request.token), still))
        else:
            self._predictor, self._request = predictor, request
            self._post(ModelLoaded(request.token, predictor.info))
            if predictor.info.note:
                self._post(InferenceNotice(predictor.info.note))

    def describe(self) -> None:
        """Posts the complete description of the model, or what is known of it if that fails."""
        if self._predictor is None:
            return
        try:
            info = self._describe(self._predictor)
        except Exception:
            log.exception("could not describe %s completely", self._predictor.info.name)
            info = self._predictor.info
        self._post(ModelDescribed(info))

    def drop(self) -> None:
        """Releases the model."""
        self._predictor = None

    def run(self, work: Callable[[Predictor], T]) -> T:
        """Calls a function with the predictor; out of memory: again with an emptied cache, then on the CPU.

        Raises ``NoModel`` and what the function raises.
        """
        try:
            return work(self.predictor)
        except (OutOfMemory, MemoryError):
            log.warning("out of memory on %s: the embedding cache shrinks", self.predictor.info.device)
            self._free_memory()
            self._post(InferenceNotice("Memory is full: fewer encoded images are kept."))
        try:
            return work(self.predictor)
        except OutOfMemory:
            if self.predictor.info.device == "cpu":
                raise
        self._fall_back_to_cpu()
        return work(self.predictor)

    def _fall_back_to_cpu(self) -> None:
        """Loads the same model on the CPU: the device has no room even for one image."""
        title, request = self.predictor.info.title, self._request
        assert request is not None
        log.warning("%s ran out of memory on its device; it runs on the CPU from now on", title)
        self._free_memory()
        self._predictor = self._load(request.name, "cpu", "auto")
        self._post(
            InferenceNotice(
                f"The graphics card is out of memory: {title} now runs on the CPU, which is slower."
            )
        )
        self._post(ModelLoaded(request.token, self._predictor.info))
