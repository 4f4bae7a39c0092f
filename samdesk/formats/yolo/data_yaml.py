"""Finds the file with the class names of a dataset: Ultralytics' data.yaml, classes.txt and similar files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from samdesk.base.boundary import is_on_other_machine
from samdesk.base.errors import reason
from samdesk.base.regular import read_text
from samdesk.formats.yolo.names import (
    LIST_SUFFIXES,
    UnreadableNamesError,
    load_mapping,
    names_of,
    read_list,
    read_text_of,
)
from samdesk.formats.yolo.yaml_edit import SPLIT_KEYS, render

__all__ = ["NamesFound", "NamesSearch", "UnreadableNamesError", "read_names", "render", "search_names"]

YAML_SUFFIXES = (".yaml", ".yml")
SPLIT_FOLDERS = frozenset(name for names in SPLIT_KEYS.values() for name in names)
"""Names of folders that hold one split of a dataset."""

_FIRST = ("data.yaml", "data.yml", "dataset.yaml", "dataset.yml")
_LISTS = ("classes.txt", "names.txt", "obj.names", "labels/classes.txt")
_LISTING_BYTES = 16 << 20


@dataclass(frozen=True)
class NamesFound:
    """Class names by class id, and the file they were read from."""

    names: tuple[str, ...]
    path: Path


@dataclass(frozen=True)
class NamesSearch:
    """The result of a search for class names.

    Attributes:
        found: The first file with names, or None.
        problems: Messages about files before it that could not be read.
        yaml: The dataset's YAML file, with or without names that can be read; None: there is none.
    """

    found: NamesFound | None
    problems: tuple[str, ...] = ()
    yaml: Path | None = None


def read_names(folder: Path) -> NamesFound | None:
    """The class names of the dataset that ``folder`` belongs to; None if no file has any."""
    return search_names(folder).found


def read_yaml(path: Path) -> tuple[str, ...]:
    """The class names of a YAML file by class id; () if there is no such file, or it holds none.

    Raises:
        UnreadableNamesError: It is damaged, or has names whose meaning is not clear.
        OSError: It cannot be read.
    """
    try:
        text = read_text_of(path)
    except (FileNotFoundError, NotADirectoryError):
        return ()
    return names_of(text, path.parent)


def search_names(folder: Path, check: Callable[[Path], object] = Path) -> NamesSearch:
    """Searches a folder for class names, and the dataset's root if it is an ``images`` or split folder.

    A yaml file takes precedence over a text file. Never raises: unreadable files become problems.

    Args:
        folder: The folder.
        check: Called with each file before it is read; raises ``OSError`` if it is not to be read.
    """
    problems: list[str] = []
    dataset_yaml = None
    for path in _candidate_files(folder):
        is_yaml = path.suffix.lower() not in LIST_SUFFIXES
        try:
            check(path)
            if is_yaml and not _concerns(path, folder):
                continue
            names = read_yaml(path) if is_yaml else read_list(path)
        except OSError as error:
            problems.append(f"{path} cannot be read: {reason(error)}")
            names = ()
        except UnreadableNamesError as error:
            problems.append(f"{path} cannot be read: {error}")
            names = ()
        if is_yaml:
            dataset_yaml = dataset_yaml or path
        if names:
            return NamesSearch(NamesFound(names, path), tuple(problems), dataset_yaml)
    return NamesSearch(None, tuple(problems), dataset_yaml)


def _candidate_files(folder: Path) -> Iterator[Path]:
    """Candidate files for class names, the most likely first."""
    for place in _folders(folder):
        first = [place / name for name in _FIRST]
        others = sorted(p for suffix in YAML_SUFFIXES for p in place.glob(f"*{suffix}") if p not in first)
        lists = [place / name for name in _LISTS]
        yield from (path for path in [*first, *others, *lists] if path.is_file())


def _folders(folder: Path) -> list[Path]:
    folders = [folder]
    if folder.name == "images":  # root/images, or root/train/images
        folders.append(folder.parent)
        if folder.parent.name in SPLIT_FOLDERS:
            folders.append(folder.parent.parent)
    elif folder.parent.name == "images":  # root/images/train
        folders.append(folder.parent.parent)
    elif folder.name in SPLIT_FOLDERS:  # root/train
        folders.append(folder.parent)
    return folders


def _concerns(path: Path, folder: Path) -> bool:
    """Whether a YAML file is about the images of a folder. Raises as ``read_text_of``."""
    text = read_text_of(path)
    try:
        content = load_mapping(text)
    except UnreadableNamesError:
        return path.name in _FIRST or "names" in text  # else another program's file
    named = {key for key, value in content.items() if str(key).lower() in SPLIT_FOLDERS and value}
    if path.name not in _FIRST and not named and not isinstance(content.get("names"), (list, dict)):
        return False
    above = folder.parent.name == "images" and path.parent == folder.parent.parent
    if not above or folder.name in SPLIT_FOLDERS or not named:
        return True
    return any(_reaches(path, content, content[key], folder) for key in named)


def _reaches(path: Path, content: dict[Any, Any], value: object, folder: Path) -> bool:
    """Whether a split has images of a folder: ``images/a`` and ``images/b`` may be two datasets."""
    root = Path(path.parent, str(content.get("path") or "."))
    if is_on_other_machine(str(root), str(path)) or not root.is_dir():
        root = path.parent  # moved since
    for place in value if isinstance(value, list) else [value]:
        target = Path(root, str(place).replace("\\", "/"))
        if is_on_other_machine(str(target), str(path)):
            continue
        target = target.resolve()
        if target.suffix == ".txt":
            if _lists(target, folder, path.parent):
                return True
        elif folder == target or folder in target.parents or target in folder.parents:
            return True
    return False


def _lists(listing: Path, folder: Path, root: Path) -> bool:
    """Whether a list of images has some of a folder; one that cannot be read may have."""
    try:
        return f"{folder.relative_to(root).as_posix()}/" in read_text(listing, _LISTING_BYTES)
    except (OSError, ValueError):
        return True
