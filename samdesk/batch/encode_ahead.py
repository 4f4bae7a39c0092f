"""Encoding photos ahead of time: every one that is not on the disk yet, one after another.

Each is written at once, so a fill that is stopped, killed or started twice loses and repeats nothing.
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

from samdesk.base.jobs import Cancelled, CancelToken
from samdesk.base.rate import Rate
from samdesk.base.text import size
from samdesk.batch.pipeline import ImageProblem
from samdesk.batch.report import ImageFailure
from samdesk.batch.targets.dataset import Images, reader
from samdesk.domain.document import ImageKey
from samdesk.domain.geometry.types import RgbImage
from samdesk.engine.cache.disk import DiskCache
from samdesk.engine.cache.file import folder_name
from samdesk.engine.protocols import EngineError, Predictor
from samdesk.images.stamp import ImageStamp

log = logging.getLogger(__name__)

_READERS = min(4, os.cpu_count() or 1)
"""Photos read and unpacked at once: a GPU encodes faster than one core unpacks."""


class NoRoom(Exception):  # noqa: N818 - a refusal, in words
    """The photos would not fit; says what to do."""


@dataclass(frozen=True)
class FillProgress:
    """Where a fill stands, told after every photo.

    Attributes:
        done: Photos finished, failed ones and those that were there included.
        total: All photos.
        key: The photo just finished.
        what: What became of it: "encoded", "there already" or "failed".
        rate: Encoded photos a second; 0.0 before the first.
        seconds_left: Estimate; None before the first.
    """

    done: int
    total: int
    key: ImageKey
    what: str
    rate: float
    seconds_left: float | None


@dataclass(frozen=True)
class Filled:
    """What a fill did.

    Attributes:
        encoded: Photos encoded and written.
        cached: Photos whose embedding was there.
        failed: Photos that could not be done, and why.
        stopped: Why it could not go on, in words; "" if it could.
        cancelled: The user stopped it.
        seconds: How long it took.
    """

    encoded: int
    cached: int
    failed: tuple[ImageFailure, ...]
    stopped: str
    cancelled: bool
    seconds: float


@dataclass(frozen=True)
class Listener:
    """Who hears of a fill.

    Attributes:
        say: Told what the user should know at once.
        progress: Told after every photo.
        failed: Told of every photo that failed, at once.
    """

    say: Callable[[str], None]
    progress: Callable[[FillProgress], None]
    failed: Callable[[ImageFailure], None]


_Photo: TypeAlias = tuple[ImageStamp, RgbImage]


def fill(
    images: Images, predictor: Predictor, disk: DiskCache, listener: Listener, cancel: CancelToken
) -> Filled:
    """Encodes the photos that are not in ``disk`` yet. One that cannot be read is named and left out.

    Args:
        images: The photos.
        predictor: What encodes; one that ``disk.keeps``.
        disk: Where embeddings go.
        listener: Who hears of it.
        cancel: Looked at between photos, and in an encode between its layers.

    Raises:
        NoRoom: They would not all fit; nothing but at most one of them was written.
    """
    return _Fill(images, predictor, disk, listener, cancel).run()


class _Fill:
    def __init__(
        self, images: Images, predictor: Predictor, disk: DiskCache, listener: Listener, cancel: CancelToken
    ) -> None:
        self._images, self._predictor, self._disk = images, predictor, disk
        self._listener, self._cancel = listener, cancel
        self._read = reader(images.root)
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

    def run(self) -> Filled:
        """All photos."""
        started, stopped = time.perf_counter(), ""
        try:
            for key, photo in self._read_ahead():
                self._one(key, photo)
        except Cancelled:
            pass
        except OSError as error:  # photos' own are ImageProblems
            stopped = f"{self._disk.files.root} cannot be written: {error.strerror or error}"
        cancelled = self._cancel.cancelled and self._done < self._total and not stopped
        seconds = time.perf_counter() - started
        return Filled(self._encoded, self._cached, tuple(self._failed), stopped, cancelled, seconds)

    def _read_ahead(self) -> Iterator[tuple[ImageKey, Future[_Photo | None]]]:
        pool = ThreadPoolExecutor(_READERS, thread_name_prefix="read-ahead")
        waiting: deque[tuple[ImageKey, Future[_Photo | None]]] = deque()
        try:
            for key in self._images.keys:
                waiting.append((key, pool.submit(self._look, key)))
                if len(waiting) > _READERS:
                    yield waiting.popleft()
            while waiting:
                yield waiting.popleft()
        finally:
            pool.shutdown(cancel_futures=True)

    def _look(self, key: ImageKey) -> _Photo | None:
        """A photo and its state, None if its embedding is there. Raises ``ImageProblem``."""
        self._cancel.check()
        path = self._images.root / key
        try:
            stamp = ImageStamp.of(path)
            if self._disk.has(self._predictor, stamp):
                return None
        except OSError as error:
            raise ImageProblem(f"{path}: {error.strerror or error}") from error
        return stamp, self._read(key)

    def _one(self, key: ImageKey, photo: Future[_Photo | None]) -> None:
        self._cancel.check()
        try:
            found = photo.result()
            if found is None:
                self._cached += 1
                self._report(key, "there already")
                return
            self._encode(*found)
        except (Cancelled, OSError, NoRoom):
            raise
        except (ImageProblem, EngineError) as error:
            self._fail(key, str(error))
        except Exception as error:  # one photo must not end the fill for the others
            log.exception("could not encode %s", key)
            self._fail(key, f"{type(error).__name__}: {error}")
        else:
            self._encoded += 1
            self._rate.step(self._encoded)
            self._report(key, "encoded")

    def _encode(self, stamp: ImageStamp, image: RgbImage) -> None:
        self._check_room()
        embedding = self._predictor.encode(image, pause=self._cancel.check)
        if not self._disk.put(self._predictor, stamp, embedding):
            raise ImageProblem("the file changed while it was encoded")
        self._check_room()

    def _check_room(self) -> None:
        """Says once how much it will be, as soon as one of this model is there. Raises ``NoRoom``."""
        if self._room_is_known:
            return
        files, model = self._disk.files, folder_name(self._predictor.info.key)
        each = next((file.size for file in files.files() if file.group == model), 0)
        if each == 0:
            return
        self._room_is_known = True
        need, room = each * self._total, files.room()
        words = (
            f"{self._total:,} photos take up to {size(need, 1024)} ({size(each, 1024)} each) in {files.root}"
        )
        if need > room:
            raise NoRoom(f"{words}. {self._way_out(room)}")
        self._listener.say(f"{words}; the limit is {size(files.limit_bytes, 1024)}.")
        if files.used() + each * (self._total - self._done) > room:
            self._listener.say("Encoded images that were not used for longest will leave for them.")

    def _way_out(self, room: int) -> str:
        limit = self._disk.files.limit_bytes
        if room < limit:
            return f"The disk has room for {size(max(0, room), 1024)}: free some, or fill a smaller folder."
        return (
            f"The limit is {size(limit, 1024)}: raise it with 'samdesk cache limit GB' (or in the settings), "
            "or fill a smaller folder."
        )

    def _fail(self, key: ImageKey, message: str) -> None:
        failure = ImageFailure(key, message)
        self._failed.append(failure)
        self._listener.failed(failure)
        self._report(key, "failed")

    def _report(self, key: ImageKey, what: str) -> None:
        left = self._rate.seconds(self._total - self._done)
        self._listener.progress(FillProgress(self._done, self._total, key, what, self._rate.per_second, left))
