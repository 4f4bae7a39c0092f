"""The interface of the first stage of a run: it names the objects of an image and where they are."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Protocol

from samdesk.batch.find import DetectedBox
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.geometry.types import RgbImage
from samdesk.engine.protocols import ModelInfo


@dataclass(frozen=True)
class SourceImage:
    """An image whose objects are looked for.

    Attributes:
        key: The image.
        pixels: (H, W, 3) uint8 RGB.
        document: What it is annotated with; None where that is not known.
    """

    key: ImageKey
    pixels: RgbImage
    document: ImageDocument | None = None


class ObjectSource(Protocol):
    """Finds the objects of images, without their masks or with masks of its own."""

    @property
    def info(self) -> ModelInfo | None:
        """The model that finds them; None: there is none."""

    @property
    def names(self) -> tuple[str, ...]:
        """Class names by class id."""

    def find(self, images: Sequence[SourceImage]) -> list[list[DetectedBox]]:
        """Finds the objects of each image, the most confident first.

        Raises:
            EngineError: The model failed.
        """
