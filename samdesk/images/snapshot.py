"""Snapshots of a folder: which images and label files it has, and whether they have changed."""

from __future__ import annotations

import os
from array import array
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

from samdesk.domain.document import ImageKey
from samdesk.images.sources import Survey, is_text, survey

_MISSING = -1
_MAX_FOLDERS = 2_000
"""Folders whose time is looked at between two snapshots; changes in others are found by the next one."""


@dataclass(frozen=True, eq=False)
class FolderSnapshot:
    """The state of a folder at one time.

    Attributes:
        survey: Its image files.
        keys: Those with names that are text.
        images: A stamp of each image, in the order of ``keys``: of its size and times.
        labels: A stamp of each label file, -1 where there is none.
        folders: The modification time of each folder with images or label files, nanoseconds.
    """

    survey: Survey
    keys: tuple[ImageKey, ...]
    images: array[int]
    labels: array[int]
    folders: dict[str, int]

    def is_stirred(self) -> bool:
        """Whether a file was added, removed or renamed since; files written in place do not show."""
        return any(_folder_time(folder) != time for folder, time in self.folders.items())


@dataclass(frozen=True)
class FolderChanges:
    """What differs between two snapshots.

    Attributes:
        survey: The image files there are now.
        added: Images that were not there.
        removed: Images that are no longer there.
        images: Images whose file has changed.
        labels: Images whose label file has changed, appeared or gone.
    """

    survey: Survey
    added: tuple[ImageKey, ...] = ()
    removed: tuple[ImageKey, ...] = ()
    images: tuple[ImageKey, ...] = ()
    labels: tuple[ImageKey, ...] = ()

    def __bool__(self) -> bool:
        return bool(self.added or self.removed or self.images or self.labels)


def take_snapshot(folder: Path, label_path: Callable[[str], str]) -> FolderSnapshot:
    """Looks at every image and label file of a folder; opens none. Takes about 1 s for 100,000 images.

    Args:
        folder: The folder.
        label_path: Path of an image to the path of its label file, both with the system's separators.
    """
    found = survey(folder)
    keys = tuple(key for key in found.keys if is_text(key))
    root = os.fspath(folder)
    images, labels = array("q"), array("q")
    folders = {root, *(os.path.join(root, name) for name in found.folders)}  # noqa: PTH118
    times = {name: _folder_time(name) for name in sorted(folders)[:_MAX_FOLDERS]}
    for key in keys:
        image = f"{root}{os.sep}{key.replace('/', os.sep)}"
        label = label_path(image)
        images.append(stamp_of(image))
        labels.append(stamp_of(label))
        beside = os.path.dirname(label)  # noqa: PTH120
        if beside not in times and len(times) < _MAX_FOLDERS:
            times[beside] = _folder_time(beside)
    return FolderSnapshot(found, keys, images, labels, times)


def compare(before: FolderSnapshot, after: FolderSnapshot) -> FolderChanges:
    """Returns what has changed between two snapshots of a folder."""
    place = {key: number for number, key in enumerate(before.keys)}
    added: list[ImageKey] = []
    images: list[ImageKey] = []
    labels: list[ImageKey] = []
    for number, key in enumerate(after.keys):
        old = place.pop(key, None)
        if old is None:
            added.append(key)
            continue
        if before.images[old] != after.images[number]:
            images.append(key)
        if before.labels[old] != after.labels[number]:
            labels.append(key)
    return FolderChanges(after.survey, tuple(added), tuple(place), tuple(images), tuple(labels))


def stamp_of(path: str) -> int:
    """Returns a number that changes whenever a file is written; -1 if there is none."""
    try:
        stat = os.stat(path)  # noqa: PTH116 (100,000 files: plain strings)
    except OSError:
        return _MISSING
    return hash((stat.st_size, stat.st_mtime_ns, stat.st_ctime_ns))


def _folder_time(folder: str) -> int:
    try:
        return os.stat(folder).st_mtime_ns  # noqa: PTH116
    except OSError:
        return _MISSING
