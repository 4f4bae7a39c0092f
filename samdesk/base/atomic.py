"""Files that are replaced as a whole: a reader, or a crash, sees the old content or the new one."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path


def write_text(path: Path, text: str) -> None:
    """Replaces a file with UTF-8 text, line ends as they are; as ``write_bytes``."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, data: bytes, *, sync: bool = True) -> None:
    """Replaces a file, or makes it with its folder; the content is on the disk when this returns.

    A symbolic link stays one: the file it points to is replaced. The permissions of the file stay.
    Without ``sync`` the new name is not: whoever writes many files calls ``sync_folder`` once at the end.

    Raises:
        OSError: The file could not be written. The old one is as it was.
    """
    path = Path(os.path.realpath(path))
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, name = tempfile.mkstemp(prefix=f".{path.name[:40]}.", suffix=".tmp", dir=path.parent)
    temporary = Path(name)
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        temporary.chmod(_mode(path))
        temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    if sync:
        sync_folder(path.parent)


def sync_folder(folder: Path) -> None:
    """Makes new names in a folder durable, where the system can."""
    if os.name == "nt":
        return
    with contextlib.suppress(OSError):  # some network file systems cannot
        handle = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(handle)
        finally:
            os.close(handle)


def is_writable(folder: Path) -> bool:
    """Whether files can be made in a folder, found by trying: permission bits do not tell."""
    try:
        with tempfile.TemporaryFile(prefix=".samdesk-", dir=folder):
            return True
    except OSError:
        return False


def _mode(path: Path) -> int:
    with contextlib.suppress(OSError):
        return path.stat().st_mode & 0o7777
    umask = os.umask(0)
    os.umask(umask)
    return 0o666 & ~umask
