"""A cache of decoded images with a byte budget."""

from __future__ import annotations

import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import Future
from pathlib import Path
from typing import TypeAlias

from samdesk.domain.geometry.types import RgbImage
from samdesk.images.reader import read_image

_Stamp: TypeAlias = tuple[int, int, int]
_Key: TypeAlias = tuple[Path, _Stamp]


class ImageCache:
    """A thread-safe LRU cache of decoded images.

    A file is decoded once even if two threads request it at the same time, and again after it has
    changed on disk (size or time). The arrays are read-only.
    """

    def __init__(self, budget_bytes: int, read: Callable[[Path], RgbImage] = read_image) -> None:
        """Creates a cache that keeps ``budget_bytes`` of pixels, read by ``read``."""
        self._budget = budget_bytes
        self._read = read
        self._lock = threading.Lock()
        self._images: OrderedDict[_Key, Future[RgbImage]] = OrderedDict()

    def get(self, path: Path) -> RgbImage:
        """The image, (H, W, 3) uint8 RGB, read-only. Raises what ``read`` raises (``ImageError``)."""
        key = (path, _stamp(path))
        with self._lock:
            future = self._images.get(key)
            ours = future is None
            if future is None:
                future = self._images[key] = Future()
            self._images.move_to_end(key)
        if ours:
            self._fill(key, future)
        return future.result()

    def has(self, path: Path) -> bool:
        """Whether ``get`` would return at once."""
        key = (path, _stamp(path))
        with self._lock:
            future = self._images.get(key)
        return future is not None and future.done()

    def set_budget(self, budget_bytes: int) -> None:
        """Changes the budget; the least recently used images beyond it are dropped."""
        with self._lock:
            self._budget = budget_bytes
            self._trim()

    def clear(self) -> None:
        """Drops all images."""
        with self._lock:
            self._images.clear()

    def _fill(self, key: _Key, future: Future[RgbImage]) -> None:
        try:
            image = self._read(key[0])
            image.flags.writeable = False
        except BaseException as error:  # noqa: BLE001 - raised in the waiting threads, too
            with self._lock:
                self._images.pop(key, None)
            future.set_exception(error)
            return
        future.set_result(image)
        with self._lock:
            self._trim()

    def _used(self) -> int:
        return sum(f.result().nbytes for f in self._images.values() if f.done() and f.exception() is None)

    def _trim(self) -> None:
        used = self._used()
        for key in list(self._images)[:-1]:  # the latest is kept, however large
            if used <= self._budget:
                break
            future = self._images[key]
            if future.done() and future.exception() is None:
                used -= future.result().nbytes
                del self._images[key]


def _stamp(path: Path) -> _Stamp:
    try:
        stat = path.stat()
    except OSError:
        return (-1, -1, -1)
    # ctime is set by the system: it changes even if a program sets mtime back (cp -p, rsync).
    return (stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns)
