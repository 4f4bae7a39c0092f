"""Writes many label files after a change of all of them, a bounded part at a time."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from time import monotonic

from samdesk.base.bulk import BulkProgress
from samdesk.base.rate import Rate
from samdesk.dataset.documents import Documents
from samdesk.dataset.labels.projection import FileWrite, Projection
from samdesk.domain.document import ImageKey
from samdesk.images.errors import ImageError

_LEAST = 16
"""Files of one part at least, so that a small dataset is written at once even on a busy machine."""
_MOST = 200
"""Files of one part at most: they are made durable together."""
_WRITERS = 8
"""A disk makes files durable one after the other in 3 ms each; several asked together take little longer."""
_SHOWN = 50
"""A sweep of fewer files is over before its progress could be read."""


class LabelSweep:
    """Writes the label files that are older than the annotations in the store.

    The store keeps which they are until they are written, so a sweep may end at any moment: it goes on where
    it was when the dataset is opened again.

    Args:
        projection: Writes label files.
        documents: The documents of the images and their labels.
        report: Called with the image and the error if one file cannot be made; the others are written.

    Attributes:
        pending: Some files are not written yet.
        stopped: The user has stopped it; ``advance`` does nothing.
        failed: A file could not be written; the sweep has ended.
    """

    def __init__(
        self,
        projection: Projection,
        documents: Documents,
        report: Callable[[ImageKey, Exception], None],
    ) -> None:
        self._projection, self._documents, self._report = projection, documents, report
        self._left: list[ImageKey] = []
        self._in_flight: list[tuple[FileWrite, Future[OSError | None]]] = []
        """Being written by other threads while the next part is prepared."""
        self._pool: ThreadPoolExecutor | None = None
        self._total = 0
        self._rate = Rate(min_interval=0.2)
        self.stopped = False
        self.failed = False

    @property
    def pending(self) -> bool:
        """Whether some files are not written yet."""
        return bool(self._left or self._in_flight)

    @property
    def progress(self) -> BulkProgress | None:
        """How far it is; None if it is over, or too short to be shown."""
        if not self.pending or self._total < _SHOWN:
            return None
        done = self._total - len(self._left) - len(self._in_flight)
        left = None if self.stopped else self._rate.seconds(len(self._left))
        return BulkProgress(
            "Writing label files", done, self._total, self._rate.per_second, left, stopped=self.stopped
        )

    def start(self, keys: Sequence[ImageKey]) -> None:
        """Begins anew with these images."""
        self.settle()
        self._left, self._total = list(reversed(keys)), len(keys)
        self._rate = Rate(min_interval=0.2)
        self.failed = self.stopped = False

    def advance(self, seconds: float) -> None:
        """Prepares files for about this long, while those before are written and made durable."""
        if self.stopped:
            return
        end = monotonic() + seconds
        writes: list[FileWrite] = []
        for number in range(min(len(self._left), _MOST)):
            if number >= _LEAST and monotonic() >= end:
                break
            write = self._plan(self._left.pop())
            if write is not None:
                writes.append(write)
        self._settle()
        if self._pool is None and writes:
            self._pool = ThreadPoolExecutor(_WRITERS, "label files")
        self._in_flight = [(w, self._pool.submit(self._projection.attempt, w)) for w in writes if self._pool]
        if not self._left or self.failed:
            self._left.clear()
            self.settle()
        self._rate.step(self._total - len(self._left) - len(self._in_flight))

    def stop(self) -> None:
        """Stops until ``resume``; the files written so far stay."""
        self.stopped = True
        self.settle()

    def resume(self) -> None:
        """Goes on after ``stop``."""
        self.stopped = False
        self._rate = Rate(min_interval=0.2)

    def settle(self) -> None:
        """Waits for the files that are being written; call this before one is written in another way."""
        self._settle()
        if self._pool is not None and (not self._left or self.stopped):
            self._pool.shutdown()
            self._pool = None

    def close(self) -> None:
        """Ends; what is not written yet is written when the dataset is opened again."""
        self._left.clear()
        self.settle()

    def _plan(self, key: ImageKey) -> FileWrite | None:
        try:
            return self._projection.plan(self._documents.get_once(key), self._documents.labels)
        except ImageError:
            return None
        except OSError as error:
            self.failed |= not self._projection.goes_on(key, error)
        except Exception as error:  # noqa: BLE001 - it must not keep the others from being written
            self._report(key, error)
        return None

    def _settle(self) -> None:
        writes, self._in_flight = self._in_flight, []
        for write, future in writes:
            try:
                error = future.result()
            except Exception as unexpected:  # noqa: BLE001 - as in ``_plan``
                self._report(write.key, unexpected)
                continue
            if error is None:
                self._projection.note(write)
            else:
                self.failed |= not self._projection.goes_on(write.key, error)
        if writes:
            self._projection.sync()
