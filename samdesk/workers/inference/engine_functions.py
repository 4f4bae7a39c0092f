"""The engine's and the image reader's functions that the inference thread calls; torch is imported lazily."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol

from samdesk.base.jobs import CancelToken, Progress
from samdesk.domain.geometry.types import RgbImage
from samdesk.domain.prompts import MaskCandidate
from samdesk.engine.embedding import Embedding
from samdesk.engine.protocols import ModelInfo, Predictor
from samdesk.workers.inference.embeddings import ReadImage
from samdesk.workers.inference.model_in_use import Loader


class SegmentEverything(Protocol):
    """``engine.auto_masks.segment_everything``."""

    def __call__(
        self, predictor: Predictor, embedding: Embedding, *, cancel: CancelToken, progress: Progress
    ) -> list[MaskCandidate]:
        """Returns masks of the whole image, best first."""


@dataclass(frozen=True)
class EngineFunctions:
    """The functions that do the work, replaceable by the caller.

    Attributes:
        load: Loads a model by (name, device, precision).
        read_image: Reads an image file as (H, W, 3) uint8 RGB.
        everything: Proposes masks for a whole image.
        describe: Returns the complete description of a model; may take seconds.
    """

    load: Loader
    read_image: ReadImage
    everything: SegmentEverything
    describe: Callable[[Predictor], ModelInfo]

    @classmethod
    def real(
        cls,
        load: Loader | None = None,
        read_image: ReadImage | None = None,
        everything: SegmentEverything | None = None,
    ) -> EngineFunctions:
        """The engine's and the reader's functions, except for those that are passed."""
        return cls(
            load or _load_predictor, read_image or _read_image, everything or _segment_everything, _describe
        )


def _load_predictor(name: str, device: str, precision: str) -> Predictor:
    from samdesk.engine.models.load import load_predictor

    return load_predictor(name, device, precision)


def _describe(predictor: Predictor) -> ModelInfo:
    from samdesk.engine.families import describe

    return describe(predictor)


def _read_image(path: Path) -> RgbImage:
    from samdesk.images.reader import read_image

    return read_image(path)


def _segment_everything(
    predictor: Predictor, embedding: Embedding, *, cancel: CancelToken, progress: Progress
) -> list[MaskCandidate]:
    from samdesk.engine.auto_masks import segment_everything

    return segment_everything(predictor, embedding, cancel=cancel, progress=progress)
