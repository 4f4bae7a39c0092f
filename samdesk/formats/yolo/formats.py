"""The rows of the three YOLO formats for the registry."""

from __future__ import annotations

from samdesk.formats.base import Format
from samdesk.formats.yolo import read_files, written_files

_SUFFIXES = (".txt",)

SEGMENTATION = Format(
    id="yolo-seg",
    title="YOLO segmentation",
    scope="image",
    suffixes=_SUFFIXES,
    recognise=read_files.is_segmentation,
    read=read_files.reader(),
    write=written_files.SEGMENTATION_WRITER,
    carries=frozenset({"holes", "parts", "splits"}),
    rank=1,
)
DETECTION = Format(
    id="yolo-det",
    title="YOLO detection",
    scope="image",
    suffixes=_SUFFIXES,
    recognise=read_files.is_detection,
    read=read_files.reader(),
    write=written_files.DETECTION_WRITER,
    carries=frozenset({"splits"}),
)
ORIENTED = Format(
    id="yolo-obb",
    title="YOLO oriented boxes",
    scope="image",
    suffixes=_SUFFIXES,
    recognise=read_files.is_oriented,
    read=read_files.reader(oriented=True),
    write=written_files.ORIENTED_WRITER,
    carries=frozenset({"splits"}),
)
