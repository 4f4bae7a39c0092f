"""Masks as PNGs: one an image, indexed by class, or one an instance.

``masks-indexed``: ``masks/a.png`` has at each pixel 0 or the number of a class, counted from 1. Read, each
8-connected part of a class is an instance. Grey and coloured masks of other programs are read too.

``masks-instances``: the folder ``masks/a/`` has a PNG of 0 and 255 for each instance (``0001.png``), and
``instances.json``: ``{"image", "width", "height", "instances": [{"file", "label", "score", "note",
"attributes"}]}``, so that names, scores and overlaps survive.

Both: ``labels.json`` has the classes, ``[{"id", "name", "color"}]``; ``train.txt`` and so on list the images.
"""

from __future__ import annotations

import io
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from PIL import Image

from samdesk.base.errors import reason
from samdesk.base.json_file import JsonError, parse, to_bytes
from samdesk.domain.split import SPLITS, Split
from samdesk.formats.base import (
    DeclaredLabels,
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
from samdesk.formats.rasters import png
from samdesk.formats.reading import values
from samdesk.formats.shapes import masks

_MASKS, _LABELS, _INDEX = "masks", "labels.json", "instances.json"
_VOID = 255
_MOST_PARTS = 3_000
_MOST_LIST = 64 << 20


def image_path(record: ImageRecord) -> str:
    """``images/a.jpg``."""
    return f"images/{record.name}"


@dataclass(frozen=True)
class _Classes:
    """The classes of a folder of masks."""

    names: tuple[str, ...] = ()
    colors: tuple[str, ...] = ()

    def name(self, label: int, is_color: bool) -> str:
        """The class of a pixel's value."""
        if is_color:
            color = f"#{label:06x}"
            return self.names[self.colors.index(color)] if color in self.colors else color
        return self.names[label - 1] if label <= len(self.names) else f"class {label}"


def _root(name: str) -> str:
    """The folder that the masks' folder is in, with a slash."""
    before, found, _ = f"/{name}".rpartition(f"/{_MASKS}/")
    return f"{before[1:]}/" if found and before else ""


class _MaskFolder:
    """The files about all images."""

    def __init__(self, files: ReadableFiles, root: str) -> None:
        self.classes = _Classes()
        self.problem: ReadProblem | None = None
        try:
            self.classes = _classes(parse(files.read(f"{root}{_LABELS}")))
        except FileNotFoundError:
            pass
        except OSError as error:
            self.problem = ReadProblem(f"{root}{_LABELS}", "", reason(error))
        except JsonError as error:
            self.problem = ReadProblem(f"{root}{_LABELS}", "", str(error))
        self.splits: dict[str, Split] = {}
        for split in SPLITS:
            try:
                text = files.read(f"{root}{split}.txt", _MOST_LIST).decode("utf-8", "replace")
            except OSError:
                continue
            self.splits.update((_stem(line.removeprefix("images/")), split) for line in text.splitlines())


def _stem(name: str) -> str:
    return PurePosixPath(name).with_suffix("").as_posix() if name.strip("./ ") else ""


def _classes(rows: Any) -> _Classes:
    """Raises ``JsonError``."""
    found = rows if isinstance(rows, list) and len(rows) <= png.MOST_LABELS else None
    if found is None or not all(isinstance(row, dict) and values.text_of(row.get("name")) for row in found):
        raise JsonError("it is no list of classes with names")
    colors = tuple(values.text_of(row.get("color")).lower() for row in found)
    return _Classes(tuple(values.text_of(row["name"]) for row in found), colors if all(colors) else ())


def _write_shared(context: WriteContext, folder: WritableFolder, lists: dict[str, list[str]]) -> None:
    colors = context.colors or tuple(
        "#" + bytes(color).hex() for color in png.palette_of(())[1 : len(context.names) + 1].tolist()
    )
    rows = [
        {"id": number, "name": name, "color": colors[number - 1] if number <= len(colors) else ""}
        for number, name in enumerate(context.names, start=1)
    ]
    folder.write(_LABELS, to_bytes(rows, indent=1))
    for split, names in lists.items():
        folder.write(f"{split}.txt", "".join(f"images/{n}\n" for n in names).encode("utf-8", "replace"))


def _base(record: ImageRecord, used: set[str]) -> str:
    """The mask's path without suffix; a.jpg and a.png have different ones."""
    base = _stem(record.name)
    base = record.name if base in used else base
    used.add(base)
    return base


# -- one an image


def read_indexed(files: ReadableFiles) -> Iterator[ReadItem]:
    """Yields the parts of each class; see ``samdesk.formats.base.Reader``."""
    folders: dict[str, _MaskFolder] = {}
    for name in files.names:
        root = _root(name)
        if root not in folders:
            folders[root] = folder = _MaskFolder(files, root)
            yield from _declared(folder, root)
        try:
            yield _indexed(files, name, folders[root])
        except OSError as error:
            yield ReadProblem(name, "", reason(error))
        except ValueError as error:
            yield ReadProblem(name, "", str(error))


def _declared(folder: _MaskFolder, root: str) -> Iterator[ReadItem]:
    if folder.problem:
        yield folder.problem
    if folder.classes.names:
        yield DeclaredLabels(folder.classes.names, folder.classes.colors, f"{root}{_LABELS}")


def _indexed(files: ReadableFiles, name: str, folder: _MaskFolder) -> ImageRecord:
    labels, is_color = png.labels_of(files.raster(name))
    void = () if is_color or len(folder.classes.names) >= _VOID else (_VOID,)
    instances: list[InstanceRecord] = []
    for label in png.present(labels, (0, *void), 1_000):
        for mask, x, y in png.components(labels == label, _MOST_PARTS):
            if len(instances) >= _MOST_PARTS:
                raise ValueError(f"it has more than {_MOST_PARTS:,} parts: it is no mask")
            region = masks.from_mask(mask, x, y)
            record = f"value {label}"
            instances.append(InstanceRecord(folder.classes.name(label, is_color), region, record, "mask"))
    root = _root(name)
    inner = name[len(root) :].removeprefix(f"{_MASKS}/")
    image = _stem(inner)
    height, width = labels.shape
    return ImageRecord(image, width, height, tuple(instances), folder.splits.get(image), file=name)


def recognise_indexed(name: str, head: bytes) -> bool:
    """Whether a file is an indexed PNG, or a grey one in a folder of masks."""
    if not name.lower().endswith(".png") or not head.startswith(b"\x89PNG\r\n\x1a\n") or len(head) < 26:
        return False
    folders = {part.lower() for part in PurePosixPath(name).parts[:-1]}
    return head[25] == 3 or (head[25] == 0 and bool(folders & {"masks", "labels", "annotations", "gt"}))


@dataclass(frozen=True)
class IndexedMask:
    """The PNG of an image."""

    data: bytes


def encode_indexed(record: ImageRecord, context: WriteContext) -> EncodedImage:
    """Paints the classes; see ``samdesk.formats.base.Writer``."""
    order = png.order_of(record)
    ids = {name: number for number, name in enumerate(context.names, start=1)}
    many = len(context.names) > 254
    table = np.zeros(len(record.instances) + 1, dtype=np.uint16 if many else np.uint8)
    for number, instance in enumerate(record.instances, start=1):
        table[number] = ids[instance.label]
    palette = None if many else png.palette_of(context.colors)
    outcomes = tuple(
        _with_losses(o, i)
        for o, i in zip(png.outcomes(record, order, parts=True), record.instances, strict=True)
    )
    return EncodedImage(
        replace(record, instances=()), IndexedMask(png.to_png(table[order], palette)), outcomes
    )


def _with_losses(outcome: WrittenInstance, instance: InstanceRecord) -> WrittenInstance:
    known = instance.score is not None or instance.note or instance.attributes
    return replace(outcome, losses=(*outcome.losses, Loss("attributes"))) if known else outcome


def assemble_indexed(images: Iterable[EncodedImage], context: WriteContext, folder: WritableFolder) -> None:
    """Writes a PNG an image, and the classes."""
    lists: dict[str, list[str]] = {split: [] for split in context.splits}
    used: set[str] = set()
    for encoded in images:
        payload = encoded.payload
        assert isinstance(payload, IndexedMask)
        folder.write(f"{_MASKS}/{_base(encoded.record, used)}.png", payload.data)
        if encoded.record.split:
            lists.setdefault(encoded.record.split, []).append(encoded.record.name)
    _write_shared(context, folder, lists)


# -- one an instance


def read_instances(files: ReadableFiles) -> Iterator[ReadItem]:
    """Yields the instances of each image; see ``samdesk.formats.base.Reader``."""
    folders: dict[str, _MaskFolder] = {}
    for name in files.names:
        root = _root(name)
        if root not in folders:
            folders[root] = folder = _MaskFolder(files, root)
            yield from _declared(folder, root)
        try:
            value = parse(files.read(name))
        except OSError as error:
            yield ReadProblem(name, "", reason(error))
        except JsonError as error:
            yield ReadProblem(name, "", str(error))
        else:
            yield from _instances(files, name, value, folders[root])


def _instances(files: ReadableFiles, name: str, value: Any, folder: _MaskFolder) -> Iterator[ReadItem]:
    rows = value.get("instances") if isinstance(value, dict) else None
    image = values.text_of(value.get("image")).replace("\\", "/") if isinstance(value, dict) else ""
    if not isinstance(rows, list) or not image:
        yield ReadProblem(name, "", "it has no image or no instances")
        return
    width, height = values.integer_of(value.get("width")), values.integer_of(value.get("height"))
    size = (width, height) if width and height and width > 0 and height > 0 else files.image_size(image)
    if size is None:
        yield ReadProblem(name, "", f"the size of {image} is not known: there is no such image")
        return
    instances = []
    for number, row in enumerate(rows):
        try:
            instances.append(_single(files, PurePosixPath(name).parent, row, f"instances[{number}]", size))
        except OSError as error:
            yield ReadProblem(name, f"instances[{number}]", reason(error))
        except ValueError as error:
            yield ReadProblem(name, f"instances[{number}]", str(error))
    yield ImageRecord(image, *size, tuple(instances), folder.splits.get(_stem(image)), file=name)


def _single(
    files: ReadableFiles, parent: PurePosixPath, row: Any, record: str, size: tuple[int, int]
) -> InstanceRecord:
    if not isinstance(row, dict):
        raise ValueError("it is no object")
    label = values.text_of(row.get("label")).strip()
    file = row.get("file")
    if not label or not isinstance(file, str) or PurePosixPath(file).name != file:
        raise ValueError("it has no label, or no file beside it")
    labels, _ = png.labels_of(files.raster((parent / file).as_posix()))
    if labels.shape != (size[1], size[0]):
        raise ValueError(
            f"its mask is {labels.shape[1]} x {labels.shape[0]} pixels, its image {size[0]} x {size[1]}"
        )
    extra = row.get("attributes")
    return InstanceRecord(
        label,
        masks.from_mask(labels != 0),
        record,
        "mask",
        values.score_of(row.get("score")),
        None,
        values.text_of(row.get("note")),
        values.attributes_of(extra.items()) if isinstance(extra, dict) else (),
    )


def recognise_instances(name: str, head: bytes) -> bool:
    """Whether a file is the index of an image's masks."""
    return PurePosixPath(name).name == _INDEX and b'"image"' in head and b'"instances"' in head


@dataclass(frozen=True)
class InstanceMasks:
    """The PNGs of an image, and what its index says of each."""

    pngs: tuple[bytes, ...]
    rows: tuple[dict[str, Any], ...]


def encode_instances(record: ImageRecord, _: WriteContext) -> EncodedImage:
    """Paints each instance; see ``samdesk.formats.base.Writer``."""
    pngs: list[bytes] = []
    rows: list[dict[str, Any]] = []
    outcomes = []
    for instance, shape in zip(record.instances, png.painted(record), strict=True):
        region = instance.region
        outcome = WrittenInstance(
            instance.annotation_id, instance.label, True, 1.0, (), region.bounds, region.area
        )
        if not shape.mask.any():
            outcomes.append(replace(outcome, written=False, iou=None, losses=(Loss("empty"),)))
            continue
        values_ = np.zeros((record.height, record.width), dtype=np.uint8)
        shape.of(values_)[shape.mask] = 255
        buffer = io.BytesIO()
        Image.fromarray(values_).convert("1").save(buffer, "PNG")
        pngs.append(buffer.getvalue())
        row: dict[str, Any] = {"file": f"{len(pngs):04}.png", "label": instance.label}
        if instance.score is not None:
            row["score"] = instance.score
        if instance.note:
            row["note"] = instance.note
        if instance.written_attributes:
            row["attributes"] = dict(instance.written_attributes)
        rows.append(row)
        outcomes.append(outcome)
    payload = InstanceMasks(tuple(pngs), tuple(rows))
    return EncodedImage(replace(record, instances=()), payload, tuple(outcomes))


def assemble_instances(images: Iterable[EncodedImage], context: WriteContext, folder: WritableFolder) -> None:
    """Writes the PNGs and the index of each image, and the classes."""
    lists: dict[str, list[str]] = {split: [] for split in context.splits}
    used: set[str] = set()
    for encoded in images:
        payload, record = encoded.payload, encoded.record
        assert isinstance(payload, InstanceMasks)
        place = f"{_MASKS}/{_base(record, used)}"
        for row, data in zip(payload.rows, payload.pngs, strict=True):
            folder.write(f"{place}/{row['file']}", data)
        size = {"width": record.width, "height": record.height}
        index = {"image": record.name, **size, "instances": list(payload.rows)}
        folder.write(f"{place}/{_INDEX}", to_bytes(index, indent=1))
        if record.split:
            lists.setdefault(record.split, []).append(record.name)
    _write_shared(context, folder, lists)


INDEXED = Format(
    id="masks-indexed",
    title="Class masks (indexed PNG)",
    scope="raster",
    suffixes=(".png",),
    recognise=recognise_indexed,
    read=read_indexed,
    write=Writer(encode_indexed, assemble_indexed, image_path),
    carries=frozenset(("holes", "splits", "unused classes", "colours")),
)

INSTANCES = Format(
    id="masks-instances",
    title="Instance masks (one PNG each)",
    scope="image",
    suffixes=(".json",),
    recognise=recognise_instances,
    read=read_instances,
    write=Writer(encode_instances, assemble_instances, image_path),
    carries=frozenset(
        (
            "holes",
            "parts",
            "scores",
            "attributes",
            "notes",
            "crowds",
            "splits",
            "tracks",
            "unused classes",
            "colours",
        )
    ),
    rank=1,
)
