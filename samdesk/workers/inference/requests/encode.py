"""Request: encode an image, the one on screen or one ahead of time."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from samdesk.domain.document import ImageKey
from samdesk.workers.inference.events import ImageEvent
from samdesk.workers.inference.requests.kind import ImageRequest, Needs, RequestKind

if TYPE_CHECKING:
    from samdesk.workers.inference.loop import InferenceLoop


@dataclass(frozen=True)
class EncodeRequest(ImageRequest):
    """Encode an image; ``ahead``: it is not on screen yet."""

    key: ImageKey
    path: Path
    ahead: bool = False

    @property
    def kind(self) -> RequestKind[EncodeRequest]:
        return ENCODE

    def same_image(self, other: EncodeRequest) -> bool:
        """Whether both are about the same file."""
        return (self.key, self.path) == (other.key, other.path)


@dataclass(frozen=True)
class ImageEncoding(ImageEvent):
    """The encode of the image on screen has begun."""

    key: ImageKey


@dataclass(frozen=True)
class ImageEncoded(ImageEvent):
    """The image on screen is encoded and prompts are answered; ``ms``: milliseconds without pauses."""

    key: ImageKey
    ms: float
    cached: bool


def encode_image(loop: InferenceLoop, request: EncodeRequest) -> None:
    """Encodes the image, or finds its embedding in the cache."""
    loop.scheduler.encode_image(request)


ENCODE = RequestKind("encode", encode_image, needs=Needs.MODEL, repeated=True)
