"""labelme's JSON. What it shares with X-AnyLabeling's: ``shape_files``."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from samdesk.formats.base import (
    EncodedImage,
    Format,
    FormatOption,
    ImageRecord,
    ReadableFiles,
    ReadItem,
    WriteContext,
    Writer,
)
from samdesk.formats.json_formats import document, shape_files
from samdesk.formats.json_formats.shape_files import Dialect

_DIALECT = Dialect(
    version="5.5.0",
    checked=False,
    four_corners=False,
    rotated_box="oriented_rectangle",
    masks=True,
    fields={},
)


def read(files: ReadableFiles) -> Iterator[ReadItem]:
    """Reads the files. The size of the image is what the file says, else the image's."""
    return document.each_file(files, _read_file)


def _read_file(files: ReadableFiles, name: str, value: Any) -> Iterator[ReadItem]:
    return shape_files.read_file(files, name, value)


def encode(record: ImageRecord, context: WriteContext) -> EncodedImage:
    """The file of one image."""
    return shape_files.encode(record, context, _DIALECT)


def recognise(name: str, head: bytes) -> bool:
    """Whether a file is labelme's, or of a program with the same fields."""
    return (
        name.lower().endswith(".json")
        and b'"shapes"' in head
        and (b'"shape_type"' in head or b'"imagePath"' in head or b'"flags"' in head)
    )


FORMAT = Format(
    id="labelme",
    title="labelme",
    scope="image",
    suffixes=(".json",),
    recognise=recognise,
    read=read,
    write=Writer(encode, shape_files.assemble, shape_files.image_path),
    carries=frozenset({"holes", "parts", "scores", "notes", "attributes", "review", "tracks"}),
    options=(
        FormatOption(
            "holes",
            "Holes",
            {
                "bridge": "Polygons: a hole is joined to its outline by a bridge",
                "mask": "Masks of pixels for annotations with holes (labelme 5.3 and later)",
            },
        ),
    ),
)
