"""Embeddings of image files for the inference thread, from the embedding cache or the encoder.

The cache is searched on the device, in host memory, then on the disk; what is found moves to the device.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal, TypeAlias

from samdesk.base.jobs import Pause, no_pause
from samdesk.domain.geometry.types import Frame, RgbImage
from samdesk.engine.cache.memory import ImageStamp, MemoryCache, model_key
from samdesk.engine.embedding import Embedding
from samdesk.engine.protocols import Predictor

ReadImage: TypeAlias = Callable[[Path], RgbImage]
Source: TypeAlias = Literal["device", "host", "disk", "encoded"]


@dataclass(frozen=True, eq=False)
class EncodeResult:
    """An embedding and where it came from.

    Attributes:
        embedding: The embedding.
        source: Where in the cache it was, or that it was encoded.
        ms: Milliseconds to encode it, or to find it.
    """

    embedding: Embedding
    source: Source
    ms: float

    @property
    def cached(self) -> bool:
        """Whether it was in the cache."""
        return self.source != "encoded"


class Embeddings:
    """Returns embeddings of image files. Used by the inference thread alone.

    Args:
        read_image: Reads an image file as (H, W, 3) uint8 RGB.
        cache: The embedding cache.
    """

    def __init__(self, read_image: ReadImage, cache: MemoryCache) -> None:
        self._read_image = read_image
        self._cache = cache

    def get(
        self, predictor: Predictor, path: Path, view: Frame | None = None, pause: Pause = no_pause
    ) -> EncodeResult:
        """The embedding of a file by a predictor; ``view`` and ``pause`` as ``Predictor.encode`` takes them.

        Raises what reading the file and encoding it raise.
        """
        start = time.perf_counter()
        stamp = ImageStamp.of(path)
        found = self._find(predictor, stamp, view)
        if found is not None:
            embedding, source = found
            return EncodeResult(embedding, source, (time.perf_counter() - start) * 1e3)
        image = self._read_image(path)
        start = time.perf_counter()
        embedding = predictor.encode(image, view=view, pause=pause)
        ms = (time.perf_counter() - start) * 1e3
        self._keep(predictor, stamp, embedding, view)
        if self._cache.disk is not None:
            self._cache.disk.put_soon(predictor, stamp, embedding, view)
        return EncodeResult(embedding, "encoded", ms)

    def shrink(self) -> None:
        """Frees the device's memory."""
        self._cache.shrink()

    def clear(self) -> None:
        """Drops all embeddings from memory; those on the disk stay."""
        self._cache.clear()

    def _find(
        self, predictor: Predictor, stamp: ImageStamp, view: Frame | None
    ) -> tuple[Embedding, Source] | None:
        found = self._cache.find(stamp, model_key(predictor.info), view)
        if found is not None:
            return found.embedding, found.place
        disk = self._cache.disk
        embedding = None if disk is None else disk.get(predictor, stamp, view)
        if embedding is None:
            return None
        self._keep(predictor, stamp, embedding, view)
        return embedding, "disk"

    def _keep(
        self, predictor: Predictor, stamp: ImageStamp, embedding: Embedding, view: Frame | None
    ) -> None:
        info = predictor.info
        self._cache.put(stamp, model_key(info), embedding, info.device, view)
