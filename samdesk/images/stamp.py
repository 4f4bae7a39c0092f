"""Identifies image files by path, size and times, and by a hash of their content."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from threading import Lock

from samdesk.base.hashing import hash_file

_REMEMBERED = 20_000


@dataclass(frozen=True)
class ImageStamp:
    """The identity of a file's state, compared to detect changes.

    Attributes:
        path: Path of the file.
        mtime_ns: Modification time, nanoseconds.
        size: Bytes.
        ctime_ns: Change time, nanoseconds. It also changes if a program sets ``mtime_ns`` back, as ``cp -p``
            and ``rsync`` do. On Windows, the creation time.
    """

    path: str
    mtime_ns: int
    size: int
    ctime_ns: int = 0

    @classmethod
    def of(cls, path: Path) -> ImageStamp:
        """The current stamp of a file; raises ``OSError`` if it does not exist."""
        stat = path.stat()
        return cls(str(path), stat.st_mtime_ns, stat.st_size, stat.st_ctime_ns)

    def is_current(self) -> bool:
        """Whether the file is still in this state."""
        try:
            return ImageStamp.of(Path(self.path)) == self
        except OSError:
            return False


class ContentHashes:
    """A thread-safe cache of content hashes: an unchanged file is read once.

    Hashing takes 1 to 2 ms per megabyte; do not call it on the GUI thread.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._known: OrderedDict[ImageStamp, str] = OrderedDict()

    def of(self, stamp: ImageStamp) -> str:
        """The BLAKE2b hash of the file's content, 64 hex digits; raises ``OSError`` if it cannot be read."""
        with self._lock:
            known = self._known.get(stamp)
        if known is not None:
            return known
        found = _hash(Path(stamp.path))
        if stamp.is_current():  # else the file changed while it was read
            self._remember(stamp, found)
        return found

    def _remember(self, stamp: ImageStamp, found: str) -> None:
        with self._lock:
            self._known[stamp] = found
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)


def _hash(path: Path) -> str:
    return hash_file(path, partial(hashlib.blake2b, digest_size=32))
