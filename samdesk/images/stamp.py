"""Which image file, in which state, and a hash of what is in it."""

from __future__ import annotations

import hashlib
from collections import OrderedDict
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

_CHUNK = 1 << 20
_REMEMBERED = 20_000


@dataclass(frozen=True)
class ImageStamp:
    """Which image file, in which state.

    Attributes:
        path: Its path.
        mtime_ns: When its content was last written, as it says itself, nanoseconds.
        size: Bytes.
        ctime_ns: When it was last changed in any way, as the system says: also by a program that sets
            ``mtime_ns`` back, such as ``cp -p`` or ``rsync``. On Windows, when it was made.
    """

    path: str
    mtime_ns: int
    size: int
    ctime_ns: int = 0

    @classmethod
    def of(cls, path: Path) -> ImageStamp:
        """The stamp of a file as it is now; ``OSError`` if there is none."""
        stat = path.stat()
        return cls(str(path), stat.st_mtime_ns, stat.st_size, stat.st_ctime_ns)

    def holds(self) -> bool:
        """Whether the file is still in this state."""
        try:
            return ImageStamp.of(Path(self.path)) == self
        except OSError:
            return False


class ContentHashes:
    """Hashes of files' contents. One that has not changed is read once. Thread-safe.

    Some 1 to 2 ms a megabyte: never on the thread of the window.
    """

    def __init__(self) -> None:
        self._lock = Lock()
        self._known: OrderedDict[ImageStamp, str] = OrderedDict()

    def of(self, stamp: ImageStamp) -> str:
        """The BLAKE2b hash of the file's bytes, 64 hex digits; ``OSError`` if it cannot be read."""
        with self._lock:
            known = self._known.get(stamp)
        if known is not None:
            return known
        found = _hash(Path(stamp.path))
        if stamp.holds():  # else these are bytes of another state, or of two
            self._remember(stamp, found)
        return found

    def _remember(self, stamp: ImageStamp, found: str) -> None:
        with self._lock:
            self._known[stamp] = found
            while len(self._known) > _REMEMBERED:
                self._known.popitem(last=False)


def _hash(path: Path) -> str:
    digest = hashlib.blake2b(digest_size=32)
    buffer = bytearray(_CHUNK)
    view = memoryview(buffer)
    with path.open("rb", buffering=0) as file:
        while count := file.readinto(buffer):
            digest.update(view[:count])
    return digest.hexdigest()
