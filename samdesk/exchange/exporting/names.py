"""Names of the exported images: unique without their suffix too, as label files are named after images."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from pathlib import PurePosixPath

from samdesk.domain.document import ImageKey
from samdesk.domain.split import Split

_IMAGES = "images/"
_TRAINER_FOLDERS = frozenset({"images", "labels"})
"""The trainer finds a label file by replacing the last of these folders in the path of the image."""
_CONTROL = re.compile("[\0-\x1f\x7f\x85\u2028\u2029]")
"""A list of images has one a line."""


class ImageNames:
    """Gives names to exported images, in the order of the dataset.

    Args:
        keys: All images that are exported; the folder ``images`` that they may all be in is left out.
        splits: Those that they are in; folders with the names of these are left out, too.
    """

    def __init__(self, keys: Sequence[ImageKey], splits: Mapping[ImageKey, Split]) -> None:
        self._splits = splits
        self._strip = bool(keys) and all(key.startswith(_IMAGES) for key in keys)
        self._strip_splits = (
            self._strip
            and bool(splits)
            and all(key.removeprefix(_IMAGES).startswith(f"{splits.get(key, '')}/") for key in keys)
        )
        self._used: set[str] = set()

    def plain(self, key: ImageKey) -> str:
        """Returns the name that an image has if no other has it."""
        name = str(key)
        if self._strip:
            name = name.removeprefix(_IMAGES)
        if self._strip_splits:
            name = name.removeprefix(f"{self._splits[key]}/")
        return name

    def give(self, key: ImageKey, tile: tuple[int, int] | None = None, suffix: str = "") -> str:
        """Returns the name of an exported image, with forward slashes.

        Args:
            key: The image of the dataset.
            tile: The place of the tile of it that is exported, pixels; None: all of it is.
            suffix: Of the exported file; "": that of the image.
        """
        path = PurePosixPath(_CONTROL.sub("_", self.plain(key)))
        folders = [f"{part}_" if part in _TRAINER_FOLDERS else part for part in path.parts[:-1]]
        stem = path.stem if tile is None else f"{path.stem}_{tile[0]}_{tile[1]}"
        ending = suffix or path.suffix
        first, number = "/".join((*folders, stem)), 2
        found = first
        if (stem_key := found.casefold()) in self._used:
            found = first = f"{first}_{ending[1:].lower()}"  # a.png beside a.jpg: a_png.png
            while (stem_key := found.casefold()) in self._used:
                found, number = f"{first}_{number}", number + 1
        self._used.add(stem_key)
        return found + ending
