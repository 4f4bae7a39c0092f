"""Base classes of requests, and ``RequestKind``: how a kind is served and queued."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass
from enum import Enum, auto
from typing import TYPE_CHECKING, Any, Generic, TypeVar

if TYPE_CHECKING:
    from samdesk.workers.inference.loop import InferenceLoop

R = TypeVar("R")


class Needs(Enum):
    """What a request requires before it can be served."""

    NOTHING = auto()
    MODEL = auto()
    IMAGE = auto()
    """A model, and the embedding of the image on screen."""


@dataclass(frozen=True, eq=False)
class RequestKind(Generic[R]):
    """A row of ``table.KINDS``. The mailbox keeps one request of each kind, the newest.

    Attributes:
        name: For logs.
        serve: Serves a request; runs on the inference thread.
        needs: What it requires; until then the request waits.
        between: Serves a request in a pause of other work, between two layers of an encode. Kinds that have
            it are the interactive ones: images are encoded ahead only after none has come for a moment. For
            any other kind that needs the image on screen, an encode ahead is given up.
        displaces: Waiting requests of these kinds are dropped when one of this kind is queued.
        repeated: Whether the newest request, even if served, is served again for another model.
    """

    name: str
    serve: Callable[[InferenceLoop, R], None]
    needs: Needs = Needs.IMAGE
    between: Callable[[InferenceLoop, R], None] | None = None
    displaces: tuple[RequestKind[Any], ...] = ()
    repeated: bool = False

    @property
    def interactive(self) -> bool:
        """Whether a request can be served in a pause of other work."""
        return self.between is not None


class Request(ABC):
    """A frozen value that the main thread puts into the mailbox."""

    @property
    @abstractmethod
    def kind(self) -> RequestKind[Any]:
        """Its row in ``table.KINDS``."""


@dataclass(frozen=True)
class ImageRequest(Request):
    """A request about the image on screen; it is dropped when another image is shown.

    Attributes:
        epoch: Counts the images shown; that of the image on screen when the request was made.
    """

    epoch: int
