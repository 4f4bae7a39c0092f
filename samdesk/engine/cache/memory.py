"""The embedding cache in memory: on the device first, then on the host.

Behind it may be the cache on disk (``disk``), which survives restarts.
"""

from __future__ import annotations

import ctypes
import dataclasses
import logging
import sys
from collections import OrderedDict
from collections.abc import Callable
from threading import RLock, Thread
from typing import Any, Literal, TypeAlias

from samdesk.domain.geometry.types import Frame
from samdesk.engine.cache.disk import DiskCache
from samdesk.engine.embedding import Embedding
from samdesk.engine.protocols import ModelInfo
from samdesk.engine.runtime.device import release
from samdesk.images.stamp import ImageStamp

__all__ = ["MIB", "CachedEmbedding", "ImageStamp", "MemoryCache", "model_key", "to_device"]

log = logging.getLogger(__name__)

MIB = 1024 * 1024
DEVICE_BYTES = 1024 * MIB
HOST_BYTES = 1024 * MIB


Place: TypeAlias = Literal["device", "host"]


@dataclasses.dataclass(frozen=True, eq=False)
class CachedEmbedding:
    """An embedding that was in memory.

    Attributes:
        embedding: On the model's device.
        place: Where it was cached.
    """

    embedding: Embedding
    place: Place


_Key: TypeAlias = tuple[ImageStamp, str, Frame | None]


@dataclasses.dataclass
class _HeldEmbedding:
    embedding: Embedding
    device: str


class MemoryCache:
    """An LRU cache of embeddings with a budget in bytes for device and host memory. Thread-safe.

    What exceeds the device's budget moves to the host; what exceeds the host's is evicted. A model on the
    CPU uses the host's memory only.

    Args:
        device_bytes: Budget on the model's device, bytes.
        host_bytes: Budget in host memory, bytes.
        disk: The cache to search next; None: none.
    """

    def __init__(
        self, device_bytes: int = DEVICE_BYTES, host_bytes: int = HOST_BYTES, disk: DiskCache | None = None
    ) -> None:
        self.disk = disk
        self._lock = RLock()
        self._device_bytes = device_bytes
        self._host_bytes = host_bytes
        self._on_device: OrderedDict[_Key, _HeldEmbedding] = OrderedDict()
        self._on_host: OrderedDict[_Key, _HeldEmbedding] = OrderedDict()

    def set_budget(self, device_bytes: int, host_bytes: int) -> None:
        """Sets the budgets, bytes, and evicts what no longer fits."""
        with self._lock:
            before = len(self)
            self._device_bytes, self._host_bytes = device_bytes, host_bytes
            self._evict()
            fewer = len(self) < before
        if fewer:  # on a thread of its own: it takes some 10 ms, and this is called on the GUI thread
            Thread(target=_release_unused, name="release-memory", daemon=True).start()

    def get(self, stamp: ImageStamp, model: str, view: Frame | None = None) -> Embedding | None:
        """The embedding that ``find`` finds."""
        found = self.find(stamp, model, view)
        return None if found is None else found.embedding

    def find(self, stamp: ImageStamp, model: str, view: Frame | None = None) -> CachedEmbedding | None:
        """The embedding of an image by a model, on the model's device; None if it is not in memory.

        Args:
            stamp: The image file as it is now.
            model: Identifies the model, its device and precision (see ``model_key``).
            view: The part of the image that was encoded; None: the whole image.
        """
        key = (stamp, model, view)
        with self._lock:
            entry = self._on_device.get(key)
            if entry is not None:
                self._on_device.move_to_end(key)
                return CachedEmbedding(entry.embedding, "device")
            entry = self._on_host.pop(key, None)
            if entry is None:
                return None
            if entry.device == "cpu":
                self._on_host[key] = entry
                return CachedEmbedding(entry.embedding, "host")
            embedding = self._restore_to_device(key, entry)
            return None if embedding is None else CachedEmbedding(embedding, "host")

    def put(
        self, stamp: ImageStamp, model: str, embedding: Embedding, device: str, view: Frame | None = None
    ) -> None:
        """Adds an embedding; those of an earlier state of the same file by the same model are removed.

        Args:
            stamp: The image file as it was read.
            model: See ``get``.
            embedding: The embedding.
            device: Where its tensors are ("cuda:0", "mps", "cpu").
            view: See ``get``.
        """
        with self._lock:
            self._remove_outdated(stamp, model)
            self._place((stamp, model, view), _HeldEmbedding(embedding, device))
            self._evict()

    def shrink(self) -> None:
        """Moves everything off the device and halves the device's budget."""
        with self._lock:
            budget, self._device_bytes = self._device_bytes, 0
            self._evict()
            self._device_bytes = budget // 2
        _release_unused()

    def clear(self) -> None:
        """Removes everything."""
        with self._lock:
            self._on_device.clear()
            self._on_host.clear()

    @property
    def device_bytes(self) -> int:
        with self._lock:
            return _total(self._on_device)

    @property
    def host_bytes(self) -> int:
        with self._lock:
            return _total(self._on_host)

    def __len__(self) -> int:
        with self._lock:
            return len(self._on_device) + len(self._on_host)

    def _place(self, key: _Key, entry: _HeldEmbedding) -> None:
        (self._on_host if entry.device == "cpu" else self._on_device)[key] = entry

    def _remove_outdated(self, stamp: ImageStamp, model: str) -> None:
        for entries in (self._on_device, self._on_host):
            for key in [k for k in entries if k[0].path == stamp.path and k[0] != stamp and k[1] == model]:
                del entries[key]

    def _restore_to_device(self, key: _Key, entry: _HeldEmbedding) -> Embedding | None:
        try:
            embedding = to_device(entry.embedding, entry.device)
        except RuntimeError as error:  # torch.OutOfMemoryError is one
            log.info("no room on %s for an embedding: %s", entry.device, error)
            self.shrink()
            return None
        self._on_device[key] = _HeldEmbedding(embedding, entry.device)
        self._evict()
        return embedding

    def _evict(self) -> None:
        while self._on_device and _total(self._on_device) > self._device_bytes:
            key, entry = self._on_device.popitem(last=False)
            if entry.embedding.nbytes <= self._host_bytes:
                self._on_host[key] = _HeldEmbedding(to_device(entry.embedding, "cpu"), entry.device)
        while self._on_host and _total(self._on_host) > self._host_bytes:
            self._on_host.popitem(last=False)


def model_key(info: ModelInfo) -> str:
    """Identifies a model, its device and its precision: embeddings of different keys are not mixed."""
    return f"{info.key}|{info.path}|{info.device}|{info.precision}"


def to_device(embedding: Embedding, device: str) -> Embedding:
    """The same embedding with its tensors on another device."""
    return dataclasses.replace(embedding, data=_map_tensors(embedding.data, lambda t: t.to(device)))


def _map_tensors(data: Any, move: Callable[[Any], Any]) -> Any:
    """A copy of nested tuples, lists, dicts and dataclasses with ``move`` applied to every tensor."""
    if hasattr(data, "to") and hasattr(data, "device"):
        return move(data)
    if isinstance(data, dict):
        return {name: _map_tensors(value, move) for name, value in data.items()}
    if isinstance(data, tuple) and hasattr(data, "_fields"):
        return type(data)(*(_map_tensors(value, move) for value in data))
    if isinstance(data, (list, tuple)):
        return type(data)(_map_tensors(value, move) for value in data)
    if dataclasses.is_dataclass(data) and not isinstance(data, type):
        names = [f.name for f in dataclasses.fields(data) if f.init]
        return dataclasses.replace(data, **{n: _map_tensors(getattr(data, n), move) for n in names})
    return data


def _total(entries: OrderedDict[_Key, _HeldEmbedding]) -> int:
    return sum(entry.embedding.nbytes for entry in entries.values())


def _release_unused() -> None:
    """Returns the unused memory that torch and the C library hold to the device and the system.

    glibc returns only what is free at the end of its heap, and an embedding may lie anywhere in it: of
    180 MB evicted, only 95 MB were returned without this.
    """
    if "torch" in sys.modules:
        release()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl has none and needs none
        if trim is not None:
            trim(0)
