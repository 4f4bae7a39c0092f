"""The disk cache: what was encoded once is there again at the next start, on any device, in any precision.

An embedding is written as soon as it is made, so nothing has to be saved when memory overflows or the
program ends. The inference thread, which alone may touch the model's tensors, makes the fp16 arrays
(about a millisecond); one thread of this cache packs and writes them and deletes what is over the limit.
So the next click waits for no disk, however slow, and the loop of the inference thread knows nothing
of files. Reading, and hashing a photo's bytes, is done by whoever needs the embedding.

Whatever is wrong with the disk, the worst is that an image is encoded again: the user is told once a
program, in words.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from threading import Lock

from samdesk.base import places
from samdesk.domain.geometry.types import Frame
from samdesk.engine.cache.file import SUFFIX, Entry, entry_name, folder_name, packed, unpacked
from samdesk.engine.cache.folder import RESERVE_BYTES, CacheFolder
from samdesk.engine.cache.writer import BackgroundWriter
from samdesk.engine.embedding import Embedding
from samdesk.engine.protocols import EngineError, OutOfMemory, Predictor, Storable
from samdesk.images.stamp import ContentHashes, ImageStamp

log = logging.getLogger(__name__)

LIMIT_BYTES = 10 * 1024**3
"""5,000 photos of SAM 1 and MobileSAM (2 MiB each), 1,280 of SAM 2 (8 MiB)."""


def default_folder() -> Path:
    """Where embeddings are kept on this machine (it may not exist yet)."""
    return places.cache() / "embeddings"


class DiskCache:
    """Embeddings on the disk, of predictors that are ``Storable``; of others it keeps nothing.

    Thread-safe, but ``get``, ``put`` and ``put_soon`` use the predictor: they are for its own thread.

    Args:
        folder: Where; None: ``default_folder()``.
        limit_bytes: How much they may take.
        notice: Told, in words, at most once, from any thread, that nothing can be kept.
        reserve_bytes: How much is left free on the disk.
    """

    def __init__(
        self,
        folder: Path | None = None,
        limit_bytes: int = LIMIT_BYTES,
        *,
        notice: Callable[[str], None] | None = None,
        reserve_bytes: int = RESERVE_BYTES,
    ) -> None:
        self.files = CacheFolder(folder or default_folder(), SUFFIX, limit_bytes, reserve_bytes)
        self._hashes = ContentHashes()
        self._writer = BackgroundWriter("embedding-writer")
        self._notice = notice
        self._telling = Lock()
        self._told = False
        self._on = True

    def configure(self, on: bool, limit_bytes: int) -> None:
        """Switches it on or off, and changes the limit; off, what is there stays and is not looked at."""
        lower = on and limit_bytes < self.files.limit_bytes
        self._on = on
        self.files.set_limit(limit_bytes)
        if lower:
            self._writer.offer(self.files.trim)

    def keeps(self, predictor: Predictor) -> bool:
        """Whether it keeps embeddings of such a predictor."""
        return self._on and isinstance(predictor, Storable)

    def has(self, predictor: Predictor, stamp: ImageStamp, view: Frame | None = None) -> bool:
        """Whether there is an embedding for ``get``. Raises ``OSError`` if the photo cannot be read."""
        return self.keeps(predictor) and self.files.has(*self._place(predictor, stamp, view))

    def get(self, predictor: Predictor, stamp: ImageStamp, view: Frame | None = None) -> Embedding | None:
        """The embedding of an image file, on the model's device; None if it is not there.

        Args:
            predictor: Whose.
            stamp: The image file as it is now.
            view: The part of the image that was asked for; None for all of it.

        Raises:
            OutOfMemory: The device is full.
        """
        if not (self._on and isinstance(predictor, Storable)):
            return None
        try:
            group, name = self._place(predictor, stamp, view)
        except OSError:
            return None  # whoever reads the image next says it
        data = self.files.read(group, name)
        if data is None:
            return None
        try:
            entry = unpacked(name, data)
            return predictor.from_arrays(entry.arrays, entry.image_hw, entry.frame)
        except OutOfMemory:
            raise
        except (EngineError, ValueError, TypeError) as error:
            log.warning("a kept embedding of %s is of no use: %s", stamp.path, error)
            self.files.delete(group, name)
            return None

    def put(
        self, predictor: Predictor, stamp: ImageStamp, embedding: Embedding, view: Frame | None = None
    ) -> bool:
        """Writes an embedding now. Arguments as of ``get``.

        Returns:
            Whether it is there; False also if the image file has changed since ``stamp``.

        Raises:
            EngineError: Its numbers do not fit fp16.
            OSError: It cannot be written, or the photo cannot be read.
        """
        entry = self._entry(predictor, embedding)
        if entry is None:
            return False
        group, name = self._place(predictor, stamp, view)
        if not stamp.is_current():
            return False
        self.files.write(group, name, packed(name, entry))
        return True

    def put_soon(
        self, predictor: Predictor, stamp: ImageStamp, embedding: Embedding, view: Frame | None = None
    ) -> None:
        """Writes an embedding in the background; what does not work is told as the class says."""
        try:
            entry = self._entry(predictor, embedding)
            if entry is None:
                return
            group, name = self._place(predictor, stamp, view)
        except (EngineError, OSError) as error:
            log.info("an embedding of %s is not kept on disk: %s", stamp.path, error)
            return
        if stamp.is_current() and not self._writer.offer(lambda: self._write(group, name, entry)):
            log.info("the disk is too slow to keep the embedding of %s", stamp.path)

    def flush(self, timeout_s: float | None = None) -> bool:
        """Waits until all that was to be written is; False if that takes longer than the timeout."""
        return self._writer.flush(timeout_s)

    def close(self, timeout_s: float = 1.0) -> bool:
        """Writes what waits, but not for longer than a moment; nothing is written after that."""
        return self._writer.close(timeout_s)

    def _entry(self, predictor: Predictor, embedding: Embedding) -> Entry | None:
        if not (self._on and isinstance(predictor, Storable)):
            return None
        return Entry(predictor.to_arrays(embedding), embedding.image_hw, embedding.frame)

    def _place(self, predictor: Predictor, stamp: ImageStamp, view: Frame | None) -> tuple[str, str]:
        model = predictor.info.key
        return folder_name(model), entry_name(self._hashes.of(stamp), model, view)

    def _write(self, group: str, name: str, entry: Entry) -> None:
        try:
            self.files.write(group, name, packed(name, entry))
        except OSError as error:
            log.warning("cannot keep an embedding in %s: %s", self.files.root, error)
            self._tell(
                f"Encoded images cannot be kept in {self.files.root}: {error.strerror or error}. "
                "Nothing is lost: they are encoded again when they are needed."
            )

    def _tell(self, text: str) -> None:
        with self._telling:
            told, self._told = self._told, True
        if not told and self._notice is not None:
            self._notice(text)
