"""StagedFolder: a folder that is written beside the place where it is wanted, and put there when it is whole.

Killed at any moment, it leaves the folder that was there or the new one. What else it leaves has a name of
its own, ``.NAME.0123456789abcdef.samdesk-export``, and goes with the next export into the same folder.
"""

from __future__ import annotations

import contextlib
import ctypes
import errno
import os
import re
import secrets
import shutil
import sys
import time
from contextlib import AbstractContextManager
from pathlib import Path
from typing import BinaryIO

from samdesk.base.atomic import sync_folder
from samdesk.base.boundary import name_problem
from samdesk.base.disk import durable

if sys.platform != "win32":
    import fcntl

_SHOWN = 40
_MARK = "samdesk-export"
_OLD_MARK = "samdesk-replaced"
_NAME = re.compile(rf"\.(.+)\.[0-9a-f]{{16}}\.({_MARK}|{_OLD_MARK})", re.DOTALL)
_BUSY = -1
_OLD_S = 24 * 3600.0
"""Where folders cannot be locked, one that was not written to for so long is nobody's."""
_BUFFER = 1 << 20
_EXCHANGE, _AT_FDCWD, _SWAP = 2, -100, 2
"""Of Linux' ``renameat2`` and macOS' ``renamex_np``."""


class StagedFolder:
    """A folder that is being written; a ``WritableFolder``.

    Attributes:
        target: Where it is wanted; absolute.
        path: Where it is until then.
    """

    def __init__(self, target: Path) -> None:
        """Creates the folder and removes what killed exports have left beside it. Raises ``OSError``."""
        self.target = target
        self._made = _missing_parents(target)
        target.parent.mkdir(parents=True, exist_ok=True)
        remove_leftovers(target)
        self._folders: set[str] = set()
        self.path, self._lock = _create(target)

    def write(self, name: str, content: bytes) -> None:
        """Writes a new file. Raises ``OSError``."""
        with self.place(name).open("xb") as file:
            file.write(content)

    def open(self, name: str) -> AbstractContextManager[BinaryIO]:
        """Opens a new file for writing. Raises ``OSError``."""
        return self.place(name).open("xb", _BUFFER)

    def place(self, name: str) -> Path:
        """Returns the path of a new file, whose folder is made.

        Raises ``OSError`` for a name that is none of a file in this folder.
        """
        problem = name_problem(name)
        if problem:
            raise OSError(errno.EINVAL, f"{name!r} is no name of a file to write: {problem}", name)
        folder = name.rpartition("/")[0]
        if folder not in self._folders:
            (self.path / folder).mkdir(parents=True, exist_ok=True)
            self._folders.add(folder)
        return self.path / name

    def sync(self) -> None:
        """Waits until what was written survives a loss of power. Raises ``OSError``."""
        durable.sync_file_system(self.path)

    def commit(self, *, overwrite: bool = False) -> None:
        """Puts the folder in its place; it cannot be written any more.

        Args:
            overwrite: Replace a folder that is there; otherwise one that is not empty is kept.

        Raises:
            FileExistsError: There is one, and it was not to be replaced.
            OSError: It failed; the old folder is there.
        """
        self.sync()
        if not self.target.is_dir() or not any(self.target.iterdir()):
            with contextlib.suppress(FileNotFoundError):
                self.target.rmdir()
            self.path.rename(self.target)
        elif not overwrite:
            raise FileExistsError(errno.EEXIST, "it is there already", str(self.target))
        else:
            self._replace()
        sync_folder(self.target.parent)
        _unlock(self._lock)
        self._lock = None

    def discard(self) -> None:
        """Removes the folder, and those that were made to hold it. Never raises ``OSError``."""
        _remove(self.path)
        _unlock(self._lock)
        self._lock = None
        for folder in self._made:
            with contextlib.suppress(OSError):
                folder.rmdir()

    def _replace(self) -> None:
        old = _lock(self.target)
        try:
            if not _exchanged(self.path, self.target):
                replaced = self.path.with_name(self.path.name.replace(_MARK, _OLD_MARK))
                self.target.rename(replaced)
                try:
                    self.path.rename(self.target)
                except OSError:
                    replaced.rename(self.target)
                    raise
                self.path = replaced
            sync_folder(self.target.parent)
            _remove(self.path)
        finally:
            _unlock(old)


def remove_leftovers(target: Path) -> None:
    """Removes what killed exports have left beside a folder, and brings the folder back if one has moved it.

    Never raises ``OSError``.
    """
    with contextlib.suppress(OSError):
        entries = [entry for entry in os.scandir(target.parent) if entry.is_dir(follow_symlinks=False)]
        for entry in entries:
            found = _NAME.fullmatch(entry.name)
            if found is None:
                continue
            path = Path(entry.path)
            lock = _lock(path)
            is_old = time.time() - entry.stat().st_mtime > _OLD_S
            if lock != _BUSY and (lock is not None or is_old):
                ours = found[2] == _OLD_MARK and found[1] == target.name[:_SHOWN]
                if ours and not os.path.lexists(target):
                    path.rename(target)
                else:
                    _remove(path)
            _unlock(lock)


def _create(target: Path) -> tuple[Path, int | None]:
    """A new folder beside the target, locked where the system can."""
    while True:
        path = target.with_name(f".{target.name[:_SHOWN]}.{secrets.token_hex(8)}.{_MARK}")
        path.mkdir()
        lock = _lock(path)
        # Between the two calls another export may have taken it for one that a crash has left.
        if lock != _BUSY and path.is_dir():
            return path, lock


def _lock(path: Path) -> int | None:
    """Locks a folder and returns a handle; ``_BUSY``: another process has, None: there are no locks."""
    if sys.platform == "win32":
        return None
    try:
        handle = os.open(path, os.O_RDONLY)
    except OSError:
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        os.close(handle)
        return _BUSY
    except OSError:
        os.close(handle)
        return None
    return handle


def _unlock(handle: int | None) -> None:
    if handle is not None and handle != _BUSY:
        os.close(handle)


def _remove(path: Path) -> None:
    shutil.rmtree(path, ignore_errors=True)


def _missing_parents(target: Path) -> list[Path]:
    """The folders above the target that are to be made, the innermost first."""
    return [folder for folder in target.parents if not folder.exists()]


def _exchanged(one: Path, other: Path) -> bool:
    """Exchanges two folders in one step; False where the system or the disk cannot."""
    names = os.fsencode(one), os.fsencode(other)
    with contextlib.suppress(OSError, AttributeError):
        libc = ctypes.CDLL(None, use_errno=True)
        if hasattr(libc, "renamex_np"):
            return bool(libc.renamex_np(*names, _SWAP) == 0)
        return bool(libc.renameat2(_AT_FDCWD, names[0], _AT_FDCWD, names[1], _EXCHANGE) == 0)
    return False
