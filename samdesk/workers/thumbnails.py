"""ThumbnailLoader: reads the thumbnails of the image list in the background, those in view first."""

from __future__ import annotations

from collections import OrderedDict
from collections.abc import Callable, Sequence
from pathlib import Path
from threading import Condition
from typing import TypeAlias

from PySide6.QtCore import QObject, Signal

from samdesk.domain.document import ImageKey
from samdesk.domain.geometry.types import RgbImage
from samdesk.images.reader import read_thumbnail
from samdesk.workers.failure import Failure, describe
from samdesk.workers.thread import STOP_TIMEOUT_MS, LoopThread, Post

SIDE = 160
_KEPT = 400

ReadSmall: TypeAlias = Callable[[Path, int], RgbImage]
_Item: TypeAlias = tuple[ImageKey, Path]


class _Stack:
    """The thumbnails to read: the newest batch first, in its own order; the oldest are dropped when full."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._closed = False
        self._items: OrderedDict[ImageKey, Path] = OrderedDict()

    def push(self, batch: Sequence[_Item]) -> None:
        with self._changed:
            for key, path in reversed(batch):
                self._items[key] = path
                self._items.move_to_end(key, last=False)
            while len(self._items) > _KEPT:
                self._items.popitem()
            self._changed.notify()

    def clear(self) -> None:
        with self._changed:
            self._items.clear()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify()

    def take(self) -> _Item | None:
        with self._changed:
            while not self._closed:
                if self._items:
                    return self._items.popitem(last=False)
                self._changed.wait()
            return None


class ThumbnailLoader(QObject):
    """Reads thumbnails in a thread of its own.

    Signals:
        ready: Key and (h, w, 3) uint8 RGB.
        failed: ``Failure`` with its key.
    """

    ready = Signal(str, object)
    failed = Signal(object)

    def __init__(
        self, side: int = SIDE, read: ReadSmall | None = None, parent: QObject | None = None
    ) -> None:
        """``side``: of the square that a thumbnail fits in, pixels; ``read``: reads (path, side)."""
        super().__init__(parent)
        self._side = side
        self._read = read or read_thumbnail
        self._round = 0
        self._stack = _Stack()
        self._post = Post(self._receive, self)
        self._thread = LoopThread("thumbnails", self._run)
        self._thread.start()

    def request(self, batch: Sequence[_Item]) -> None:
        """Requests the thumbnails in view; they are read before those requested earlier."""
        self._stack.push(batch)

    def clear(self) -> None:
        """Drops all requests and their results, for another dataset."""
        self._round += 1
        self._stack.clear()

    def stop(self, timeout_ms: int = STOP_TIMEOUT_MS) -> bool:
        """Ends the thread after the current file. Returns False if it still runs after the timeout."""
        self._round += 1
        self._stack.close()
        return self._thread.join(timeout_ms)

    def _run(self) -> None:
        while (item := self._stack.take()) is not None:
            key, path = item
            started = self._round
            result: RgbImage | Failure
            try:
                result = self._read(path, self._side)
            except Exception as error:  # noqa: BLE001 - shown to the user as a Failure
                result = describe(error, "reading the image", str(path)).about(key=key)
            self._post((started, key, result))

    def _receive(self, value: object) -> None:
        assert isinstance(value, tuple)
        started, key, result = value
        if started != self._round:
            return
        if isinstance(result, Failure):
            self.failed.emit(result)
        else:
            self.ready.emit(key, result)
