"""Vectors of prompts in memory and on disk, so that a text or an exemplar is encoded once.

A vector's file holds a signature, a checksum and float32 numbers. A file that is damaged, or of something
else, counts as not there and is made anew.
"""

from __future__ import annotations

import hashlib
import json
import logging
import zlib
from collections import OrderedDict
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from samdesk.base import places
from samdesk.base.errors import reason
from samdesk.engine.cache.folder import CacheFolder
from samdesk.engine.concepts.concept import Exemplar

log = logging.getLogger(__name__)

FORMAT = 1
"""To be incremented whenever the same prompt and model give another vector than before."""
LIMIT_BYTES = 64 << 20
"""On disk: some 30,000 vectors."""
_IN_MEMORY = 4096
_SIGNATURE = b"samdesk vector\n\0"


def text_key(text: str) -> str:
    """What identifies the vector of a text, beside the model."""
    return json.dumps([FORMAT, "text", text])


def exemplar_key(exemplar: Exemplar) -> str:
    """What identifies the vector of an exemplar, beside the model; "" for one that is not cached."""
    if not exemplar.image.content:
        return ""
    return json.dumps([FORMAT, "exemplar", exemplar.image.content, [float(v) for v in exemplar.box]])


class VectorCache:
    """Vectors of the prompts of one model. Used by one thread at a time; the folder by any number.

    Args:
        model: ``ModelInfo.sha256``: hash of the checkpoint.
        folder: Where they are kept; None: that of this machine.
    """

    def __init__(self, model: str, folder: Path | None = None) -> None:
        self._group = _digest(model)
        self._files = CacheFolder(folder or places.cache() / "concepts", ".vector", LIMIT_BYTES)
        self._memory: OrderedDict[str, NDArray[np.float32]] = OrderedDict()

    def get(self, key: str, width: int) -> NDArray[np.float32] | None:
        """The vector of a key, (width,) float32; None if it is not there."""
        if not key:
            return None
        vector = self._memory.get(key)
        if vector is None:
            data = self._files.read(self._group, _digest(key))
            vector = None if data is None else _parse(key, data)
        if vector is None or len(vector) != width:
            return None
        self._remember(key, vector)
        return vector

    def put(self, key: str, vector: NDArray[np.float32]) -> None:
        """Keeps a vector; "" is no key. A disk that is full or read-only costs the file only."""
        if not key:
            return
        self._remember(key, vector)
        try:
            self._files.write(self._group, _digest(key), _serialize(key, vector))
        except OSError as error:
            log.info("a vector of a prompt is not kept: %s", reason(error))

    def _remember(self, key: str, vector: NDArray[np.float32]) -> None:
        self._memory[key] = vector
        self._memory.move_to_end(key)
        while len(self._memory) > _IN_MEMORY:
            self._memory.popitem(last=False)


def _serialize(key: str, vector: NDArray[np.float32]) -> bytes:
    numbers = np.ascontiguousarray(vector, "<f4").tobytes()
    return _SIGNATURE + _checksum(key, numbers) + numbers


def _parse(key: str, data: bytes) -> NDArray[np.float32] | None:
    start = len(_SIGNATURE) + 4
    numbers = data[start:]
    if data[:start] != _SIGNATURE + _checksum(key, numbers) or len(numbers) % 4:
        return None
    vector = np.frombuffer(numbers, "<f4").astype(np.float32)
    return vector if np.isfinite(vector).all() else None


def _checksum(key: str, numbers: bytes) -> bytes:
    return zlib.crc32(numbers, zlib.crc32(key.encode())).to_bytes(4, "little")


def _digest(text: str) -> str:
    return hashlib.blake2b(text.encode(), digest_size=20).hexdigest()
