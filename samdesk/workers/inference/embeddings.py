"""Embeddings of image files for the inference thread: made once, then kept in the tiers.

They are looked for on the device, in the host's memory, on the disk, in this order; what is found
further down moves to the top.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from samdesk.base.jobs import Pause, no_pause
from samdesk.domain.geometry.types import Frame, RgbImage
from samdesk.engine.cache.memory import EmbeddingTier, ImageStamp, model_key
from samdesk.engine.embedding import Embedding
from samdesk.engine.protocols import Predictor

ReadImage: TypeAlias = Callable[[Path], RgbImage]
Source: TypeAlias = Literal["device", "host", "disk", "encoded"]


@dataclass(frozen=True, eq=False)
class Made:
    """An embedding and what it cost.

    Attributes:
        embedding: It.
        source: Where it was, or that it was encoded.
        ms: Milliseconds to encode it, or to find it.
    """

    embedding: Embedding
    source: Source
    ms: float

    @property
    def cached(self) -> bool:
        """Whether it was in a tier."""
        return self.source != "encoded"


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
        stamp = ImageStamp.of(path)
        found = self._kept(predictor, stamp, view)
        if found is not None:
            embedding, source = found
            return Made(embedding, source, (time.perf_counter() - start) * 1e3)
        image = self._read_image(path)
        start = time.perf_counter()
        embedding = predictor.encode(image, view=view, pause=pause)
        ms = (time.perf_counter() - start) * 1e3
        self._keep(predictor, stamp, embedding, view)
        if self._tier.disk is not None:
            self._tier.disk.put_soon(predictor, stamp, embedding, view)
        return Made(embedding, "encoded", ms)

    def shrink(self) -> None:
        """Frees the device's memory."""
        self._tier.shrink()

    def clear(self) -> None:
        """Forgets all that is in memory."""
        self._tier.clear()

    def _kept(
        self, predictor: Predictor, stamp: ImageStamp, view: Frame | None
    ) -> tuple[Embedding, Source] | None:
        found = self._tier.find(stamp, model_key(predictor.info), view)
        if found is not None:
            return found.embedding, found.place
        disk = self._tier.disk
        embedding = None if disk is None else disk.get(predictor, stamp, view)
        if embedding is None:
            return None
        self._keep(predictor, stamp, embedding, view)
        return embedding, "disk"

    def _keep(
        self, predictor: Predictor, stamp: ImageStamp, embedding: Embedding, view: Frame | None
    ) -> None:
        info = predictor.info
        self._tier.put(stamp, model_key(info), embedding, info.device, view)
