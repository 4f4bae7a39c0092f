"""Lists of images that are given: files of names, and folders that name splits."""

from __future__ import annotations

import os
from collections.abc import Mapping, Sequence
from pathlib import Path, PurePosixPath

from samdesk.base.errors import reason
from samdesk.base.regular import read_text
from samdesk.domain.document import ImageKey
from samdesk.domain.split import Split
from samdesk.exchange.splits.grouping import SplitError
from samdesk.formats.yolo.yaml_edit import SPLIT_KEYS

_MOST_BYTES = 256 << 20
_FOLDERS: dict[str, Split] = {name: split for split in ("train", "val", "test") for name in SPLIT_KEYS[split]}


def folder_split(key: ImageKey) -> Split | None:
    """Returns the split that the folder of an image names ("images/train/a.jpg"); None: none."""
    for part in PurePosixPath(key).parent.parts[:2]:
        if part.lower() in _FOLDERS:
            return _FOLDERS[part.lower()]
    return None


def read_lists(
    files: Mapping[Split, Path], folder: Path, keys: Sequence[ImageKey]
) -> tuple[dict[ImageKey, Split], list[str]]:
    """Reads files of names, one image a line: its path, its name, or its name without the suffix.

    Args:
        files: The file of each split.
        folder: The dataset.
        keys: Its images.

    Returns:
        The split of each image that is listed, and the lines that name no image of the dataset.

    Raises:
        SplitError: A file cannot be read, or an image is in two of them.
    """
    known = _by_name(keys)
    found: dict[ImageKey, Split] = {}
    unknown: list[str] = []
    for split, path in files.items():
        try:
            lines = read_text(path, _MOST_BYTES).removeprefix("\ufeff").splitlines()
        except (OSError, ValueError) as error:
            why = reason(error) if isinstance(error, OSError) else "it is not UTF-8 text"
            raise SplitError(f"{path} cannot be read: {why}.") from error
        for line in filter(None, map(str.strip, lines)):
            key = known.get(_relative(line, path, folder)) or known.get(PurePosixPath(line).name)
            if key is None:
                unknown.append(line)
            elif found.setdefault(key, split) != split:
                raise SplitError(
                    f"{key} is listed for {found[key]} and for {split}.", next="Remove it from one list."
                )
    return found, unknown


def _by_name(keys: Sequence[ImageKey]) -> dict[str, ImageKey | None]:
    """The images by path and, where only one has it, by name, with and without the suffix."""
    found: dict[str, ImageKey | None] = {}
    for key in keys:
        path = PurePosixPath(key)
        for name in {path.name, path.stem, str(path.with_suffix(""))} - {key}:
            found[name] = None if name in found else key
    return {**found, **{key: key for key in keys}}


def _relative(line: str, path: Path, folder: Path) -> str:
    """A path in a list as a key: it is relative to the list, or to the dataset, or absolute."""
    text = line.replace("\\", "/")
    place = os.path.normpath(path.parent / text)
    try:
        return Path(place).relative_to(folder).as_posix()
    except ValueError:
        return text.removeprefix("./")
