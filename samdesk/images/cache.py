"""A cache of decoded images with a byte budget."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from dataclasses import dataclass, field
from pathlib import Path
from typing import TypeAlias

from samdesk.domain.geometry.types import RgbImage
from samdesk.images.partial import CoarseImage, PartialImage
from samdesk.images.reader import read_image, read_thumbnail, scaled_down

_Stamp: TypeAlias = tuple[int, int, int]
_Key: TypeAlias = tuple[Path, _Stamp]

Read: TypeAlias = Callable[[Path, PartialImage], RgbImage]
"""Reads an image; others can look at what there is of it meanwhile."""


@dataclass(frozen=True)
class _CachedImage:
    future: Future[RgbImage] = field(default_factory=Future)
    partial: PartialImage = field(default_factory=PartialImage)

    @property
    def read(self) -> bool:
        return self.future.done() and self.future.exception() is None


class ImageCache:
    """A thread-safe LRU cache of decoded images.

    A file is decoded once even if two threads request it at the same time, and again after it has
    changed on disk (size or time). The arrays are read-only.
    """

    def __init__(self, budget_bytes: int, read: Read = read_image) -> None:
        """Creates a cache that keeps ``budget_bytes`` of pixels, read by ``read``."""
        self._budget = budget_bytes
        self._read = read
        self._lock = threading.Lock()
        self._images: OrderedDict[_Key, _CachedImage] = OrderedDict()

    def get(self, path: Path) -> RgbImage:
        """The image, (H, W, 3) uint8 RGB, read-only. Raises what ``read`` raises (``ImageError``)."""
        key = (path, _stamp(path))
        with self._lock:
            entry = self._images.get(key)
            ours = entry is None
            if entry is None:
                entry = self._images[key] = _CachedImage()
            self._images.move_to_end(key)
        if ours:
            self._fill(key, entry)
        return entry.future.result()

    def has(self, path: Path) -> bool:
        """Whether ``get`` would return at once."""
        entry = self._entry(path)
        return entry is not None and entry.future.done()

    def look(self, path: Path) -> CoarseImage | None:
        """A coarse version of a large image that a thread is decoding; None if none is."""
        entry = self._entry(path)
        return None if entry is None or entry.future.done() else entry.partial.look()

    def thumbnail(self, path: Path, side: int, *, max_pixels: int) -> RgbImage:
        """Reads a thumbnail as ``read_thumbnail``, from the image if it is here or being decoded.

        An image that is decoded twice at the same time needs twice the memory.
        """
        entry = self._entry(path)
        if entry is None:
            return read_thumbnail(path, side, max_pixels=max_pixels)
        return scaled_down(entry.future.result(), side)

    def set_budget(self, budget_bytes: int) -> None:
        """Changes the budget; the least recently used images beyond it are dropped."""
        with self._lock:
            self._budget = budget_bytes
            self._trim()

    def clear(self) -> None:
        """Drops all images."""
        with self._lock:
            self._images.clear()

    def _entry(self, path: Path) -> _CachedImage | None:
        key = (path, _stamp(path))
        with self._lock:
            return self._images.get(key)

    def _fill(self, key: _Key, entry: _CachedImage) -> None:
        try:
            image = self._read(key[0], entry.partial)
            image.flags.writeable = False
        except BaseException as error:  # noqa: BLE001 - raised in the waiting threads, too
            with self._lock:
                self._images.pop(key, None)
            entry.future.set_exception(error)
            return
        entry.future.set_result(image)
        with self._lock:
            self._trim()

    def _used(self) -> int:
        return sum(entry.future.result().nbytes for entry in self._images.values() if entry.read)

    def _trim(self) -> None:
        used = self._used()
        for key in list(self._images)[:-1]:  # the latest is kept, however large
            if used <= self._budget:
                break
            entry = self._images[key]
            if entry.read:
                used -= entry.future.result().nbytes
                del self._images[key]


def _stamp(path: Path) -> _Stamp:
    try:
        stat = path.stat()
    except OSError:
        return (-1, -1, -1)
    # ctime is set by the system: it changes even if a program sets mtime back (cp -p, rsync).
    return (stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
