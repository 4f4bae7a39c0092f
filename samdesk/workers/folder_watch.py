"""FolderWatch: finds out in a thread of its own what other programs change in the open folder.

It asks the file system again and again, at little cost, in place of relying on its notifications, which
network drives do not send and of which systems allow few. Between two snapshots only the times of the folders
and the two files of the image on screen are looked at, so a file written in place is found when its image is
shown or by ``rescan``.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from threading import Condition

from PySide6.QtCore import QObject, Signal

from samdesk.domain.document import ImageKey
from samdesk.images.snapshot import FolderChanges, FolderSnapshot, compare, stamp_of, take_snapshot
from samdesk.workers.thread import LoopThread, Post

POLL_S = 2.0
_STOP_TIMEOUT_MS = 5_000  # it has nothing to save, and a network drive may not answer
SHARE = 0.03
"""The part of the time that snapshots may take: one that takes 1 s is followed by 32 s without any."""


@dataclass(frozen=True)
class FolderReport:
    """What was found in a folder.

    Attributes:
        folder: The folder.
        changes: What has changed since the last report.
        requested: The report answers ``rescan``; else something has changed.
    """

    folder: Path
    changes: FolderChanges
    requested: bool


class FolderWatch(QObject):
    """Watches one folder.

    Signals:
        found: ``FolderReport``.
    """

    found = Signal(object)

    def __init__(
        self, label_path: Callable[[str], str], poll_s: float = POLL_S, parent: QObject | None = None
    ) -> None:
        """``label_path``: path of an image to that of its label file; ``poll_s``: seconds between looks."""
        super().__init__(parent)
        self._label_path = label_path
        self._poll_s = poll_s
        self._wake = Condition()
        self._closed = False
        self._folder: Path | None = None
        self._keys: tuple[ImageKey, ...] = ()
        self._files: tuple[str, ...] = ()
        self._requested = False
        self._post = Post(self._report, self)
        self._thread = LoopThread("folder watch", self._run)
        self._thread.start()

    def watch(self, folder: Path | None, keys: Sequence[ImageKey] = ()) -> None:
        """Watches a folder, whose images are known so far, in place of the previous one; None: none."""
        with self._wake:
            self._folder, self._keys, self._files, self._requested = folder, tuple(keys), (), False
            self._wake.notify()

    def set_image(self, path: Path) -> None:
        """Sets the image on screen: changes of its file and of its label file are found at once."""
        with self._wake:
            self._files = (str(path), self._label_path(str(path)))

    def rescan(self) -> None:
        """Looks at every file now; ``found`` is emitted even if nothing has changed."""
        with self._wake:
            self._requested = True
            self._wake.notify()

    def stop(self, timeout_ms: int = _STOP_TIMEOUT_MS) -> bool:
        """Ends the thread. Returns False if it still waits for the file system after the timeout."""
        with self._wake:
            self._closed = True
            self._folder = None
            self._wake.notify()
        return self._thread.join(timeout_ms)

    def _run(self) -> None:
        watched: _Watched | None = None
        while not self._closed:
            with self._wake:
                folder, files, requested = self._folder, self._files, self._requested
                self._requested = False
            if folder is None:
                watched = None
            elif watched is None or watched.folder != folder:
                watched = _Watched(folder, self._keys, self._label_path, self._poll_s)
            if watched is not None:
                changes = watched.look(files, now=requested)
                if changes is not None and (changes or requested):
                    self._post(FolderReport(watched.folder, changes, requested))
            with self._wake:
                if not self._closed and not self._requested and self._folder == folder:
                    self._wake.wait(None if folder is None else self._poll_s)

    def _report(self, report: object) -> None:
        assert isinstance(report, FolderReport)
        if report.folder == self._folder:
            self.found.emit(report)


class _Watched:
    """A watched folder: the last snapshot, and when the next one may be taken."""

    def __init__(
        self, folder: Path, keys: tuple[ImageKey, ...], label_path: Callable[[str], str], delay_s: float
    ) -> None:
        self.folder = folder
        self._keys = keys
        self._label_path = label_path
        self._last: FolderSnapshot | None = None
        self._unsettled = False
        self._not_before = time.monotonic() + delay_s  # opening the folder comes first
        self._seen: dict[str, int] = {}

    def look(self, files: tuple[str, ...], *, now: bool) -> FolderChanges | None:
        """Returns what has changed; None if no snapshot was taken.

        A snapshot is taken if a folder or one of ``files`` has changed, and again after one that found
        something: a file that is being copied grows without its folder changing.
        """
        stamps = {path: stamp_of(path) for path in files}
        stirred = any(self._seen.get(path, stamp) != stamp for path, stamp in stamps.items())
        last = self._last
        if not now and (time.monotonic() < self._not_before or not (stirred or self._is_stirred())):
            self._seen = {**stamps, **self._seen} if stirred else stamps
            return None
        self._seen = stamps
        start = time.monotonic()
        self._last = take_snapshot(self.folder, self._label_path)
        self._not_before = time.monotonic() + (time.monotonic() - start) * (1 / SHARE - 1)
        changes = self._first(self._last) if last is None else compare(last, self._last)
        self._unsettled = bool(changes.added or changes.images)
        return changes

    def _is_stirred(self) -> bool:
        return self._last is None or self._unsettled or self._last.is_stirred()

    def _first(self, found: FolderSnapshot) -> FolderChanges:
        """What has changed since the images were listed, without a snapshot."""
        before, after = dict.fromkeys(self._keys), dict.fromkeys(found.keys)
        added = tuple(key for key in after if key not in before)
        return FolderChanges(found.survey, added, tuple(key for key in before if key not in after))
