"""Boxes as lines, ``image,width,height,label,x0,y0,x1,y1``: an example of a format in a package of its own.

Install it with ``pip install ./samdesk-box-lines``; ``samdesk formats`` lists it then.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace

from samdesk.domain.geometry import regions
from samdesk.formats.base import (
    EncodedImage,
    Format,
    ImageRecord,
    InstanceRecord,
    Loss,
    ReadableFiles,
    ReadItem,
    ReadProblem,
    WritableFolder,
    WriteContext,
    Writer,
    WrittenInstance,
)

HEAD = "# box lines"


def recognise(name: str, head: bytes) -> bool:
    """By the first line."""
    return name.endswith(".boxes") and head.startswith(HEAD.encode())


def read(files: ReadableFiles) -> Iterator[ReadItem]:
    """One record an image. What cannot be read is a problem, never an error."""
    for name in files.names:
        try:
            lines = files.read(name).decode("utf-8").splitlines()
        except OSError as error:
            yield ReadProblem(name, "", error.strerror or "it cannot be read")
            continue
        except UnicodeDecodeError:
            yield ReadProblem(name, "", "it is not UTF-8 text")
            continue
        images: dict[str, ImageRecord] = {}
        for number, line in enumerate(lines[1:], start=2):
            try:
                image, width, height, label, *box = line.rsplit(",", 7)
                size = int(width), int(height)
                x0, y0, x1, y1 = (float(value) for value in box)
                region = regions.clip(regions.from_box(x0, y0, x1, y1), *size)
            except ValueError:
                yield ReadProblem(name, f"line {number}", "it is not image,width,height,label,x0,y0,x1,y1")
                continue
            if not image or not label or not regions.is_drawable(region):
                yield ReadProblem(name, f"line {number}", "it has no image, no label or no area")
                continue
            record = images.get(image, ImageRecord(image, *size, file=name))
            instance = InstanceRecord(label, region, f"line {number}", "box")
            images[image] = replace(record, instances=(*record.instances, instance))
        yield from images.values()


def encode(record: ImageRecord, _: WriteContext) -> EncodedImage:
    """The lines of an image, and what became of each instance."""
    lines, outcomes = [], []
    for instance in record.instances:
        x0, y0, x1, y1 = box = instance.region.bounds
        label = instance.label.replace(",", " ").replace("\n", " ")
        lines.append(f"{record.name},{record.width},{record.height},{label},{x0:g},{y0:g},{x1:g},{y1:g}\n")
        loss = Loss("box", "only the box of the region is kept")
        area = instance.region.area
        outcomes.append(
            WrittenInstance(instance.annotation_id, instance.label, losses=(loss,), box=box, area=area)
        )
    return EncodedImage(replace(record, instances=()), "".join(lines), tuple(outcomes))


def assemble(images: Iterable[EncodedImage], _: WriteContext, folder: WritableFolder) -> None:
    """One file, an image at a time."""
    with folder.open("all.boxes") as out:
        out.write(f"{HEAD}\n".encode())
        for image in images:
            out.write(image.payload.encode("utf-8", "replace"))


FORMAT = Format(
    id="box-lines",
    title="Box lines",
    scope="dataset",
    suffixes=(".boxes",),
    recognise=recognise,
    read=read,
    write=Writer(encode, assemble, lambda record: f"images/{record.name}"),
)
