"""A cache folder: files that can be regenerated, evicted least recently used first.

Several processes may share it, and any file may be deleted at any time. A file appears under its name only
when it is complete (temporary file, then replace), so a process killed while writing leaves only a temporary
file, which a later listing deletes. Writes are not synced (no fsync): after a power failure a file may be
corrupt, and its reader must notice.
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

from samdesk.base.regular import read_bytes

log = logging.getLogger(__name__)

RESERVE_BYTES = 1 << 30
"""Free disk space that is left for the user's own work."""

_TEMPORARY = ".tmp-"
_MAX_FILE_BYTES = 1 << 30
_ABANDONED_S = 3600.0
_COUNT_EVERY = 32
_SPARE_SHARE = 0.05


@dataclass(frozen=True)
class CachedFile:
    """One file of the cache.

    Attributes:
        path: Of the file.
        group: The name of its subfolder.
        size: Bytes.
        used_at: When it was last written or read, seconds since 1970.
    """

    path: Path
    group: str
    size: int
    used_at: float


class CacheFolder:
    """Files by group and name, within a size limit. Thread-safe.

    Files of other processes are counted only now and then, so together they may exceed the limit for a
    while.

    Args:
        root: The folder; created when something is written.
        suffix: Of every file.
        limit_bytes: Total size of all files.
        reserve_bytes: Free disk space that is left for other programs.
    """

    def __init__(self, root: Path, suffix: str, limit_bytes: int, reserve_bytes: int = RESERVE_BYTES) -> None:
        self.root = root
        self._suffix = suffix
        self._limit = limit_bytes
        self._reserve = reserve_bytes
        self._lock = Lock()
        self._used: int | None = None  # bytes: the last count, and what was written since
        self._writes = 0

    @property
    def limit_bytes(self) -> int:
        """Total size of all files, at most."""
        return self._limit

    def set_limit(self, limit_bytes: int) -> None:
        """Sets the limit; ``trim`` enforces it."""
        self._limit = limit_bytes

    def has(self, group: str, name: str) -> bool:
        """Whether there is such a file."""
        return self._path(group, name).is_file()

    def read(self, group: str, name: str) -> bytes | None:
        """A file's bytes; None if it does not exist or cannot be read."""
        path = self._path(group, name)
        try:
            data = read_bytes(path, _MAX_FILE_BYTES)
        except FileNotFoundError:
            return None
        except OSError as error:
            log.warning("cannot read %s: %s", path, error)
            return None
        with suppress(OSError):  # a read-only folder: eviction then goes by the time of writing
            os.utime(path)
        return data

    def write(self, group: str, name: str, data: bytes) -> None:
        """Writes a file atomically, evicting others for it. Raises ``OSError``; nothing is left then."""
        with self._lock:
            self._evict_for(group, len(data))
            _replace(self._path(group, name), data)
            self._used = (self._used or 0) + len(data)
            self._writes += 1

    def delete(self, group: str, name: str) -> None:
        """Deletes a file, if it exists and can be deleted."""
        with suppress(OSError):
            self._path(group, name).unlink()

    def trim(self) -> None:
        """Evicts the least recently used files until the limit is met."""
        with self._lock:
            files = list(self.files())
            self._used = sum(file.size for file in files)
            if self._used > self._limit:
                self._evict(files, self._limit)

    def files(self) -> Iterator[CachedFile]:
        """All files, in no order. Deletes temporary files that a killed process has left."""
        for folder in _entries(self.root):
            for entry in _entries(Path(folder.path)):
                with suppress(OSError):  # deleted meanwhile
                    stat = entry.stat()
                    if entry.name.endswith(self._suffix):
                        yield CachedFile(Path(entry.path), folder.name, stat.st_size, stat.st_mtime)
                    elif entry.name.startswith(_TEMPORARY) and time.time() - stat.st_mtime > _ABANDONED_S:
                        Path(entry.path).unlink()

    def used(self) -> int:
        """Total size of all files, bytes."""
        return sum(file.size for file in self.files())

    def capacity(self) -> int:
        """Total size that all files may have, bytes: by the limit and by the free disk space."""
        return self._allowed(self.used())

    def _path(self, group: str, name: str) -> Path:
        return self.root / group / (name + self._suffix)

    def _allowed(self, used: int) -> int:
        existing = next(p for p in (self.root, *self.root.parents) if p.exists())
        return min(self._limit, used + shutil.disk_usage(existing).free - self._reserve)

    def _evict_for(self, group: str, size: int) -> None:
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
                self._evict(files, allowed - size)

    def _evict(self, files: Iterable[CachedFile], target: int) -> None:
        """Deletes files to somewhat below the target, so that not every write has to evict."""
        assert self._used is not None
        target = max(0, target - int(self._limit * _SPARE_SHARE))
        for file in sorted(files, key=lambda f: f.used_at):
            if self._used <= target:
                return
            if delete_file(file):
                self._used -= file.size


def delete_file(file: CachedFile) -> bool:
    """Deletes a file; returns False if that failed (on Windows: it is open somewhere)."""
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
            return  # Windows: the file of this name is open, and has the same content
        raise


def _entries(folder: Path) -> list[os.DirEntry[str]]:
    try:
        with os.scandir(folder) as found:
            return list(found)
    except OSError:
        return []
