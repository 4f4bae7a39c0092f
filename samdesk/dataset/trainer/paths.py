"""Where data.yaml belongs and which folders its ``train``, ``val`` and ``test`` name."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TypeAlias

from samdesk.base import atomic
from samdesk.base.boundary import Boundary
from samdesk.base.regular import read_bytes
from samdesk.images.reader import IMAGE_SUFFIXES

SplitPaths: TypeAlias = Mapping[str, str | list[str]]
"""The value of ``train``, ``val`` and ``test`` in data.yaml, relative to its folder."""

LISTING = "samdesk-images.txt"
"""The list of images that data.yaml names if a folder holds images of no dataset as well."""

_SPLITS = {
    "train": "train", "training": "train",
    "val": "val", "valid": "val", "validation": "val",
    "test": "test", "testing": "test",
}  # fmt: skip

_MOST_ENTRIES = 2000
"""Directory entries looked at to find whether a folder has images."""


@dataclass(frozen=True)
class TrainingPaths:
    """The paths of a dataset's data.yaml.

    Attributes:
        root: The folder of data.yaml.
        splits: What its ``train`` and ``val`` (and ``test``) name, relative to ``root``.
        images: All images, relative to a folder.
        prefix: What makes them relative to ``root``.
    """

    root: Path
    splits: SplitPaths
    images: Sequence[str] = ()
    prefix: str = ""

    def relative_to(self, folder: Path) -> SplitPaths:
        """``splits`` relative to another folder, or absolute if ``root`` is not below it."""
        if folder == self.root:
            return self.splits
        return {
            split: [_relative(self.root / p, folder) for p in value]
            if isinstance(value, list)
            else _relative(self.root / value, folder)
            for split, value in self.splits.items()
        }

    def write_listing(self, boundary: Boundary) -> None:
        """Writes ``LISTING`` if it is used and another than is there. Raises ``OSError``."""
        path = self.root / LISTING
        if LISTING not in self.splits.values() and not path.is_file():
            return
        path = boundary.real_path(path)
        if not path.is_file() or read_bytes(path, follow=False) != self.listing.encode():
            atomic.write_text(path, self.listing)

    @property
    def listing(self) -> str:
        """The content of ``LISTING``: all images."""
        return "".join(f"./{self.prefix}{image}\n" for image in self.images)


def training_paths(folder: Path, keys: Sequence[str], run_outputs: Sequence[str] = ()) -> TrainingPaths:
    """Returns the paths with which the trainer finds all images of a dataset and their label files.

    Folders named as splits (``images/train`` and ``images/val``, ``train/images`` and ``valid/images``,
    ``train`` and ``val``) become these splits if all images are in one and there are ``train`` and ``val``;
    else ``train`` and ``val`` both name all images.

    Args:
        folder: The dataset, with links resolved.
        keys: Its images.
        run_outputs: Images in it that are none of the dataset's.
    """
    root, prefix = _root(folder)
    folders = {key.rpartition("/")[0] for key in keys}
    places = {_split_folder(f"{prefix}{folder}") for folder in folders}
    beside = _splits_beside(root, prefix)
    splits = _by_split(places | beside) if None not in places else {}
    if splits and not any(_is_linked(root, place) for place in places if place):
        return TrainingPaths(root, splits, keys, prefix)
    base = prefix.rstrip("/") or _base(folder, keys)
    if any(f"{prefix}{output}".startswith(f"{base}/") or base == "." for output in run_outputs):
        base = LISTING  # the trainer searches all subfolders; only a list leaves some out
    return TrainingPaths(root, {"train": base, "val": base}, keys, prefix)


def has_images(folder: Path) -> bool:
    """Whether a folder or its subfolders hold images, as far as a bounded number of entries shows."""
    seen = 0
    for _, folders, names in os.walk(folder, followlinks=True):
        if any(os.path.splitext(name)[1].lower() in IMAGE_SUFFIXES for name in names):  # noqa: PTH122
            return True
        seen += len(folders) + len(names)
        if seen > _MOST_ENTRIES:
            return True  # not known: nothing is claimed
    return False


def _root(folder: Path) -> tuple[Path, str]:
    """Returns the folder of data.yaml, and the prefix that makes a key a path relative to it."""
    if folder.name == "images" and folder.parent.name in _SPLITS and _splits_beside(
        folder.parent.parent, f"{folder.parent.name}/images/"
    ):  # fmt: skip
        return folder.parent.parent, f"{folder.parent.name}/images/"
    if folder.name == "images":
        return folder.parent, "images/"
    # images/a and images/b may be two datasets; images/train and images/val are one.
    if folder.parent.name == "images" and folder.name in _SPLITS:
        return folder.parent.parent, f"images/{folder.name}/"
    return folder, ""


def _split_folder(folder: str) -> str | None:
    """Returns the folder of a split that a folder is in ("images/train", "valid/images"), or None."""
    parts = PurePosixPath(folder).parts
    if parts and parts[0] in _SPLITS:
        return "/".join(parts[:2]) if parts[1:2] == ("images",) else parts[0]
    if len(parts) > 1 and parts[0] == "images" and parts[1] in _SPLITS:
        return "/".join(parts[:2])
    return None


def _splits_beside(root: Path, prefix: str) -> set[str]:
    """Returns the split folders with images beside that of a dataset which is one split of several."""
    own = _split_folder(prefix)
    if not prefix or own is None:
        return set()
    named = [own.replace(next(s for s in own.split("/") if s in _SPLITS), name) for name in _SPLITS]
    return {place for place in named if place != own and has_images(root / place)}


def _by_split(places: set[str | None]) -> dict[str, str | list[str]]:
    """Returns the folders by split; nothing unless there are ``train`` and ``val``."""
    found: dict[str, list[str]] = {}
    for place in sorted(place for place in places if place is not None):
        name = next(part for part in place.split("/") if part in _SPLITS)
        found.setdefault(_SPLITS[name], []).append(place)
    if not {"train", "val"} <= found.keys():
        return {}
    return {split: one(found[split]) for split in ("train", "val", "test") if split in found}


def one(values: list[str]) -> str | list[str]:
    """A list of one value as data.yaml has it: the value."""
    return values[0] if len(values) == 1 else values


def _base(folder: Path, keys: Sequence[str]) -> str:
    # The trainer resolves a link named in data.yaml, but none below a folder that it searches.
    inside = bool(keys) and all(key.startswith("images/") for key in keys)
    return "images" if inside and not _is_linked(folder, "images") else "."


def _is_linked(root: Path, place: str) -> bool:
    return (root / place).resolve() != root.resolve() / place


def _relative(path: Path, start: Path) -> str:
    try:
        return path.relative_to(start).as_posix()
    except ValueError:
        return str(path)
