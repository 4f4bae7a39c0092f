"""ImageLoader: photos decoded beside the main thread, the one on screen first."""

from __future__ import annotations

import logging
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from threading import Condition

from PySide6.QtCore import QObject, Signal

from samdesk.domain.document import ImageKey
from samdesk.domain.geometry.types import RgbImage
from samdesk.images.cache import ImageCache
from samdesk.workers.failure import Failure, describe
from samdesk.workers.thread import STOP_TIMEOUT_MS, LoopThread, Post

log = logging.getLogger(__name__)

CACHE_BYTES = 1024 * 1024 * 1024
_THREADS = 2  # so that a stale decode does not hold up the image now wanted


@dataclass(frozen=True)
class _Wish:
    epoch: int
    key: ImageKey
    path: Path


@dataclass(frozen=True, eq=False)
class _Answer:
    epoch: int
    key: ImageKey
    result: RgbImage | Failure


class _Wishes:
    """The image wanted on screen, and the files to decode ahead. One thread at most decodes ahead."""

    def __init__(self) -> None:
        self._changed = Condition()
        self._closed = False
        self._wanted: _Wish | None = None
        self._ahead: list[Path] = []
        self._busy_ahead = False

    def want(self, wish: _Wish) -> None:
        with self._changed:
            self._wanted = wish
            self._changed.notify_all()

    def want_ahead(self, paths: Iterable[Path]) -> None:
        with self._changed:
            self._ahead = list(paths)
            self._changed.notify_all()

    def close(self) -> None:
        with self._changed:
            self._closed = True
            self._changed.notify_all()

    def take(self) -> _Wish | Path | None:
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

    def ahead_is_done(self) -> None:
        with self._changed:
            self._busy_ahead = False
            self._changed.notify_all()


class ImageLoader(QObject):
    """Decodes the photo on screen, and those likely to be next.

    Signals:
        loaded: Key and (H, W, 3) uint8 RGB, read-only; of the image asked for last only.
        failed: ``Failure`` with its key; of the image asked for last only.
    """

    loaded = Signal(str, object)
    failed = Signal(object)

    def __init__(self, cache: ImageCache | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.cache = cache or ImageCache(CACHE_BYTES)
        self._epoch = 0
        self._wishes = _Wishes()
        self._post = Post(self._receive, self)
        self._threads = [LoopThread(f"images {i}", self._run) for i in range(_THREADS)]
        for thread in self._threads:
            thread.start()

    def load(self, key: ImageKey, path: Path) -> None:
        """Asks for the photo on screen; what was asked before does not come back any more."""
        self._epoch += 1
        self._wishes.want(_Wish(self._epoch, key, path))

    def forget(self) -> None:
        """No photo is on screen: nothing that was asked comes back."""
        self._epoch += 1

    def preload(self, paths: Iterable[Path]) -> None:
        """The files to decode when nothing else is to do, in this order, in place of an older list."""
        self._wishes.want_ahead(paths)

    def stop(self, timeout_ms: int = STOP_TIMEOUT_MS) -> bool:
        """Ends the threads after what they are decoding; False if that takes longer than the timeout."""
        self._epoch += 1
        self._wishes.close()
        return all(thread.join(timeout_ms) for thread in self._threads)

    def _run(self) -> None:
        while (wish := self._wishes.take()) is not None:
            if isinstance(wish, _Wish):
                self._post(_Answer(wish.epoch, wish.key, self._read(wish)))
                continue
            try:
                self.cache.get(wish)
            except Exception as error:  # noqa: BLE001 - told when the image is shown
                log.info("could not decode %s ahead: %s", wish, error)
            finally:
                self._wishes.ahead_is_done()

    def _read(self, wish: _Wish) -> RgbImage | Failure:
        try:
            return self.cache.get(wish.path)
        except Exception as error:  # noqa: BLE001 - told to the user as a value
            return describe(error, "reading the image", str(wish.path)).about(key=wish.key)

    def _receive(self, answer: object) -> None:
        assert isinstance(answer, _Answer)
        if answer.epoch != self._epoch:
            return
        if isinstance(answer.result, Failure):
            self.failed.emit(answer.result)
        else:
            self.loaded.emit(answer.key, answer.result)
