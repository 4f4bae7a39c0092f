"""The embedding cache on disk. It survives restarts and serves any device and precision.

An embedding is written as soon as it is made, so nothing has to be saved when memory overflows or the
program exits. The inference thread, which alone may use the model's tensors, makes the fp16 arrays (about a
millisecond); a background thread serializes and writes them and evicts what exceeds the limit, so the next
prompt never waits for a disk. Reading, and hashing an image file's bytes, happens on the calling thread.

A disk error costs no more than encoding an image again. The user is notified of the first one only.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from pathlib import Path
from threading import Lock

from samdesk.base import places
from samdesk.base.errors import reason
from samdesk.domain.geometry.types import Frame
from samdesk.engine.cache.file import SUFFIX, StoredEmbedding, deserialize, entry_name, folder_name, serialize
from samdesk.engine.cache.folder import RESERVE_BYTES, CacheFolder
from samdesk.engine.cache.writer import BackgroundWriter
from samdesk.engine.embedding import Embedding
from samdesk.engine.protocols import EngineError, OutOfMemory, Predictor, Storable
from samdesk.images.stamp import ContentHashes, ImageStamp

log = logging.getLogger(__name__)

LIMIT_BYTES = 10 * 1024**3
"""5,000 images of SAM 1 and MobileSAM (2 MiB each), 1,280 of SAM 2 (8 MiB)."""


def default_folder() -> Path:
    """The folder of the embedding cache on this machine; it may not exist yet."""
    return places.cache() / "embeddings"


class DiskCache:
    """Embeddings on disk, of predictors that are ``Storable``.

    Thread-safe, but ``get``, ``put`` and ``put_soon`` use the predictor and belong on its thread.

    Args:
        folder: Of the files; None: ``default_folder()``.
        limit_bytes: Total size of the files.
        notice: Called with a message for the user when a file cannot be written; at most once, from any
            thread.
        reserve_bytes: Free disk space that is left for other programs.
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
        self._notice_lock = Lock()
        self._notified = False
        self._on = True

    def configure(self, on: bool, limit_bytes: int) -> None:
        """Turns the cache on or off and sets its limit; turned off, its files stay and are not read."""
        shrinks = on and limit_bytes < self.files.limit_bytes
        self._on = on
        self.files.set_limit(limit_bytes)
        if shrinks:
            self._writer.submit(self.files.trim)

    def keeps(self, predictor: Predictor) -> bool:
        """Whether embeddings of this predictor are cached."""
        return self._on and isinstance(predictor, Storable)

    def has(self, predictor: Predictor, stamp: ImageStamp, view: Frame | None = None) -> bool:
        """Whether ``get`` would find an embedding. Raises ``OSError`` if the image file cannot be read."""
        return self.keeps(predictor) and self.files.has(*self._location(predictor, stamp, view))

    def get(self, predictor: Predictor, stamp: ImageStamp, view: Frame | None = None) -> Embedding | None:
        """The embedding of an image file, on the model's device; None if it is not cached.

        Args:
            predictor: The predictor that made it.
            stamp: The image file as it is now.
            view: The part of the image that was encoded; None: the whole image.

        Raises:
            OutOfMemory: The device is full.
        """
        if not (self._on and isinstance(predictor, Storable)):
            return None
        try:
            group, name = self._location(predictor, stamp, view)
        except OSError:
            return None  # reported when the image itself is read
        data = self.files.read(group, name)
        if data is None:
            return None
        try:
            entry = deserialize(name, data)
            return predictor.from_arrays(entry.arrays, entry.image_hw, entry.frame)
        except OutOfMemory:
            raise
        except (EngineError, ValueError, TypeError) as error:
            log.warning("a cached embedding of %s is unusable: %s", stamp.path, error)
            self.files.delete(group, name)
            return None

    def put(
        self, predictor: Predictor, stamp: ImageStamp, embedding: Embedding, view: Frame | None = None
    ) -> bool:
        """Writes an embedding on the calling thread. Arguments as for ``get``.

        Returns:
            Whether it was written; False also if the image file has changed since ``stamp``.

        Raises:
            EngineError: Its numbers do not fit fp16.
            OSError: It cannot be written, or the image file cannot be read.
        """
        entry = self._entry(predictor, embedding)
        if entry is None:
            return False
        group, name = self._location(predictor, stamp, view)
        if not stamp.is_current():
            return False
        self.files.write(group, name, serialize(name, entry))
        return True

    def put_soon(
        self, predictor: Predictor, stamp: ImageStamp, embedding: Embedding, view: Frame | None = None
    ) -> None:
        """Writes an embedding in the background. Arguments as for ``get``; errors go to ``notice``."""
        try:
            entry = self._entry(predictor, embedding)
            if entry is None:
                return
            group, name = self._location(predictor, stamp, view)
        except (EngineError, OSError) as error:
            log.info("an embedding of %s is not cached on disk: %s", stamp.path, error)
            return
        if stamp.is_current() and not self._writer.submit(lambda: self._write(group, name, entry)):
            log.info("the disk is too slow to cache the embedding of %s", stamp.path)

    def flush(self, timeout_s: float | None = None) -> bool:
        """Waits until everything is written; returns False on timeout."""
        return self._writer.flush(timeout_s)

    def close(self, timeout_s: float = 1.0) -> bool:
        """Finishes pending writes within the timeout and drops the rest; nothing is written afterwards."""
        return self._writer.close(timeout_s)

    def _entry(self, predictor: Predictor, embedding: Embedding) -> StoredEmbedding | None:
        if not (self._on and isinstance(predictor, Storable)):
            return None
        return StoredEmbedding(predictor.to_arrays(embedding), embedding.image_hw, embedding.frame)

    def _location(self, predictor: Predictor, stamp: ImageStamp, view: Frame | None) -> tuple[str, str]:
        model = predictor.info.key
        return folder_name(model), entry_name(self._hashes.of(stamp), model, view)

    def _write(self, group: str, name: str, entry: StoredEmbedding) -> None:
        try:
            self.files.write(group, name, serialize(name, entry))
        except OSError as error:
            log.warning("cannot write an embedding to %s: %s", self.files.root, error)
            self._notify(
                f"Encoded images cannot be saved in {self.files.root}: {reason(error)}. "
                "Nothing is lost; they will be encoded again when needed."
            )

    def _notify(self, text: str) -> None:
        with self._notice_lock:
            notified, self._notified = self._notified, True
        if not notified and self._notice is not None:
            self._notice(text)
