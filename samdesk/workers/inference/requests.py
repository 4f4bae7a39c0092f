"""What the main thread asks of the inference thread: frozen values."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from samdesk.base.jobs import CancelToken
from samdesk.domain.document import ImageKey
from samdesk.domain.geometry.types import Frame
from samdesk.domain.prompts import PromptSet


@dataclass(frozen=True)
class LoadRequest:
    """Load a model."""

    token: int
    name: str
    device: str = ""
    precision: str = "auto"


@dataclass(frozen=True)
class EncodeRequest:
    """Encode an image: the one on screen, or one ahead of time."""

    epoch: int
    key: ImageKey
    path: Path
    ahead: bool = False

    def same_image(self, other: EncodeRequest) -> bool:
        """Whether both are about the same file."""
        return (self.key, self.path) == (other.key, other.path)


@dataclass(frozen=True)
class ViewRequest:
    """Look closer at a part of the image that was on screen in this epoch; None: at the whole again."""

    epoch: int
    view: Frame | None


@dataclass(frozen=True)
class PromptRequest:
    """Decode a mask on the image that was on screen in this epoch."""

    epoch: int
    token: int
    key: ImageKey
    prompts: PromptSet
    hover: bool = False


@dataclass(frozen=True)
class EverythingRequest:
    """Propose masks for the whole image on screen."""

    epoch: int
    key: ImageKey
    cancel: CancelToken


@dataclass(frozen=True)
class DescribeRequest:
    """Find out all about the model in use."""


Request: TypeAlias = (
    LoadRequest | EncodeRequest | ViewRequest | PromptRequest | EverythingRequest | DescribeRequest
)
