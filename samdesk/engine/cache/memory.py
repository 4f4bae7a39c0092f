"""The embedding cache: what was encoded is kept, on the device first, then in the host's memory.

Behind both may stand the disk (``disk``), which also serves the next start of the program.
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

__all__ = ["MIB", "Found", "ImageStamp", "MemoryCache", "model_key", "moved"]

log = logging.getLogger(__name__)

MIB = 1024 * 1024
DEVICE_BYTES = 1024 * MIB
HOST_BYTES = 1024 * MIB


Place: TypeAlias = Literal["device", "host"]


@dataclasses.dataclass(frozen=True, eq=False)
class Found:
    """An embedding that was in memory.

    Attributes:
        embedding: It, on the model's device.
        place: Where it was.
    """

    embedding: Embedding
    place: Place


_Key: TypeAlias = tuple[ImageStamp, str, Frame | None]


@dataclasses.dataclass
class _Entry:
    embedding: Embedding
    device: str


class MemoryCache:
    """A least-recently-used cache of embeddings with a budget in bytes for each kind of memory.

    Thread-safe. What overflows the device's budget moves to the host, what overflows the host's is
    forgotten. On the CPU there is the host's memory only.

    Args:
        device_bytes: Budget on the model's device, bytes.
        host_bytes: Budget in the host's memory, bytes.
        disk: Where to look for what is not in memory; None: nowhere.
    """

    def __init__(
        self, device_bytes: int = DEVICE_BYTES, host_bytes: int = HOST_BYTES, disk: DiskCache | None = None
    ) -> None:
        self.disk = disk
        self._lock = RLock()
        self._device_bytes = device_bytes
        self._host_bytes = host_bytes
        self._on_device: OrderedDict[_Key, _Entry] = OrderedDict()
        self._on_host: OrderedDict[_Key, _Entry] = OrderedDict()

    def set_budget(self, device_bytes: int, host_bytes: int) -> None:
        """Changes the budgets, bytes; what does not fit any more leaves at once."""
        with self._lock:
            before = len(self)
            self._device_bytes, self._host_bytes = device_bytes, host_bytes
            self._settle()
            fewer = len(self) < before
        if fewer:  # on a thread of its own: it takes some 10 ms, and this is called by the window
            Thread(target=_give_back, name="give-back", daemon=True).start()

    def get(self, stamp: ImageStamp, model: str, view: Frame | None = None) -> Embedding | None:
        """The embedding of ``find``."""
        found = self.find(stamp, model, view)
        return None if found is None else found.embedding

    def find(self, stamp: ImageStamp, model: str, view: Frame | None = None) -> Found | None:
        """The embedding of an image by a model, on the model's device; None if it is not in memory.

        Args:
            stamp: The image file as it is now.
            model: Says the model, its device and precision (see ``model_key``).
            view: The part of the image that was asked for; None for all of it.
        """
        key = (stamp, model, view)
        with self._lock:
            entry = self._on_device.get(key)
            if entry is not None:
                self._on_device.move_to_end(key)
                return Found(entry.embedding, "device")
            entry = self._on_host.pop(key, None)
            if entry is None:
                return None
            if entry.device == "cpu":
                self._on_host[key] = entry
                return Found(entry.embedding, "host")
            embedding = self._bring_back(key, entry)
            return None if embedding is None else Found(embedding, "host")

    def put(
        self, stamp: ImageStamp, model: str, embedding: Embedding, device: str, view: Frame | None = None
    ) -> None:
        """Keeps an embedding; one of an earlier state of the same file by the same model goes.

        Args:
            stamp: The image file as it was read.
            model: See ``get``.
            embedding: What was encoded.
            device: Where its tensors live ("cuda:0", "mps", "cpu").
            view: See ``get``.
        """
        with self._lock:
            self._forget_older(stamp, model)
            self._place((stamp, model, view), _Entry(embedding, device))
            self._settle()

    def shrink(self) -> None:
        """Frees the device's memory: all goes to the host, and half the budget is left on the device."""
        with self._lock:
            budget, self._device_bytes = self._device_bytes, 0
            self._settle()
            self._device_bytes = budget // 2
        _give_back()

    def clear(self) -> None:
        """Forgets all."""
        with self._lock:
            self._on_device.clear()
            self._on_host.clear()

    @property
    def device_bytes(self) -> int:
        """Bytes held on the device."""
        with self._lock:
            return _total(self._on_device)

    @property
    def host_bytes(self) -> int:
        """Bytes held in the host's memory."""
        with self._lock:
            return _total(self._on_host)

    def __len__(self) -> int:
        with self._lock:
            return len(self._on_device) + len(self._on_host)

    def _place(self, key: _Key, entry: _Entry) -> None:
        (self._on_host if entry.device == "cpu" else self._on_device)[key] = entry

    def _forget_older(self, stamp: ImageStamp, model: str) -> None:
        for shelf in (self._on_device, self._on_host):
            for key in [k for k in shelf if k[0].path == stamp.path and k[0] != stamp and k[1] == model]:
                del shelf[key]

    def _bring_back(self, key: _Key, entry: _Entry) -> Embedding | None:
        try:
            embedding = moved(entry.embedding, entry.device)
        except RuntimeError as error:  # torch.OutOfMemoryError is one
            log.info("no room on %s for an embedding: %s", entry.device, error)
            self.shrink()
            return None
        self._on_device[key] = _Entry(embedding, entry.device)
        self._settle()
        return embedding

    def _settle(self) -> None:
        while self._on_device and _total(self._on_device) > self._device_bytes:
            key, entry = self._on_device.popitem(last=False)
            if entry.embedding.nbytes <= self._host_bytes:
                self._on_host[key] = _Entry(moved(entry.embedding, "cpu"), entry.device)
        while self._on_host and _total(self._on_host) > self._host_bytes:
            self._on_host.popitem(last=False)


def model_key(info: ModelInfo) -> str:
    """What tells one model's embeddings from another's: also its device and precision."""
    return f"{info.key}|{info.path}|{info.device}|{info.precision}"


def moved(embedding: Embedding, device: str) -> Embedding:
    """The same embedding with its tensors on another device."""
    return dataclasses.replace(embedding, data=_map_tensors(embedding.data, lambda t: t.to(device)))


def _map_tensors(data: Any, move: Callable[[Any], Any]) -> Any:
    """A copy of nested tuples, lists, dicts and dataclasses with ``move`` done to every tensor."""
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


def _total(shelf: OrderedDict[_Key, _Entry]) -> int:
    return sum(entry.embedding.nbytes for entry in shelf.values())


def _give_back() -> None:
    """Gives the memory that torch and the C library keep for later back to the device and the system.

    glibc returns only what is free at the end of its heap, and an embedding is small enough to lie
    somewhere in it: of 180 MB that left, 95 MB had come back without this.
    """
    if "torch" in sys.modules:
        release()
    if sys.platform == "linux":
        trim = getattr(ctypes.CDLL(None), "malloc_trim", None)  # musl has none and needs none
        if trim is not None:
            trim(0)
