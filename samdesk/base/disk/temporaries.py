"""Temporary files of atomic writes, and the removal of those that a crash has left.

A writer keeps its temporary file locked until it is renamed, so a file that can be locked is nobody's. On
Windows, where it is not renamed while it is open, and on disks without locks its age decides.
"""

from __future__ import annotations

import contextlib
import os
import re
import secrets
import stat
import sys
import time
from collections.abc import Iterator
from pathlib import Path

if sys.platform != "win32":
    import fcntl

OLD_S = 3600.0
"""Without locks a temporary file of this age is nobody's: a write takes seconds."""

_NAME = re.compile(r"\..+\.[0-9a-f]{16}\.tmp", re.DOTALL)
_SHOWN = 40
"""Characters of the file's name: a longer one may be as long as the system allows."""
_ATTEMPTS = 100
_NEW = os.O_RDWR | os.O_CREAT | os.O_EXCL | sum(getattr(os, n, 0) for n in ("O_BINARY", "O_NOFOLLOW"))
_OLD = os.O_RDONLY | sum(getattr(os, n, 0) for n in ("O_BINARY", "O_NOFOLLOW", "O_NONBLOCK"))
# As tempfile opens one; Python adds O_CLOEXEC.


def create(path: Path, mode: int) -> tuple[Path, int]:
    """Creates a temporary file beside a file, and locks it where the system can.

    Args:
        path: The file.
        mode: Permissions of the temporary one, less what the umask says.

    Returns:
        The temporary file and its descriptor, for reading and writing.

    Raises:
        OSError: It cannot be created.
    """
    for _ in range(_ATTEMPTS):
        temporary = path.with_name(f".{path.name[:_SHOWN]}.{secrets.token_hex(8)}.tmp")
        handle = os.open(temporary, _NEW, mode)
        # Between the two calls another process may have taken it for one that a crash has left.
        if _lock(handle) is not False and _is_there(temporary, handle):
            return temporary, handle
        os.close(handle)
    raise FileExistsError(f"{path.parent}: temporary files are removed by another program")


def found_in(folder: Path, pause_after: int = 1 << 62) -> Iterator[Path | None]:
    """Yields the temporary files in a folder, none if it cannot be listed.

    Args:
        folder: The folder.
        pause_after: After so many names of other files None is yielded.
    """
    with contextlib.suppress(OSError), os.scandir(folder) as entries:
        for number, entry in enumerate(entries, 1):
            if entry.name.endswith(".tmp") and _NAME.fullmatch(entry.name):
                yield Path(entry.path)
            elif number % pause_after == 0:
                yield None


def clear(*folders: Path) -> None:
    """Removes the temporary files in folders that a crash has left, no others. Never raises ``OSError``."""
    for folder in folders:
        for path in found_in(folder):
            if path is not None:
                remove_abandoned(path)


def remove_abandoned(path: Path) -> None:
    """Removes a temporary file unless a process that is alive may be writing it. Never raises ``OSError``."""
    with contextlib.suppress(OSError):
        if not stat.S_ISREG(path.lstat().st_mode):
            return
        handle = os.open(path, _OLD)
        try:
            locked = _lock(handle)
            abandoned = locked or (locked is None and time.time() - os.fstat(handle).st_mtime > OLD_S)
            if abandoned and sys.platform != "win32":
                path.unlink()
        finally:
            os.close(handle)
        if abandoned and sys.platform == "win32":
            path.unlink()


def _lock(handle: int) -> bool | None:
    """Locks an open file; False: another process has, None: the system or its disk has no locks."""
    if sys.platform == "win32":
        return None
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        return False
    except OSError:
        return None
    return True


def _is_there(path: Path, handle: int) -> bool:
    try:
        return os.path.samestat(os.fstat(handle), path.lstat())
    except OSError:
        return False
