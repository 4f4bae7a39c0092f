"""Finds the image of a dataset that a file means: by its path, the end of it, its name, or its stem.

Names are compared as text in Unicode's composed form, as file systems and programs differ in that.
"""

from __future__ import annotations

import unicodedata
from collections import defaultdict
from collections.abc import Iterable
from dataclasses import dataclass
from enum import IntEnum
from functools import lru_cache

from samdesk.domain.document import ImageKey


class MatchRank(IntEnum):
    """How a name fits an image, the best last."""

    NONE = 0
    STEM = 1
    """The name without its suffix."""
    NAME = 2
    TAIL = 3
    """The name and one or more folders above it."""
    PATH = 4


@dataclass(frozen=True)
class ImageMatch:
    """The image that a name means.

    Attributes:
        key: The image; None: there is none, or several fit equally well.
        rank: How well it fits.
        rivals: Some of those that fit equally well.
    """

    key: ImageKey | None
    rank: MatchRank = MatchRank.NONE
    rivals: tuple[ImageKey, ...] = ()


class KnownImages:
    """The images of a dataset by their names."""

    def __init__(self, keys: Iterable[ImageKey]) -> None:
        self._paths: dict[str, ImageKey] = {}
        self._names: defaultdict[str, list[ImageKey]] = defaultdict(list)
        self._stems: defaultdict[str, list[ImageKey]] = defaultdict(list)
        for key in keys:
            path = composed(key)
            name = path.rpartition("/")[2].casefold()
            self._paths.setdefault(path, key)
            self._names[name].append(key)
            self._stems[stem_of(name)].append(key)

    def find(self, name: str) -> ImageMatch:
        """Finds the image that a name with forward or backward slashes means."""
        path = cleaned(name)
        exact = self._paths.get(path)
        if exact is not None:
            return ImageMatch(exact, MatchRank.PATH)
        last = path.rpartition("/")[2].casefold()
        found = _closest(path, self._names.get(last, ()))
        if found.key is not None or found.rivals:
            return found
        if last in self._stems:
            return _closest(path, self._stems[last], stems=True)
        return _closest(stem_of(path), self._stems.get(stem_of(last), ()), stems=True)


def cleaned(name: str) -> str:
    """A name of an image from a file: forward slashes, composed, without drive and steps up or in place."""
    parts = composed(name.replace("\\", "/")).split("/")
    kept = [part for part in parts if part not in ("", ".", "..")]
    if kept and len(kept[0]) == 2 and kept[0][1] == ":":
        kept = kept[1:]
    return "/".join(kept)


@lru_cache(4096)
def composed(text: str) -> str:
    """A text in Unicode's composed form (NFC)."""
    return text if text.isascii() else unicodedata.normalize("NFC", text)


def stem_of(name: str) -> str:
    """A name without its suffix."""
    return name.rpartition(".")[0] or name


def _closest(path: str, keys: Iterable[ImageKey], stems: bool = False) -> ImageMatch:
    """The one of images with the same name, or stem, whose path ends like this one for longest."""
    scores = [(_shared(path, composed(stem_of(key) if stems else key)), key) for key in keys]
    if not scores:
        return ImageMatch(None)
    best = max(score for score, _ in scores)
    found = tuple(key for score, key in scores if score == best)
    if len(found) > 1:
        return ImageMatch(None, rivals=found[:3])
    rank = MatchRank.TAIL if best[0] > 1 else MatchRank.NAME
    return ImageMatch(found[0], MatchRank.STEM if stems else rank)


def _shared(path: str, other: str) -> tuple[int, int]:
    """Number of parts at the end that two paths share, without case, and with it."""
    counts = []
    for a, b in ((path.casefold(), other.casefold()), (path, other)):
        count = 0
        for one, two in zip(reversed(a.split("/")), reversed(b.split("/")), strict=False):
            if one != two:
                break
            count += 1
        counts.append(count)
    return counts[0], counts[1]
