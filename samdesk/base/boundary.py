"""Which files belong to a folder: links that lead out of it are not followed, for reading or for writing.

Somebody else's dataset may hold links to any file of this machine, and names with ``..`` in them.
"""

from __future__ import annotations

import errno
import os
from dataclasses import dataclass
from pathlib import Path, PureWindowsPath

from samdesk.base.regular import MAX_BYTES, read_bytes

_RESERVED = frozenset(
    ("con", "prn", "aux", "nul", *(f"{port}{n}" for port in ("com", "lpt") for n in range(1, 10)))
)
"""Names of devices on Windows, in every folder and with every suffix."""


def name_problem(name: str, *, windows: bool = os.name == "nt") -> str:
    """Returns why a relative path with forward slashes is none of a file in its folder; "" if it is one.

    Hidden files and folders are none: samdesk and other programs keep their own files there.

    Args:
        name: The path.
        windows: Whether the rules of Windows hold: drives, network shares, streams and devices.
    """
    if not name or "\0" in name:
        return "it is empty" if not name else "it holds a null character"
    if name.startswith("/"):
        return "it is an absolute path"
    parts = name.split("/")
    if ".." in parts:
        return "it leads out of the folder"
    if any(part.startswith(".") or not part for part in parts):
        return "it is that of a hidden file or folder"
    if windows and any(_is_special_on_windows(part) for part in parts):
        return "it is not a name of a file on Windows"
    return ""


def is_on_other_machine(path: str, start: str, *, windows: bool = os.name == "nt") -> bool:
    """Whether a path is on a network share of Windows; looking at one already signs in to its machine.

    Args:
        path: The path, which a file of the dataset holds.
        start: An absolute path on the same share is trusted.
        windows: Whether the rules of Windows hold.
    """
    drive = PureWindowsPath(path).drive.lower()
    return windows and drive.startswith("\\\\") and drive != PureWindowsPath(start).drive.lower()


class LeadsOutsideError(OSError):
    """A path that links lead out of a dataset. ``strerror`` is for the user.

    Attributes:
        link: The file or folder that is a link.
        target: The folder that it leads to; of a file, the folder that this is in.
    """

    strerror: str

    def __init__(self, path: Path, link: Path, target: Path) -> None:
        what = "it is a link" if link == path else f"{link} is a link"
        super().__init__(errno.ELOOP, f"{what} that leads out of the dataset, to {target}", str(path))
        self.link, self.target = link, target


@dataclass(frozen=True)
class Boundary:
    """The folders that the files of a dataset are in.

    Attributes:
        folders: Their absolute paths. A link may lead from one of them to another, but to no hidden file.
        allowed: Folders outside, with links resolved, that links may lead to because the user has agreed.
    """

    folders: tuple[str, ...]
    allowed: tuple[str, ...] = ()

    def real_path(self, path: Path) -> Path:
        """Returns the path with links resolved; its last part, too, is none.

        Raises:
            LeadsOutsideError: A link leads to a folder that is neither the dataset's nor allowed.
        """
        given = os.path.normpath(path)
        real = os.path.realpath(given)
        if os.path.normcase(real) == os.path.normcase(given) or self._holds(real):
            return Path(real)
        raise _outside(Path(given))

    def read(self, path: Path, limit: int = MAX_BYTES) -> bytes:
        """Returns the content of a regular file of at most ``limit`` bytes. Raises ``OSError``."""
        return read_bytes(self.real_path(path), limit, follow=False)

    def _holds(self, real: str) -> bool:
        inside = (_below(real, folder) for folder in self.folders)
        return any(rest is not None and not _is_hidden(rest) for rest in inside) or any(
            _below(real, folder) is not None for folder in self.allowed
        )


def _outside(path: Path) -> LeadsOutsideError:
    """The error, with the first part of the path that is a link."""
    link = next(
        (part for part in reversed((path, *path.parents)) if os.path.realpath(part) != str(part)), path
    )
    target = Path(os.path.realpath(link))
    return LeadsOutsideError(path, link, target if target.is_dir() else target.parent)


def _below(path: str, folder: str) -> str | None:
    """The rest of a path below a folder; None if it is not there."""
    path, folder = os.path.normcase(path), os.path.normcase(folder).rstrip(os.sep)
    if path == folder:
        return ""
    return path[len(folder) + 1 :] if path.startswith(folder + os.sep) else None


def _is_hidden(rest: str) -> bool:
    return any(part.startswith(".") for part in Path(rest).parts)


def _is_special_on_windows(part: str) -> bool:
    return (
        any(letter in '\\:*?"<>|' or letter < " " for letter in part)
        or part[-1] in " ."
        or part.partition(".")[0].rstrip().lower() in _RESERVED
    )
