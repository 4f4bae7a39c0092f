"""Finds the images of a folder, a file or a glob pattern."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

from samdesk.base.regular import read_bytes
from samdesk.domain.document import ImageKey
from samdesk.images.reader import IMAGE_SUFFIXES, TRAINER_SUFFIXES

_RUN_FILE = "args.yaml"
"""In the folder of an Ultralytics run, beside its plots."""

_RUN_TASKS = frozenset({"classify", "detect", "obb", "pose", "segment"})
_RUN_FILE_BYTES = 100_000
_DIGITS = re.compile(r"\d+")
_MOST_ZEROS = 0xD000
_MOST_LEVELS = 64
"""Folders in folders that are listed."""


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


@dataclass(frozen=True)
class Survey:
    """The image files of a folder and its subfolders, as paths relative to it, in natural order.

    Attributes:
        keys: The images.
        unreadable: Images of a kind that the trainer reads and samdesk does not (HEIC, DNG).
        run_outputs: Plots and predictions of Ultralytics runs, which are no images of a dataset.
        folders: The folder itself ("") and all its folders.
        unlisted: Folders whose images are missing here, as they cannot be listed or lie too deep.
    """

    keys: tuple[ImageKey, ...]
    unreadable: tuple[str, ...] = ()
    run_outputs: tuple[str, ...] = ()
    folders: tuple[str, ...] = field(default=(), compare=False)
    unlisted: tuple[str, ...] = ()


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


def union(sets: Sequence[ImageSet]) -> ImageSet:
    """All images of some sets, each once, as paths relative to the folder that the sets have in common."""
    root = Path(os.path.commonpath([images.root for images in sets]))
    keys: dict[ImageKey, None] = {}
    for images in sets:
        prefix = images.root.relative_to(root).as_posix()
        keys.update((ImageKey(key if prefix == "." else f"{prefix}/{key}"), None) for key in images.keys)
    return ImageSet(root, tuple(keys))


def scan(folder: Path) -> list[ImageKey]:
    """Lists the images in a folder and its subfolders, in natural order (2 before 10).

    Hidden files and folders (``.samdesk`` is one) and the outputs of Ultralytics runs
    (``runs/segment/train``) are skipped; symbolic links are followed once.
    """
    return list(survey(folder).keys)


def survey(folder: Path) -> Survey:
    """Lists the images as ``scan`` does, and the files that the trainer would take for images besides."""
    found = _Found()
    _walk(os.fspath(folder), "", set(), found)
    for names in (found.keys, found.unreadable, found.run_outputs):
        _sort(names)
    return Survey(
        tuple(ImageKey(key) for key in found.keys),
        tuple(found.unreadable),
        tuple(found.run_outputs),
        tuple(found.folders),
        tuple(sorted(found.unlisted, key=natural_order)),
    )


def is_text(key: str) -> bool:
    """Whether a file name is valid Unicode; names from old archives may be bytes in another encoding."""
    try:
        key.encode("utf-8")
    except UnicodeEncodeError:
        return False
    return True


def natural_order(key: str) -> str:
    """Sort key: numbers by value, letters without case and accents, a path separator before any letter.

    The key of a path is that of its folder, with the separator, and that of its name, one after the other.
    """
    plain = key if key.isascii() else unicodedata.normalize("NFKD", key)  # ä beside a
    return _DIGITS.sub(_ordered_number, plain.casefold().replace("/", "\1"))


def _ordered_number(digits: re.Match[str]) -> str:
    """A number as text that sorts by its value; of equal ones, that with more zeros in front comes first."""
    value = str(int(digits[0]))
    return f"\0{chr(len(value))}{value}{chr(_MOST_ZEROS - len(digits[0]) + len(value))}"


def _sort(keys: list[str]) -> None:
    """Sorts paths in natural order."""
    folders: dict[str, str] = {}

    def order(key: str) -> str:
        folder, slash, name = key.rpartition("/")
        known = folders.get(folder)
        if known is None:
            known = folders[folder] = natural_order(folder + slash)
        return known + natural_order(name)

    keys.sort(key=order)


def _is_pattern(text: str) -> bool:
    return any(c in text for c in "*?[")


def _matching(pattern: Path) -> ImageSet:
    """The images that a pattern matches; brackets are literal where it begins with an existing folder."""
    fixed = next(p for p in pattern.parents if p.is_dir() or not _is_pattern(str(p)))
    found = fixed.glob(str(pattern.relative_to(fixed)))
    files = sorted(p for p in found if p.is_file() and p.suffix.lower() in IMAGE_SUFFIXES)
    return ImageSet(fixed, tuple(ImageKey(p.relative_to(fixed).as_posix()) for p in files))


@dataclass
class _Found:
    """The names found so far, unsorted."""

    keys: list[str] = field(default_factory=list)
    unreadable: list[str] = field(default_factory=list)
    run_outputs: list[str] = field(default_factory=list)
    folders: list[str] = field(default_factory=list)
    unlisted: list[str] = field(default_factory=list)


def _walk(folder: str, prefix: str, seen: set[tuple[int, int]], found: _Found, in_run: bool = False) -> None:
    try:
        stat = os.stat(folder)  # noqa: PTH116 (100,000 files: plain strings)
        entries = list(os.scandir(folder))
    except OSError:
        found.unlisted.append(prefix)
        return
    if (stat.st_dev, stat.st_ino) in seen and os.name != "nt":
        return
    seen.add((stat.st_dev, stat.st_ino))
    found.folders.append(prefix)
    in_run = in_run or (prefix != "" and _is_run(folder, prefix, entries))
    for entry in entries:
        if entry.name.startswith("."):
            continue
        try:
            is_folder = entry.is_dir()
        except OSError:  # a link in a circle: reported when it is read
            is_folder = False
        if is_folder and prefix.count("/") >= _MOST_LEVELS:
            found.unlisted.append(f"{prefix}{entry.name}/")
        elif is_folder:
            _walk(entry.path, f"{prefix}{entry.name}/", seen, found, in_run)
        else:
            _add(prefix + entry.name, found, in_run)


def _add(key: str, found: _Found, in_run: bool) -> None:
    suffix = key[key.rfind(".") :].lower()
    if suffix in TRAINER_SUFFIXES:
        readable = found.keys if suffix in IMAGE_SUFFIXES else found.unreadable
        (found.run_outputs if in_run else readable).append(key)


def _is_run(folder: str, prefix: str, entries: list[os.DirEntry[str]]) -> bool:
    """Whether Ultralytics writes plots here: ``runs/segment``, or a folder with the arguments of a run."""
    parts = prefix.split("/")
    if len(parts) > 2 and parts[-3] == "runs" and parts[-2] in _RUN_TASKS:
        return True
    if not any(entry.name == _RUN_FILE for entry in entries):
        return False
    try:
        lines = read_bytes(Path(folder) / _RUN_FILE, _RUN_FILE_BYTES).splitlines()
        return any(line.startswith(b"task:") for line in lines)
    except OSError:
        return False
