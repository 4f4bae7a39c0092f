"""Embedding: what an image encoder says of an image, as an immutable value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from samdesk.domain.geometry.types import Frame


@dataclass(frozen=True, eq=False)
class Embedding:
    """The image-encoder output for (image, model).

    Attributes:
        model: ``ModelInfo.name`` and content hash of the model that made it ("mobile_sam.pt:1f3a...");
            another model's embedding is refused.
        image_hw: Height and width of the image, pixels.
        frame: What the model looked at.
        data: The model's own tensors (or arrays), never changed after construction.
        nbytes: Their size, bytes, for the cache's budget.
    """

    model: str
    image_hw: tuple[int, int]
    frame: Frame
    data: Any
    nbytes: int
