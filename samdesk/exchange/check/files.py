"""Files of a dataset that belong to no image, and images that are the same file twice."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping, Sequence
from pathlib import Path

from samdesk.base.boundary import LeadsOutsideError
from samdesk.base.hashing import hash_file
from samdesk.dataset.labels.files import LabelFiles
from samdesk.domain.document import ImageKey
from samdesk.images.reader import TRAINER_SUFFIXES

_MOST_BYTES = 1 << 20
_LEAST_WORDS = 5
_MOST_FILES = 1_000_000


def orphans(files: LabelFiles, unreadable: Sequence[str] = ()) -> tuple[str, ...]:
    """Returns the label files that belong to no image, relative to the dataset's folder or absolute.

    In folders of images only text files are looked at that hold nothing but lines of numbers.

    Args:
        files: The label files of the dataset.
        unreadable: Images that samdesk does not read; their label files are no orphans.
    """
    known = {os.path.normcase(files.name(key)) for key in (*files.keys, *map(ImageKey, unreadable))}
    found = []
    for path in _text_files(files):
        if os.path.normcase(path) not in known and not _has_image(path) and _is_label_file(files, Path(path)):
            found.append(path.removeprefix(f"{files.folder}{os.sep}"))
    return tuple(sorted(found))


def _text_files(files: LabelFiles) -> Iterator[str]:
    """Yields the text files in all folders of label files and, below a folder "labels", in its subfolders."""
    seen: set[str] = set()
    count = 0
    for folder in {os.path.realpath(folder) for folder in files.folders()}:
        try:
            files.boundary.real_path(Path(folder))
        except LeadsOutsideError:
            continue
        for root, folders, names in os.walk(_labels_root(folder, files.folder)):
            if root in seen:
                folders.clear()
                continue
            seen.add(root)
            folders[:] = [name for name in folders if not name.startswith(".")]
            if not _is_labels_folder(root) and root != folder:
                continue
            for name in names:
                count += 1
                if count > _MOST_FILES:
                    return
                if name.endswith(files.format.suffix) and not name.startswith("."):
                    yield os.path.join(root, name)  # noqa: PTH118 (100,000 files: plain strings)


def _labels_root(folder: str, dataset: Path) -> str:
    """The folder "labels" that a folder is in; else the folder itself."""
    path = Path(folder)
    inside = [part for part in (path, *path.parents) if part.name == "labels" and part != dataset]
    return str(inside[-1]) if inside else folder


def _is_labels_folder(folder: str) -> bool:
    return "labels" in Path(folder).parts


def _has_image(path: str) -> bool:
    """Whether an image of the same name lies beside a label file: other programs keep both together."""
    stem = os.path.splitext(path)[0]  # noqa: PTH122
    return any(os.path.exists(stem + suffix) for suffix in TRAINER_SUFFIXES)  # noqa: PTH110


def _is_label_file(files: LabelFiles, path: Path) -> bool:
    """Whether a text file is one of labels: empty in a folder "labels", else lines of numbers only."""
    try:
        data = files.boundary.read(path, _MOST_BYTES)
    except OSError:
        return False
    lines = [line.split() for line in data.splitlines() if line.strip()]
    if not lines:
        return _is_labels_folder(str(path.parent))
    return all(len(words) >= _LEAST_WORDS and _are_numbers(words) for words in lines[:20])


def _are_numbers(words: Sequence[bytes]) -> bool:
    try:
        return all(float(word) == float(word) for word in words)
    except ValueError:
        return False


def identical_images(
    folder: Path, sizes: Mapping[int, Sequence[ImageKey]], step: Callable[[int], None]
) -> tuple[tuple[ImageKey, ...], ...]:
    """Returns the groups of images with the same content.

    Args:
        folder: The dataset.
        sizes: Images by the size of their file: only those of the same size are read.
        step: Called with the number of images read; may raise ``Cancelled``.
    """
    groups: dict[str, list[ImageKey]] = {}
    hashes: dict[tuple[int, int], str] = {}
    """Of files with several names, each read once."""
    done = 0
    for keys in sizes.values():
        if len(keys) < 2:
            continue
        for key in keys:
            done += 1
            if done % 16 == 0:
                step(done)
            try:
                stat = (folder / key).stat()
                place = stat.st_dev, stat.st_ino
                if place not in hashes:
                    hashes[place] = hash_file(folder / key, hashlib.blake2b)
                groups.setdefault(hashes[place], []).append(key)
            except OSError:
                continue
    return tuple(tuple(group) for group in groups.values() if len(group) > 1)
