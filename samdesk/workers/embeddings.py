"""Embeddings of image files for the inference thread: made once, then kept in the tier."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TypeAlias

from samdesk.domain.geometry import Frame, RgbImage
from samdesk.engine.embedding import Embedding
from samdesk.engine.protocols import Pause, Predictor, no_pause
from samdesk.engine.tier import EmbeddingTier, ImageStamp, model_key

ReadImage: TypeAlias = Callable[[Path], RgbImage]


@dataclass(frozen=True, eq=False)
class Made:
    """An embedding and what it cost.

    Attributes:
        embedding: It.
        cached: Whether it was in the tier.
        ms: Milliseconds to encode it, or to find it.
    """

    embedding: Embedding
    cached: bool
    ms: float


class Embeddings:
    """Gives embeddings of image files. Used by the inference thread alone.

    Args:
        read_image: Reads an image file as RGB.
        tier: Where they are kept.
    """

    def __init__(self, read_image: ReadImage, tier: EmbeddingTier) -> None:
        self._read_image = read_image
        self._tier = tier

    def of(
        self, predictor: Predictor, path: Path, view: Frame | None = None, pause: Pause = no_pause
    ) -> Made:
        """The embedding of a file by a predictor; ``view`` and ``pause`` as ``Predictor.encode`` takes them.

        Raises what reading the file and encoding it raise.
        """
        start = time.perf_counter()
        model, stamp = model_key(predictor.info), ImageStamp.of(path)
        embedding = self._tier.get(stamp, model, view)
        if embedding is not None:
            return Made(embedding, True, (time.perf_counter() - start) * 1e3)
        image = self._read_image(path)
        start = time.perf_counter()
        embedding = predictor.encode(image, view=view, pause=pause)
        ms = (time.perf_counter() - start) * 1e3
        self._tier.put(stamp, model, embedding, predictor.info.device, view)
        return Made(embedding, False, ms)

    def shrink(self) -> None:
        """Frees the device's memory."""
        self._tier.shrink()

    def clear(self) -> None:
        """Forgets all that is in memory."""
        self._tier.clear()
