"""Which images belong together, by folder, by name, or because they are alike."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Sequence
from pathlib import PurePosixPath
from typing import Literal, TypeAlias

from samdesk.base.errors import UserError
from samdesk.domain.document import ImageKey

GroupBy: TypeAlias = Literal["none", "folder", "prefix", "pattern"]
GROUPINGS: dict[GroupBy, str] = {
    "none": "Each image by itself",
    "folder": "Images of a folder together",
    "prefix": "Same name before the last _ together",
    "pattern": "Same text matched by a pattern together",
}
"""How images are grouped, for the user."""


class SplitError(UserError):
    """Images cannot be divided into splits as asked."""

    code = "split"


def group_name(by: GroupBy, pattern: str = "") -> Callable[[ImageKey], str]:
    """Returns the function that gives the name of the group of an image; "": it is alone.

    Args:
        by: What to group by.
        pattern: A regular expression that is searched for in the path of the image: what its first group
            matches, or all of it, names the group.

    Raises:
        SplitError: The pattern is none.
    """
    if by == "folder":
        return lambda key: str(PurePosixPath(key).parent)
    if by == "prefix":
        return _prefix
    if by == "none":
        return lambda _key: ""
    try:
        expression = re.compile(pattern)
    except re.error as error:
        raise SplitError(f"The pattern {pattern!r} is not a regular expression: {error}.") from error
    if not pattern:
        raise SplitError("There is no pattern to group by.", next="Enter a regular expression.")

    def matched(key: ImageKey) -> str:
        found = expression.search(key)
        return "" if found is None else (found[1] if expression.groups else found[0]) or ""

    return matched


def _prefix(key: ImageKey) -> str:
    path = PurePosixPath(key)
    return str(path.parent / (path.stem.rpartition("_")[0] or path.stem))


def groups_of(
    keys: Sequence[ImageKey], name: Callable[[ImageKey], str], alike: Iterable[Sequence[ImageKey]] = ()
) -> list[list[ImageKey]]:
    """Returns the groups of images: those of one name, and those that are alike, and all these together.

    Args:
        keys: All images.
        name: Of ``group_name``.
        alike: Groups of near-duplicates.
    """
    parent: dict[ImageKey, ImageKey] = {key: key for key in keys}

    def root(key: ImageKey) -> ImageKey:
        while parent[key] != key:
            parent[key] = parent[parent[key]]
            key = parent[key]
        return key

    first: dict[str, ImageKey] = {}
    for key in keys:
        group = name(key)
        if group:
            parent[root(key)] = root(first.setdefault(group, key))
    for members in alike:
        for key in members[1:]:
            parent[root(key)] = root(members[0])
    found: dict[ImageKey, list[ImageKey]] = {}
    for key in keys:
        found.setdefault(root(key), []).append(key)
    return list(found.values())
