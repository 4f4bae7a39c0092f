"""A small format for the tests of exports: a line for each annotation, a text file for each image."""

from __future__ import annotations

from collections.abc import Iterable

from samdesk.domain.geometry import regions
from samdesk.formats.base import (
    EncodedImage,
    Format,
    FormatOption,
    ImageRecord,
    WritableFolder,
    WriteContext,
    Writer,
    WrittenInstance,
)


def encode(record: ImageRecord, context: WriteContext) -> EncodedImage:
    """Lines of class id and bounds; the IoU is that of the region and its bounds."""
    lines, instances = [], []
    for found in record.instances:
        box = found.region.bounds
        lines.append(f"{context.names.index(found.label)} {' '.join(f'{value:g}' for value in box)}")
        iou = regions.iou(found.region, regions.from_box(*box))
        instances.append(
            WrittenInstance(found.annotation_id, found.label, iou=iou, box=box, area=found.region.area)
        )
    return EncodedImage(record, "\n".join(lines), tuple(instances))


def assemble(images: Iterable[EncodedImage], context: WriteContext, folder: WritableFolder) -> None:
    """A text file beside each image, and the names of all classes."""
    for image in images:
        folder.write(f"{image.record.name.rpartition('.')[0]}.txt", image.payload.encode())
    folder.write("names.txt", "\n".join(context.names).encode())


def image_path(record: ImageRecord) -> str:
    """A folder for each split."""
    return f"{record.split or 'images'}/{record.name}"


SMALL = Format(
    "small",
    "Small",
    "image",
    (".txt",),
    lambda _name, _head: False,
    write=Writer(encode, assemble, image_path),
    options=(FormatOption("digits", "Digits", {"few": "few", "many": "many"}),),
)
