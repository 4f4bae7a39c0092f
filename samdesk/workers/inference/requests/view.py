"""Request: encode a view (a part) of the image on screen, from which prompts inside it are answered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from samdesk.domain.geometry.types import Frame
from samdesk.workers.inference.events import ImageEvent
from samdesk.workers.inference.requests.kind import ImageRequest, RequestKind

if TYPE_CHECKING:
    from samdesk.workers.inference.loop import InferenceLoop


@dataclass(frozen=True)
class ViewRequest(ImageRequest):
    """Encode a view; None: go back to the whole image."""

    view: Frame | None

    @property
    def kind(self) -> RequestKind[ViewRequest]:
        return VIEW


@dataclass(frozen=True)
class ViewEncoding(ImageEvent):
    """The encode of a view has begun."""

    view: Frame


@dataclass(frozen=True)
class ViewReady(ImageEvent):
    """Prompts inside this view are answered from it; None: from the whole image."""

    view: Frame | None


def encode_view(loop: InferenceLoop, request: ViewRequest) -> None:
    """Encodes the view, or finds its embedding in the cache."""
    loop.scheduler.encode_view(request)


VIEW = RequestKind("view", encode_view, repeated=True)
