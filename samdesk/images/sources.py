"""Finds the images of a folder, a file or a glob pattern."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

from samdesk.domain.document import ImageKey
from samdesk.images.reader import IMAGE_SUFFIXES


@dataclass(frozen=True)
class ImageSet:
    """A folder and some of its images.

    Attributes:
        root: The folder, absolute.
        keys: The images, as paths relative to ``root``, in the order they are processed.
    """

    root: Path
    keys: tuple[ImageKey, ...]

    def path(self, key: ImageKey) -> Path:
        """The file of an image."""
        return self.root / key


def find_images(data: str | Path) -> ImageSet:
    """Finds the images that a folder, a file or a pattern ("photos/*.jpg") names.

    Raises:
        ValueError: There is no such folder or file, or it has no images.
    """
    path = Path(os.path.abspath(data))  # noqa: PTH100 - resolve() would follow links, absolute() keeps ".."
    if path.is_dir():
        images = ImageSet(path, tuple(scan(path)))
    elif path.is_file():
        images = ImageSet(path.parent, (ImageKey(path.name),))
    elif _is_pattern(str(data)):
        images = _matching(path)
    else:
        raise ValueError(f"there is no folder or file {path}")
    if not images.keys:
        raise ValueError(f"there are no images in {path} (known: {', '.join(sorted(IMAGE_SUFFIXES))})")
    return images


def scan(folder: Path) -> list[ImageKey]:
    """Lists the images in a folder and its subfolders, in natural order (2 before 10).

    Hidden files and folders (``.samdesk`` is one) are skipped; symbolic links are followed once.
    """
    root = os.fspath(folder)
    return sorted((ImageKey(key) for key in _walk(root, "", set())), key=natural_order)


def is_text(key: str) -> bool:
    """Whether a file name is valid Unicode; names from old archives may be bytes in another encoding."""
    try:
        key.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def natural_order(key: str) -> list[tuple[int, int, str]]:
    """Sort key: numbers by value, letters without case and accents, a path separator before any letter."""
    plain = key if key.isascii() else unicodedata.normalize("NFKD", key)  # ä beside a
    parts = re.split(r"(\d+)", plain.casefold().replace("/", "\0"))
    return [(1, int(p), p) if i % 2 else (0, 0, p) for i, p in enumerate(parts)]


def _is_pattern(text: str) -> bool:
    return any(c in text for c in "*?[")


def _matching(pattern: Path) -> ImageSet:
    fixed = next(p for p in pattern.parents if not _is_pattern(str(p)))
    found = fixed.glob(str(pattern.relative_to(fixed)))
    files = sorted(p for p in found if p.is_file() and p.suffix.lower() in IMAGE_SUFFIXES)
    return ImageSet(fixed, tuple(ImageKey(p.relative_to(fixed).as_posix()) for p in files))


def _walk(folder: str, prefix: str, seen: set[tuple[int, int]]) -> Iterator[str]:
    try:
        stat = os.stat(folder)  # noqa: PTH116 (100,000 files: plain strings)
        entries = list(os.scandir(folder))
    except OSError:
        return
    if (stat.st_dev, stat.st_ino) in seen and os.name != "nt":
        return
    seen.add((stat.st_dev, stat.st_ino))
    for entry in entries:
        if entry.name.startswith("."):
            continue
        try:
            is_folder = entry.is_dir()
        except OSError:
            continue
        if not is_folder and os.path.splitext(entry.name)[1].lower() in IMAGE_SUFFIXES:  # noqa: PTH122
            yield prefix + entry.name
        elif is_folder:
            yield from _walk(entry.path, f"{prefix}{entry.name}/", seen)
