"""Fills the embedding cache on disk: encodes every image that is not in it yet, one after another.

Each embedding is written at once, so a fill that is stopped, killed or started twice loses and repeats
nothing.
"""

from __future__ import annotations

import logging
import os
import time
from collections import deque
from collections.abc import Callable, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from dataclasses import dataclass
from typing import TypeAlias

from samdesk.base.errors import UserError, reason, typed_line
from samdesk.base.jobs import Cancelled, CancelToken
from samdesk.base.rate import Rate
from samdesk.base.text import counted, size
from samdesk.batch.report import ImageFailure
from samdesk.batch.targets.base import ImageProblem
from samdesk.domain.document import ImageKey
from samdesk.domain.geometry.types import RgbImage
from samdesk.engine.cache.disk import DiskCache
from samdesk.engine.cache.file import folder_name
from samdesk.engine.protocols import Predictor
from samdesk.images.reader import read_image
from samdesk.images.sources import ImageSet
from samdesk.images.stamp import ImageStamp

log = logging.getLogger(__name__)

_READERS = min(4, os.cpu_count() or 1)
"""Images read and decoded at once: a GPU encodes faster than one core decodes JPEG."""


class NoRoom(UserError):  # noqa: N818 - a refusal
    """The embeddings would not fit on the disk or in the cache's limit; the message says what to do."""

    code = "cache-room"


@dataclass(frozen=True)
class FillProgress:
    """The progress of a fill, reported after every image.

    Attributes:
        done: Images finished, failed and already cached ones included.
        total: All images.
        key: The image just finished.
        status: Its result: "encoded", "already cached" or "failed".
        rate: Encoded images per second; 0.0 before the first.
        seconds_left: Estimate; None before the first.
    """

    done: int
    total: int
    key: ImageKey
    status: str
    rate: float
    seconds_left: float | None


@dataclass(frozen=True)
class FillSummary:
    """The result of a fill.

    Attributes:
        encoded: Images encoded and written.
        cached: Images whose embedding was in the cache.
        failed: Images that failed, and why.
        stopped: Why it had to stop early, for the user; "" if it did not.
        cancelled: The user stopped it.
        seconds: Its duration.
    """

    encoded: int
    cached: int
    failed: tuple[ImageFailure, ...]
    stopped: str
    cancelled: bool
    seconds: float


@dataclass(frozen=True)
class FillCallbacks:
    """The callbacks of a fill.

    Attributes:
        notice: Called at once with a message for the user.
        progress: Called after every image.
        failed: Called at once for every image that failed.
    """

    notice: Callable[[str], None]
    progress: Callable[[FillProgress], None]
    failed: Callable[[ImageFailure], None]


_StampedImage: TypeAlias = tuple[ImageStamp, RgbImage]


def fill(
    images: ImageSet, predictor: Predictor, disk: DiskCache, callbacks: FillCallbacks, cancel: CancelToken
) -> FillSummary:
    """Encodes the images that are not in ``disk`` yet. One that cannot be read is listed and skipped.

    Args:
        images: The images.
        predictor: Encodes them; ``disk.keeps`` it.
        disk: The cache to fill.
        callbacks: Called with progress and messages.
        cancel: Checked between images, and during an encode between its layers.

    Raises:
        NoRoom: The embeddings would not all fit; at most one of them was written.
    """
    return _Fill(images, predictor, disk, callbacks, cancel).run()


class _Fill:
    def __init__(
        self,
        images: ImageSet,
        predictor: Predictor,
        disk: DiskCache,
        callbacks: FillCallbacks,
        cancel: CancelToken,
    ) -> None:
        self._images, self._predictor, self._disk = images, predictor, disk
        self._callbacks, self._cancel = callbacks, cancel
        self._rate = Rate()
        self._rate.step(0)
        self._encoded = self._cached = 0
        self._failed: list[ImageFailure] = []
        self._room_is_known = False

    @property
    def _done(self) -> int:
        return self._encoded + self._cached + len(self._failed)

    @property
    def _total(self) -> int:
        return len(self._images.keys)

    def run(self) -> FillSummary:
        """Encodes all images."""
        started, stopped = time.perf_counter(), ""
        try:
            for key, image in self._read_ahead():
                self._process(key, image)
        except Cancelled:
            pass
        except OSError as error:  # those of an image are UserErrors
            stopped = f"{self._disk.files.root} cannot be written: {reason(error)}."
        cancelled = self._cancel.cancelled and self._done < self._total and not stopped
        seconds = time.perf_counter() - started
        return FillSummary(self._encoded, self._cached, tuple(self._failed), stopped, cancelled, seconds)

    def _read_ahead(self) -> Iterator[tuple[ImageKey, Future[_StampedImage | None]]]:
        pool = ThreadPoolExecutor(_READERS, thread_name_prefix="read-ahead")
        waiting: deque[tuple[ImageKey, Future[_StampedImage | None]]] = deque()
        try:
            for key in self._images.keys:
                waiting.append((key, pool.submit(self._read, key)))
                if len(waiting) > _READERS:
                    yield waiting.popleft()
            while waiting:
                yield waiting.popleft()
        finally:
            pool.shutdown(cancel_futures=True)

    def _read(self, key: ImageKey) -> _StampedImage | None:
        """An image and its stamp; None if its embedding is cached. Raises ``UserError``."""
        self._cancel.check()
        path = self._images.path(key)
        try:
            stamp = ImageStamp.of(path)
            if self._disk.has(self._predictor, stamp):
                return None
            return stamp, read_image(path)
        except OSError as error:
            raise ImageProblem(f"{path}: {reason(error)}") from error

    def _process(self, key: ImageKey, image: Future[_StampedImage | None]) -> None:
        self._cancel.check()
        try:
            stamped = image.result()
            if stamped is None:
                self._cached += 1
                self._report(key, "already cached")
                return
            self._encode(*stamped)
        except (Cancelled, OSError, NoRoom):
            raise
        except UserError as error:
            self._fail(key, str(error))
        except Exception as error:  # one image must not end the fill for the others
            log.exception("could not encode %s", key)
            self._fail(key, typed_line(error))
        else:
            self._encoded += 1
            self._rate.step(self._encoded)
            self._report(key, "encoded")

    def _encode(self, stamp: ImageStamp, image: RgbImage) -> None:
        self._check_room()
        embedding = self._predictor.encode(image, pause=self._cancel.check)
        if not self._disk.put(self._predictor, stamp, embedding):
            raise ImageProblem("the file changed while it was being encoded")
        self._check_room()

    def _check_room(self) -> None:
        """Reports the space needed once, as soon as one embedding is cached. Raises ``NoRoom``."""
        if self._room_is_known:
            return
        files, model = self._disk.files, folder_name(self._predictor.info.key)
        each = next((file.size for file in files.files() if file.group == model), 0)
        if each == 0:
            return
        self._room_is_known = True
        need, room = each * self._total, files.capacity()
        images = counted(self._total, "image")
        text = f"{images} need up to {size(need, 1024)} ({size(each, 1024)} each) in {files.root}"
        if need > room:
            raise NoRoom(f"{text}.", next=self._next_step(room))
        self._callbacks.notice(f"{text}; the limit is {size(files.limit_bytes, 1024)}.")
        if files.used() + each * (self._total - self._done) > room:
            self._callbacks.notice("The least recently used embeddings will be deleted to make room.")

    def _next_step(self, room: int) -> str:
        limit = self._disk.files.limit_bytes
        if room < limit:
            return f"The disk has room for {size(max(0, room), 1024)}: free some or fill a smaller folder."
        return (
            f"The limit is {size(limit, 1024)}: raise it with 'samdesk cache limit GB' (or in the settings), "
            "or fill a smaller folder."
        )

    def _fail(self, key: ImageKey, message: str) -> None:
        failure = ImageFailure(key, message)
        self._failed.append(failure)
        self._callbacks.failed(failure)
        self._report(key, "failed")

    def _report(self, key: ImageKey, status: str) -> None:
        left = self._rate.seconds(self._total - self._done)
        self._callbacks.progress(
            FillProgress(self._done, self._total, key, status, self._rate.per_second, left)
        )
