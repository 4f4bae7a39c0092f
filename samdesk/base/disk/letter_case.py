"""Letter case of file names: on most disks of Windows and macOS ``A.txt`` and ``a.txt`` are one file."""

from __future__ import annotations

import os
from pathlib import Path


def folded(path: str, *, folds_case: bool) -> str:
    """Returns a path such that those of one file are equal.

    Letters are replaced one by one, as the disks do: "ß" and "ss" stay two names.

    Args:
        path: The path.
        folds_case: Of ``folds_case``.
    """
    if not folds_case:
        return path
    if path.isascii():
        return path.lower()
    return "".join(low if len(low := letter.lower()) == 1 else letter for letter in path)


def folds_case(path: Path) -> bool:
    """Whether the disk takes names that differ only in letter case for one file; nothing is written.

    Args:
        path: A file or folder on it; those above it are looked at, too, if it is missing or has no letters.
    """
    for part in (path, *path.parents):
        other = part.with_name(part.name.swapcase()) if part.name else part
        if other == part or not os.path.lexists(part):
            continue
        try:
            return os.path.samestat(part.lstat(), other.lstat())
        except OSError:
            return False
    return os.name == "nt"
