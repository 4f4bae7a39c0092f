"""Atomic file writes: after a crash a file holds its old content or the new one, never a mix."""

from __future__ import annotations

import contextlib
import os
import tempfile
from pathlib import Path

from samdesk.base.disk import durable, temporaries
from samdesk.base.regular import check_replaceable


def write_text(path: Path, text: str) -> None:
    """Writes text atomically as UTF-8 with unchanged line endings; see ``write_bytes``."""
    write_bytes(path, text.encode("utf-8"))


def write_bytes(path: Path, data: bytes, *, sync: bool = True, mode: int | None = None) -> None:
    """Writes a file atomically, creating its folder; the content is durable when this returns.

    A symbolic link is kept: its target is replaced. File permissions are kept.

    Args:
        path: The file.
        data: Its new content.
        sync: Also make the file's name durable. A writer of many files passes False and calls
            ``sync_folder`` once at the end.
        mode: Permissions of the file; None: as they are, or the usual ones of a new file.

    Raises:
        OSError: The file could not be written, or there is a folder, device or named pipe in its place; its
            old content is intact.
    """
    path = Path(os.path.realpath(path))
    check_replaceable(path)
    make_folder(path.parent)
    mode = _mode(path) if mode is None else mode
    temporary, handle = temporaries.create(path, 0o666 if mode is None else 0o600)  # less what the umask says
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(data)
            file.flush()
            durable.sync(file.fileno(), whole_drive=sync)
            if mode is not None:
                temporary.chmod(mode)
            if os.name != "nt":  # while it is locked: nobody takes it for one that a crash has left
                temporary.replace(path)
        if os.name == "nt":  # an open file cannot be renamed
            temporary.replace(path)
    except BaseException:
        with contextlib.suppress(OSError):
            temporary.unlink()
        raise
    if sync:
        sync_folder(path.parent)


def make_folder(folder: Path) -> None:
    """Creates a folder and those above it that are missing, and makes their names durable.

    Raises:
        OSError: It cannot be created.
    """
    missing = [part for part in (folder, *folder.parents) if not part.is_dir()]
    folder.mkdir(parents=True, exist_ok=True)
    for part in reversed(missing):
        sync_folder(part.parent)


def sync_folder(folder: Path) -> None:
    """Makes new file names in a folder durable (fsync), where the system supports it."""
    if os.name == "nt":
        return
    with contextlib.suppress(OSError):  # some network file systems cannot
        handle = os.open(folder, os.O_RDONLY)
        try:
            durable.sync(handle)
        finally:
            os.close(handle)


def is_writable(folder: Path) -> bool:
    """Whether a file can be created in a folder, tested by creating one: permission bits are unreliable."""
    try:
        with tempfile.TemporaryFile(prefix=".samdesk-", dir=folder):
            return True
    except OSError:
        return False


def _mode(path: Path) -> int | None:
    with contextlib.suppress(OSError):
        return path.stat().st_mode & 0o7777
    return None
