"""COCO instances: polygons and RLE, crowds, one file for each split."""

from __future__ import annotations

from samdesk.formats.base import Format, FormatOption, Writer
from samdesk.formats.coco.reader import read
from samdesk.formats.coco.writer import AUTO, MASKS, POLYGONS, RLE, assemble, encode, image_path

_LISTS = (
    (b'"images"', (b'"file_name"',)),
    (b'"annotations"', (b'"image_id"', b'"category_id"')),
    (b'"categories"', (b'"supercategory"',)),
)
"""The lists of a file, and words that their elements have."""


def recognise(name: str, head: bytes) -> bool:
    """Whether a file is one of COCO instances, by its first 64 KiB."""
    if not name.lower().endswith(".json") or not head.lstrip(b"\xef\xbb\xbf \t\r\n").startswith(b"{"):
        return False
    keys = (b'"annotations"', b'"images"', b'"categories"')
    if sum(key in head for key in keys) >= 2:
        return True
    # A large file has one of its lists at the beginning, and the others far beyond.
    return any(key in head and all(word in head for word in words) for key, words in _LISTS)


FORMAT = Format(
    id="coco",
    title="COCO instances",
    scope="dataset",
    suffixes=(".json",),
    recognise=recognise,
    read=read,
    write=Writer(encode, assemble, image_path),
    carries=frozenset(
        ("holes", "parts", "scores", "attributes", "notes", "crowds", "splits", "tracks", "unused classes")
    ),
    options=(
        FormatOption(
            MASKS,
            "Masks",
            {
                AUTO: "Polygons; RLE for instances with holes and for crowds",
                POLYGONS: "Polygons; holes are joined to the outline by bridges",
                RLE: "RLE: the pixels of each instance",
            },
        ),
    ),
)
