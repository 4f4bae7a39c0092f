"""Request: load a model."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from samdesk.engine.checkpoints.trusted import UntrustedFileError
from samdesk.engine.protocols import ModelInfo
from samdesk.workers.failure import Failure
from samdesk.workers.inference.events import Event
from samdesk.workers.inference.requests.kind import Needs, Request, RequestKind

if TYPE_CHECKING:
    from samdesk.workers.inference.loop import InferenceLoop


@dataclass(frozen=True)
class LoadRequest(Request):
    """Load a model; ``device`` and ``precision`` as ``load_predictor`` takes them.

    ``permitted`` is the file that the user has just allowed to run its code.
    """

    token: int
    name: str
    device: str = ""
    precision: str = "auto"
    permitted: UntrustedFileError | None = None

    @property
    def kind(self) -> RequestKind[LoadRequest]:
        return LOAD


@dataclass(frozen=True)
class ModelLoaded(Event):
    """A model is in use."""

    token: int
    info: ModelInfo


@dataclass(frozen=True)
class ModelLoadFailed(Event):
    """A model could not be loaded; ``still`` is the one that stays in use, if any."""

    token: int
    failure: Failure
    still: ModelInfo | None


def load(loop: InferenceLoop, request: LoadRequest) -> None:
    """Loads the model; the requests about the image on screen are served again by the new one."""
    loop.model.load(request)
    loop.mailbox.model_is_ready()


LOAD = RequestKind("load", load, needs=Needs.NOTHING)
