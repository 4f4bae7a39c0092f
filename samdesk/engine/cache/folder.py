"""A folder of files that can be made again: what was used least recently leaves when it grows too large.

Several processes may use it at once, and anybody may delete anything at any time. A file appears under
its name only when it is complete (temporary file, then replace), so whoever is killed while writing
leaves nothing but a temporary file, which the next count takes away. Nothing waits for the disk to
have it (no fsync): after a power failure a file may hold rubbish, which its reader must notice.
"""

from __future__ import annotations

import errno
import logging
import os
import shutil
import tempfile
import time
from collections.abc import Iterable, Iterator
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path
from threading import Lock

log = logging.getLogger(__name__)

RESERVE_BYTES = 1 << 30
"""So much is left free on the disk, for the user's own work."""

_TEMPORARY = ".tmp-"
_ABANDONED_S = 3600.0
_COUNT_EVERY = 32
_SPARE_SHARE = 0.05


@dataclass(frozen=True)
class CachedFile:
    """One file of the cache.

    Attributes:
        path: Where it is.
        group: The folder it is in.
        size: Bytes.
        used_at: When it was last written or read, seconds since 1970.
    """

    path: Path
    group: str
    size: int
    used_at: float


class CacheFolder:
    """Files by group and name, within a limit. Thread-safe.

    Other processes' files are counted now and then only, so together they may pass the limit for a
    while by what they wrote since.

    Args:
        root: The folder; made when something is written.
        suffix: Of every file.
        limit_bytes: How much all files together may take.
        reserve_bytes: How much is left free on the disk.
    """

    def __init__(self, root: Path, suffix: str, limit_bytes: int, reserve_bytes: int = RESERVE_BYTES) -> None:
        self.root = root
        self._suffix = suffix
        self._limit = limit_bytes
        self._reserve = reserve_bytes
        self._lock = Lock()
        self._used: int | None = None  # bytes, as of the last count and by what was written since
        self._writes = 0

    @property
    def limit_bytes(self) -> int:
        """How much all files together may take."""
        return self._limit

    def set_limit(self, limit_bytes: int) -> None:
        """Changes the limit; ``trim`` makes it true."""
        self._limit = limit_bytes

    def has(self, group: str, name: str) -> bool:
        """Whether there is such a file."""
        return self._path(group, name).is_file()

    def read(self, group: str, name: str) -> bytes | None:
        """A file's bytes, None if there is none that can be read."""
        path = self._path(group, name)
        try:
            data = path.read_bytes()
        except FileNotFoundError:
            return None
        except OSError as error:
            log.warning("cannot read %s: %s", path, error)
            return None
        with suppress(OSError):  # a read-only folder: the order of leaving is that of writing then
            os.utime(path)
        return data

    def write(self, group: str, name: str, data: bytes) -> None:
        """Puts a file there as a whole; others leave for it. Raises ``OSError``: it is not there then."""
        with self._lock:
            self._make_room(group, len(data))
            _replace(self._path(group, name), data)
            self._used = (self._used or 0) + len(data)
            self._writes += 1

    def delete(self, group: str, name: str) -> None:
        """Takes a file away, if it is there and the system lets it."""
        with suppress(OSError):
            self._path(group, name).unlink()

    def trim(self) -> None:
        """Deletes what is over the limit, the least recently used first."""
        with self._lock:
            files = list(self.files())
            self._used = sum(file.size for file in files)
            if self._used > self._limit:
                self._drop(files, self._limit)

    def files(self) -> Iterator[CachedFile]:
        """All files, in no order; what was abandoned half written is deleted on the way."""
        for folder in _entries(self.root):
            for entry in _entries(Path(folder.path)):
                with suppress(OSError):  # gone meanwhile
                    stat = entry.stat()
                    if entry.name.endswith(self._suffix):
                        yield CachedFile(Path(entry.path), folder.name, stat.st_size, stat.st_mtime)
                    elif entry.name.startswith(_TEMPORARY) and time.time() - stat.st_mtime > _ABANDONED_S:
                        Path(entry.path).unlink()

    def used(self) -> int:
        """Bytes that all files together take."""
        return sum(file.size for file in self.files())

    def room(self) -> int:
        """Bytes that all files together may take: by the limit, and by what is free on the disk."""
        return self._allowed(self.used())

    def _path(self, group: str, name: str) -> Path:
        return self.root / group / (name + self._suffix)

    def _allowed(self, used: int) -> int:
        there = next(p for p in (self.root, *self.root.parents) if p.exists())
        return min(self._limit, used + shutil.disk_usage(there).free - self._reserve)

    def _make_room(self, group: str, size: int) -> None:
        (self.root / group).mkdir(parents=True, exist_ok=True)
        if self._used is None or self._writes % _COUNT_EVERY == 0:
            self._used = self.used()
        allowed = self._allowed(self._used)
        if size > allowed:
            raise OSError(errno.ENOSPC, "the disk is nearly full" if allowed < self._limit else "no room")
        if self._used + size > allowed:
            files = list(self.files())
            self._used = sum(file.size for file in files)
            if self._used + size > allowed:
                self._drop(files, allowed - size)

    def _drop(self, files: Iterable[CachedFile], target: int) -> None:
        """Deletes down to a little under the target, so that not every write has to."""
        assert self._used is not None
        target = max(0, target - int(self._limit * _SPARE_SHARE))
        for file in sorted(files, key=lambda f: f.used_at):
            if self._used <= target:
                return
            if deleted(file):
                self._used -= file.size


def deleted(file: CachedFile) -> bool:
    """Deletes a file; False if it is still there (Windows: somebody reads it)."""
    try:
        file.path.unlink()
    except FileNotFoundError:
        return True
    except OSError as error:
        log.info("cannot delete %s: %s", file.path, error)
        return False
    return True


def _replace(path: Path, data: bytes) -> None:
    handle, name = tempfile.mkstemp(prefix=_TEMPORARY, dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb", buffering=0) as file:
            rest = memoryview(data)
            while rest:
                rest = rest[file.write(rest) :]
        temporary.replace(path)
    except BaseException as error:
        with suppress(OSError):
            temporary.unlink()
        if isinstance(error, PermissionError) and path.exists():
            return  # Windows: somebody reads the file of this name, which is as good
        raise


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return list(found)
    except OSError:
        return []
