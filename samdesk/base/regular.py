"""Opens regular files only: reading a named pipe, a device or a socket waits, perhaps for ever.

Every file whose name comes from the user or that another program could have put in its place is read
through here, with a limit of its size.
"""

from __future__ import annotations

import errno
import os
import stat
from io import BufferedReader
from pathlib import Path

MAX_BYTES = 64 << 20
"""Default limit for text files. A label file with 3,000 outlines has about 2 MB."""

_KINDS = (
    (stat.S_ISFIFO, "it is a named pipe, not a file"),
    (stat.S_ISSOCK, "it is a socket, not a file"),
    (stat.S_ISBLK, "it is a device, not a file"),
    (stat.S_ISCHR, "it is a device, not a file"),
    (stat.S_ISLNK, "it is a link, not a file"),
)
_EXTRA = ("O_NONBLOCK", "O_CLOEXEC", "O_BINARY", "O_NOCTTY")
_FLAGS = os.O_RDONLY | sum(getattr(os, name, 0) for name in _EXTRA)


class UnsuitableFileError(OSError):
    """A path of something that is not read: no regular file, or too large. ``strerror`` is for the user."""

    strerror: str


def is_file(path: Path) -> bool:
    """Whether there is a regular file at a path; False also for a path that no file can have."""
    try:
        return path.is_file()
    except OSError:  # a name that is too long, a folder that must not be entered
        return False


def open_regular(path: Path, *, follow: bool = True) -> BufferedReader:
    """Opens a regular file for reading bytes.

    Args:
        path: The file.
        follow: Whether it may be a symbolic link.

    Raises:
        OSError: It cannot be opened, or it is a folder, a named pipe, a socket or a device.
    """
    # Opening some devices does something already (a tape rewinds), so the kind is checked before; and again
    # after, as another program may have replaced the file.
    mode = os.stat(path, follow_symlinks=follow).st_mode  # noqa: PTH116 - one call beside ``os.open``
    _check_kind(path, mode)
    handle = os.open(path, _FLAGS if follow else _FLAGS | getattr(os, "O_NOFOLLOW", 0))
    try:
        _check_kind(path, os.fstat(handle).st_mode)
        return os.fdopen(handle, "rb")
    except BaseException:
        os.close(handle)
        raise


def read_bytes(path: Path, limit: int = MAX_BYTES, *, follow: bool = True) -> bytes:
    """Returns the content of a regular file of at most ``limit`` bytes.

    Raises:
        OSError: As ``open_regular``, or it is larger.
    """
    with open_regular(path, follow=follow) as file:
        if os.fstat(file.fileno()).st_size > limit:
            raise too_large(path, limit)
        data = file.read(limit + 1)  # it may grow meanwhile
    if len(data) > limit:
        raise too_large(path, limit)
    return data


def read_text(path: Path, limit: int = MAX_BYTES) -> str:
    """Returns the content of a regular file as text, decoded as UTF-8, a byte order mark dropped.

    Raises:
        OSError: As ``read_bytes``.
        UnicodeDecodeError: It is not UTF-8.
    """
    return read_bytes(path, limit).decode("utf-8-sig")


def check_regular(path: Path) -> None:
    """Checks that a path is one of a regular file, before a library opens it.

    Raises:
        OSError: There is no such file, or it is a folder, a named pipe, a socket or a device.
    """
    _check_kind(path, os.stat(path).st_mode)  # noqa: PTH116


def check_replaceable(path: Path) -> None:
    """Checks that a file may be written at a path: there is none, or it is a regular one.

    Raises:
        OSError: It is a folder, a named pipe, a socket or a device.
    """
    try:
        mode = os.stat(path).st_mode  # noqa: PTH116
    except FileNotFoundError:
        return
    _check_kind(path, mode)


def too_large(path: Path, limit: int) -> UnsuitableFileError:
    """Returns the error for a file of more than ``limit`` bytes."""
    return UnsuitableFileError(errno.EFBIG, f"it is larger than {limit >> 20} MB", str(path))


def _check_kind(path: Path, mode: int) -> None:
    if stat.S_ISREG(mode):
        return
    if stat.S_ISDIR(mode):
        raise IsADirectoryError(errno.EISDIR, "it is a folder, not a file", str(path))
    text = next((text for is_kind, text in _KINDS if is_kind(mode)), "it is not a file")
    raise UnsuitableFileError(errno.EINVAL, text, str(path))
