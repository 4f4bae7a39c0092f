"""ImageLoader: decodes images in background threads, the image to show before those ahead."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from threading import Condition

from PySide6.QtCore import QObject, QTimer, Signal

from samdesk.domain.document import ImageKey
from samdesk.domain.geometry.types import RgbImage
from samdesk.images.cache import ImageCache
from samdesk.workers.failure import Failure, describe
from samdesk.workers.thread import STOP_TIMEOUT_MS, LoopThread, Post

log = logging.getLogger(__name__)

CACHE_BYTES = 1024 * 1024 * 1024
LOOK_MS = 60
"""Time between two looks at a large image that is being decoded, milliseconds."""
_THREADS = 2  # so that a decode that is no longer wanted does not delay the image to show


@dataclass(frozen=True)
class _DecodeRequest:
    epoch: int
    key: ImageKey
    path: Path


@dataclass(frozen=True, eq=False)
class _DecodedImage:
    epoch: int
    key: ImageKey
    result: RgbImage | Failure


class _ImageQueue:
    """The image to show, and the files to decode ahead; at most one thread decodes ahead."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._closed = False
        self._wanted: _DecodeRequest | None = None
        self._ahead: list[Path] = []
        self._busy_ahead = False

    def put(self, request: _DecodeRequest) -> None:
        with self._changed:
            self._wanted = request
            self._changed.notify_all()

    def set_ahead(self, paths: Iterable[Path]) -> None:
        with self._changed:
            self._ahead = list(paths)
            self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def take(self) -> _DecodeRequest | Path | None:
        with self._changed:
            while not self._closed:
                if self._wanted is not None:
                    wanted, self._wanted = self._wanted, None
                    return wanted
                if self._ahead and not self._busy_ahead:
                    self._busy_ahead = True
                    return self._ahead.pop(0)
                self._changed.wait()
            return None

    def note_ahead_done(self) -> None:
        with self._changed:
            self._busy_ahead = False
            self._changed.notify_all()


class ImageLoader(QObject):
    """Decodes the image to show, and ahead of time those likely to be next.

    Signals:
        loaded: Key and (H, W, 3) uint8 RGB, read-only; only of the image requested last.
        coarse: Key and ``CoarseImage``; of the image requested last, repeatedly while it is decoded, if it
            is large.
        failed: ``Failure`` with its key; only of the image requested last.
    """

    coarse = Signal(str, object)
    loaded = Signal(str, object)
    failed = Signal(object)

    def __init__(self, cache: ImageCache | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.cache = cache or ImageCache(CACHE_BYTES)
        self._epoch = 0
        self._latest: _DecodeRequest | None = None
        self._queue = _ImageQueue()
        self._look_timer = QTimer(self, interval=LOOK_MS)
        self._look_timer.timeout.connect(self._look)
        self._post = Post(self._receive, self)
        self._threads = [LoopThread(f"images {i}", self._run) for i in range(_THREADS)]
        for thread in self._threads:
            thread.start()

    def load(self, key: ImageKey, path: Path) -> None:
        """Requests the image to show; results of earlier requests are dropped."""
        self._epoch += 1
        self._latest = _DecodeRequest(self._epoch, key, path)
        self._queue.put(self._latest)
        self._look_timer.start()

    def preload(self, paths: Iterable[Path]) -> None:
        """Sets the files to decode when idle, in this order, in place of the previous list."""
        self._queue.set_ahead(paths)

    def stop(self, timeout_ms: int = STOP_TIMEOUT_MS) -> bool:
        """Ends the threads after the current decode. Returns False if one still runs after the timeout."""
        self._epoch += 1
        self._look_timer.stop()
        self._queue.close()
        return all(thread.join(timeout_ms) for thread in self._threads)

    def _run(self) -> None:
        while (request := self._queue.take()) is not None:
            if isinstance(request, _DecodeRequest):
                self._post(_DecodedImage(request.epoch, request.key, self._read(request)))
                continue
            try:
                self.cache.get(request)
            except Exception as error:  # noqa: BLE001 - reported when the image is shown
                log.info("could not decode %s ahead: %s", request, error)
            finally:
                self._queue.note_ahead_done()

    def _read(self, request: _DecodeRequest) -> RgbImage | Failure:
        try:
            return self.cache.get(request.path)
        except Exception as error:  # noqa: BLE001 - shown to the user as a Failure
            return describe(error, "reading the image", str(request.path)).about(key=request.key)

    def _receive(self, decoded: object) -> None:
        assert isinstance(decoded, _DecodedImage)
        if decoded.epoch != self._epoch:
            return
        self._look_timer.stop()
        if isinstance(decoded.result, Failure):
            self.failed.emit(decoded.result)
        else:
            self.loaded.emit(decoded.key, decoded.result)

    def _look(self) -> None:
        found = None if self._latest is None else self.cache.look(self._latest.path)
        if found is not None and self._latest is not None:
            self.coarse.emit(self._latest.key, found)
