"""X-AnyLabeling's JSON (and AnyLabeling's). What it shares with labelme's: ``shape_files``."""

from __future__ import annotations

from collections.abc import Iterator

from samdesk.formats.base import (
    EncodedImage,
    Format,
    ImageRecord,
    ReadableFiles,
    ReadItem,
    WriteContext,
    Writer,
)
from samdesk.formats.json_formats import document, shape_files
from samdesk.formats.json_formats.shape_files import Dialect

_DIALECT = Dialect(
    version="4.2.1",
    checked=True,
    four_corners=True,
    rotated_box="rotation",
    masks=False,
    fields={"score": None, "difficult": False, "attributes": {}, "kie_linking": []},
)


def read(files: ReadableFiles) -> Iterator[ReadItem]:
    """Reads the files. The size of the image is what the file says, else the image's."""
    return document.each_file(files, shape_files.read_file)


def encode(record: ImageRecord, context: WriteContext) -> EncodedImage:
    """The file of one image."""
    return shape_files.encode(record, context, _DIALECT)


def recognise(name: str, head: bytes) -> bool:
    """Whether a file has fields that X-AnyLabeling writes and labelme does not."""
    is_like = name.lower().endswith(".json") and b'"shapes"' in head
    return is_like and (b'"kie_linking"' in head or b'"checked"' in head or b'"difficult"' in head)


FORMAT = Format(
    id="xanylabeling",
    title="X-AnyLabeling",
    scope="image",
    suffixes=(".json",),
    recognise=recognise,
    read=read,
    write=Writer(encode, shape_files.assemble, shape_files.image_path),
    carries=frozenset({"parts", "scores", "notes", "attributes", "review", "accepted", "tracks"}),
    rank=1,
)
