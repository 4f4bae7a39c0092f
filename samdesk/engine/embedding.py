"""Image embedding: the output of an image encoder as an immutable value."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

from samdesk.domain.geometry.types import Frame


@dataclass(frozen=True, eq=False)
class Embedding:
    """Image-encoder output for an image, or a view of it, and a model.

    Attributes:
        model: ``ModelInfo.key`` of the model that computed it ("mobile_sam.pt:1f3a..."); predictors refuse
            another model's embedding.
        image_hw: Height and width of the image, pixels.
        frame: Part of the image plane that the encoder's input covered.
        data: The model's own tensors or arrays, never changed after construction.
        nbytes: Size of ``data``, bytes, for the cache's budget.
    """

    model: str
    image_hw: tuple[int, int]
    frame: Frame
    data: Any
    nbytes: int
