"""Makes what was written to a file durable."""

from __future__ import annotations

import ctypes
import errno
import os
import sys
from pathlib import Path

if sys.platform != "win32":
    import fcntl


def sync(handle: int, *, whole_drive: bool = True) -> None:
    """Waits until what was written to an open file survives a loss of power.

    Args:
        handle: The file or folder.
        whole_drive: On macOS fsync leaves data in the cache of the drive; only ``F_FULLFSYNC`` writes it out,
            for all files at once. A writer of many files passes False, and True for the last.

    Raises:
        OSError: It failed.
    """
    command = full_sync_command() if whole_drive else None
    if command is not None and _sync_drive(handle, command):
        return
    os.fsync(handle)


def full_sync_command() -> int | None:
    """The command of fcntl that empties the cache of the drive too; None: fsync does it."""
    return None if sys.platform == "win32" else getattr(fcntl, "F_FULLFSYNC", None)


def _sync_drive(handle: int, command: int) -> bool:
    if sys.platform != "win32":
        try:
            fcntl.fcntl(handle, command)
        except OSError:  # network file systems have none
            return False
    return True


def sync_file_system(path: Path) -> None:
    """Waits until all that was written to the disk that a folder is on survives a loss of power.

    One call for any number of files: syncing each of 100,000 takes minutes.

    Raises:
        OSError: It failed.
    """
    if sys.platform == "win32":  # there is no such call; the system writes within seconds
        return
    handle = os.open(path, os.O_RDONLY)
    try:
        if sys.platform == "linux":
            libc = ctypes.CDLL(None, use_errno=True)
            if libc.syncfs(handle) == 0:
                return
            code = ctypes.get_errno()
            if code in (errno.EIO, errno.ENOSPC, errno.EDQUOT):
                raise OSError(code, os.strerror(code), str(path))
        os.sync()
        sync(handle)
    finally:
        os.close(handle)
