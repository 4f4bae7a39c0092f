"""Pascal VOC: ``Annotations/a.xml`` with boxes, and the masks of the instances and classes beside them.

``SegmentationObject/a.png`` has at each pixel the number of the object in its XML file, counted from 1,
``SegmentationClass/a.png`` that of its class; 255 is void. ``ImageSets/Main/train.txt`` lists the images of a
split, and ``labelmap.txt`` the classes with their colours, as CVAT and Datumaro write it. Coordinates of
boxes are those of the edges, as in files of LabelImg and CVAT; the original counts pixels from 1.
Facts: http://host.robots.ox.ac.uk/pascal/VOC/voc2012/htmldoc/devkit_doc.html, https://docs.cvat.ai
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any
from xml.sax.saxutils import escape

import numpy as np
from numpy.typing import NDArray

from samdesk.base.errors import reason
from samdesk.domain.annotation import CROWD, AttributeValue
from samdesk.domain.geometry.types import Region
from samdesk.domain.split import SPLITS, Split
from samdesk.formats.base import (
    DeclaredLabels,
    EncodedImage,
    Format,
    FormatOption,
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
from samdesk.formats.reading.xml_stream import Node, XmlError, children
from samdesk.formats.shapes import convert, masks

MASKS = "masks"
WITH_MASKS, BOXES = "masks", "boxes"
VOID = 255

_ANNOTATIONS, _IMAGES = "Annotations", "JPEGImages"
_OBJECTS, _CLASSES = "SegmentationObject", "SegmentationClass"
_FLAGS = ("difficult", "truncated", "occluded")
_CONTROL = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")
_MOST_LIST = 64 << 20


def read(files: ReadableFiles) -> Iterator[ReadItem]:
    """Yields what VOC's files hold; see ``samdesk.formats.base.Reader``."""
    splits: dict[str, dict[str, Split]] = {}
    for name in files.names:
        root, base = _place(name)
        if root not in splits:
            splits[root] = _splits(files, root)
            yield from _label_map(files, root)
        try:
            with files.open(name) as file:
                nodes = list(children(file, ("annotation",)))
        except OSError as error:
            yield ReadProblem(name, "", reason(error))
        except XmlError as error:
            yield ReadProblem(name, "", str(error))
        else:
            yield from _image(files, name, Node("annotation", {}, 1, nodes), splits[root].get(base))


def _place(name: str) -> tuple[str, str]:
    """The folder that ``Annotations`` is in, with a slash, and the path of an XML file without suffix."""
    before, found, after = f"/{name}".rpartition(f"/{_ANNOTATIONS}/")
    root = f"{before[1:]}/" if found and before else ""
    return root, PurePosixPath(after if found else name).with_suffix("").as_posix()


def _splits(files: ReadableFiles, root: str) -> dict[str, Split]:
    found: dict[str, Split] = {}
    for split in SPLITS:
        for kind in ("Segmentation", "Main"):
            text = _text_of(files, f"{root}ImageSets/{kind}/{split}.txt")
            found.update((line.strip(), split) for line in text.splitlines() if line.strip())
    return found


def _label_map(files: ReadableFiles, root: str) -> Iterator[DeclaredLabels]:
    """The lines ``name:r,g,b:parts:actions``."""
    rows = []
    for line in _text_of(files, f"{root}labelmap.txt").splitlines()[: png.MOST_LABELS]:
        name, _, rest = line.partition(":")
        name = values.text_of(name).strip()
        if name and not name.startswith("#") and name != "background":
            numbers = [int(v) for v in rest.split(":")[0].split(",") if v.strip().isdecimal() and len(v) < 5]
            is_color = len(numbers) == 3 and max(numbers) < 256
            rows.append((name, "#" + bytes(numbers).hex() if is_color else ""))
    if rows:
        colors = tuple(color for _, color in rows)
        yield DeclaredLabels(
            tuple(name for name, _ in rows), colors if all(colors) else (), f"{root}labelmap.txt"
        )


def _text_of(files: ReadableFiles, name: str) -> str:
    """The text of a file that may be missing."""
    try:
        return files.read(name, _MOST_LIST).decode("utf-8", "replace")
    except OSError:
        return ""


def _image(files: ReadableFiles, name: str, root: Node, split: Split | None) -> Iterator[ReadItem]:
    place, base = _place(name)
    image = values.text_of(root.text_of("filename")).replace("\\", "/") or base
    if "/" in base and "/" not in image:
        image = f"{base.rpartition('/')[0]}/{image}"
    size = _size(root.child("size")) or files.image_size(image)
    if size is None:
        yield ReadProblem(name, "", f"the size of {image} is not known: there is no such image")
        return
    objects = root.all("object")
    regions_of: dict[int, Region] = {}
    if objects:
        try:
            regions_of = _object_masks(files, f"{place}{_OBJECTS}/{base}.png", size, len(objects))
        except ValueError as error:
            yield ReadProblem(f"{place}{_OBJECTS}/{base}.png", "", str(error))
    instances = []
    for number, node in enumerate(objects, start=1):
        try:
            instances.append(_instance(node, regions_of.get(number), size, f"object {number}"))
        except ValueError as error:
            yield ReadProblem(name, f"object {number}", str(error))
    yield ImageRecord(image, *size, tuple(instances), split, file=name)


def _size(node: Node | None) -> tuple[int, int] | None:
    found = [_number(node.text_of(tag)) for tag in ("width", "height")] if node else []
    sizes = [int(v) for v in found if v is not None and 0 < v <= 1 << 20]
    return (sizes[0], sizes[1]) if len(sizes) == 2 else None


def _object_masks(files: ReadableFiles, name: str, size: tuple[int, int], count: int) -> dict[int, Region]:
    """The region of each object, by its number. Raises ``ValueError`` with words for the user."""
    try:
        raster = files.raster(name)
    except FileNotFoundError:
        return {}
    except OSError as error:
        if not name:
            raise
        raise ValueError(reason(error)) from error
    labels, is_color = png.labels_of(raster)
    if labels.shape != (size[1], size[0]):
        raise ValueError(
            f"it has {labels.shape[1]} x {labels.shape[0]} pixels, its image {size[0]} x {size[1]}"
        )
    if is_color:  # a palette that was lost
        palette = png.voc_palette().astype(np.int64)
        codes = (palette[:, 0] << 16) | (palette[:, 1] << 8) | palette[:, 2]
        order = np.argsort(codes)
        at = np.clip(np.searchsorted(codes[order], labels), 0, 255)
        labels = np.where(codes[order][at] == labels, order[at], VOID)
    found = [n for n in png.present(labels, (0, VOID), png.MOST_LABELS) if n <= count]
    return {number: masks.from_mask(labels == number) for number in found}


def _instance(node: Node, mask: Region | None, size: tuple[int, int], record: str) -> InstanceRecord:
    label = values.text_of(node.text_of("name")).strip()
    if not label:
        raise ValueError("it has no name")
    box = node.child("bndbox")
    region = mask
    if region is None:
        found = [_number(box.text_of(tag)) for tag in ("xmin", "ymin", "xmax", "ymax")] if box else []
        numbers = [n for n in found if n is not None]
        if len(numbers) != 4:
            raise ValueError("it has no bndbox of four numbers")
        region = convert.on_image(convert.box(*numbers), *size)
    extra = node.child("attributes")
    kept: dict[str, Any] = {n.text_of("name"): n.text_of("value") for n in extra.children} if extra else {}
    note = values.text_of(kept.pop("note", ""))
    score = values.score_of(_number(kept.pop("score", "")))
    if kept.get(CROWD) == "true":
        kept[CROWD] = True
    for flag in _FLAGS:
        if node.text_of(flag) == "1":
            kept[flag] = True
    if node.text_of("pose") not in ("", "Unspecified"):
        kept["pose"] = node.text_of("pose")
    shape = "box" if mask is None else "mask"
    attributes = values.attributes_of(kept.items())
    return InstanceRecord(label, region, record, shape, score, None, note, attributes)  # type: ignore[arg-type]


def _number(text: str) -> float | None:
    try:
        return values.number_of(float(text))
    except ValueError:
        return None


def recognise(name: str, head: bytes) -> bool:
    """Whether a file is an annotation of Pascal VOC, by its first 64 KiB."""
    return name.lower().endswith(".xml") and b"<annotation>" in head.replace(b"<annotation ", b"<annotation>")


# -- writing


@dataclass(frozen=True)
class VocImage:
    """An image as it is written: the objects of its XML file, and its two label images; b"": none."""

    objects: str
    classes: bytes
    numbers: bytes


def image_path(record: ImageRecord) -> str:
    """``JPEGImages/a.jpg``."""
    return f"{_IMAGES}/{record.name}"


def encode(record: ImageRecord, context: WriteContext) -> EncodedImage:
    """Makes the objects and label images; see ``samdesk.formats.base.Writer``."""
    bare = replace(record, instances=())
    if context.options.get(MASKS, WITH_MASKS) == BOXES:
        outcomes = tuple(
            WrittenInstance(
                i.annotation_id,
                i.label,
                True,
                None,
                (Loss("box"),),
                i.region.bounds,
                i.region.area,
            )
            for i in record.instances
        )
        objects = "".join(_object(instance, instance.region.bounds) for instance in record.instances)
        return EncodedImage(bare, VocImage(objects, b"", b""), outcomes)
    order = png.order_of(replace(record, instances=record.instances[: VOID - 1]))
    results = list(png.outcomes(replace(record, instances=record.instances[: VOID - 1]), order, parts=False))
    # One that is hidden, or has no number left, still has its box.
    results = [o if o.written else replace(o, written=True, losses=(*o.losses, Loss("box"))) for o in results]
    for i in record.instances[VOID - 1 :]:
        losses = (Loss("box", "a mask of VOC has at most 254 objects"),)
        results.append(
            WrittenInstance(i.annotation_id, i.label, True, None, losses, i.region.bounds, i.region.area)
        )
    ids = {name: number for number, name in enumerate(context.names, start=1)}
    table = np.zeros(256, dtype=np.uint8)
    for number, instance in enumerate(record.instances[: VOID - 1], start=1):
        table[number] = min(ids[instance.label], VOID)
    numbers = order.astype(np.uint8)
    boxes = _visible(numbers)
    objects = "".join(
        _object(instance, boxes.get(number, instance.region.bounds))
        for number, instance in enumerate(record.instances, start=1)
    )
    palette = png.voc_palette()
    payload = VocImage(
        objects, png.to_png(table[numbers], _class_palette(context)), png.to_png(numbers, palette)
    )
    return EncodedImage(bare, payload, tuple(results))


def _class_palette(context: WriteContext) -> NDArray[np.uint8]:
    palette = png.palette_of(context.colors)
    palette[VOID] = (224, 224, 192)
    return palette


_Bounds = tuple[float, float, float, float]


def _visible(numbers: NDArray[np.uint8]) -> dict[int, _Bounds]:
    """The box of the pixels of each object: VOC's boxes are those of what is visible."""
    rows, columns = np.nonzero(numbers)
    found = numbers[rows, columns]
    least = np.full((256, 2), 1 << 30, dtype=np.int64)
    most = np.zeros((256, 2), dtype=np.int64)
    for axis, at in enumerate((columns, rows)):
        np.minimum.at(least[:, axis], found, at)
        np.maximum.at(most[:, axis], found, at + 1)
    ids = np.unique(found).tolist()
    return {n: (*map(float, least[n]), *map(float, most[n])) for n in ids}  # type: ignore[misc]


def _object(instance: InstanceRecord, bounds: _Bounds) -> str:
    attributes = dict(instance.written_attributes)
    x0, y0, x1, y1 = (repr(round(v, 2)) for v in bounds)
    flags = "".join(f"    <{flag}>{int(attributes.pop(flag, False) is True)}</{flag}>\n" for flag in _FLAGS)
    pose = _escaped(attributes.pop("pose", "Unspecified"))
    sides = (("xmin", x0), ("ymin", y0), ("xmax", x1), ("ymax", y1))
    box = "".join(f"      <{side}>{value}</{side}>\n" for side, value in sides)
    rest: dict[str, AttributeValue] = dict(attributes)
    if instance.score is not None:
        rest["score"] = repr(float(instance.score))
    if instance.note:
        rest["note"] = instance.note
    extra = "".join(
        f"      <attribute><name>{_escaped(name)}</name><value>{_escaped(value)}</value></attribute>\n"
        for name, value in rest.items()
    )
    extra = f"    <attributes>\n{extra}    </attributes>\n" if extra else ""
    name = _escaped(instance.label)
    return (
        f"  <object>\n    <name>{name}</name>\n    <pose>{pose}</pose>\n{flags}"
        f"    <bndbox>\n{box}    </bndbox>\n{extra}  </object>\n"
    )


def _escaped(value: AttributeValue) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return escape(_CONTROL.sub("\ufffd", text))


def assemble(images: Iterable[EncodedImage], context: WriteContext, folder: WritableFolder) -> None:
    """Writes the files of each image, the lists of the splits and the map of labels."""
    lists: dict[str, list[str]] = {split: [] for split in context.splits}
    masked: dict[str, list[str]] = {split: [] for split in context.splits}
    used: set[str] = set()
    for encoded in images:
        payload, record = encoded.payload, encoded.record
        assert isinstance(payload, VocImage)
        base = PurePosixPath(record.name).with_suffix("").as_posix()
        base = record.name if base in used else base  # a.jpg and a.png
        used.add(base)
        folder.write(f"{_ANNOTATIONS}/{base}.xml", _document(record, payload).encode())
        split = record.split or "default"
        lists.setdefault(split, []).append(base)
        if payload.numbers:
            masked.setdefault(split, []).append(base)
            folder.write(f"{_CLASSES}/{base}.png", payload.classes)
            folder.write(f"{_OBJECTS}/{base}.png", payload.numbers)
    for kind, found in (("Main", lists), ("Segmentation", masked)):
        for list_name, names in found.items():
            text = "".join(f"{name}\n" for name in names)
            folder.write(f"ImageSets/{kind}/{list_name}.txt", text.encode("utf-8", "replace"))
    palette = _class_palette(context)
    rows: Mapping[str, tuple[int, ...]] = {
        name: tuple(palette[min(n, VOID)].tolist()) for n, name in enumerate(context.names, 1)
    }
    lines = [f"{_one_line(name)}:{','.join(map(str, color))}::" for name, color in rows.items()]
    text = "\n".join(["# label:color_rgb:parts:actions", "background:0,0,0::", *lines]) + "\n"
    folder.write("labelmap.txt", text.encode("utf-8", "replace"))


def _one_line(name: str) -> str:
    return name.replace("\n", " ").replace(":", "\uff1a")


def _document(record: ImageRecord, payload: VocImage) -> str:
    size = f"    <width>{record.width}</width>\n    <height>{record.height}</height>\n    <depth>3</depth>\n"
    return (
        f"<annotation>\n  <folder>{_IMAGES}</folder>\n  <filename>{_escaped(record.name)}</filename>\n"
        f"  <size>\n{size}  </size>\n  <segmented>{int(bool(payload.numbers))}</segmented>\n"
        f"{payload.objects}</annotation>\n"
    )


FORMAT = Format(
    id="voc",
    title="Pascal VOC",
    scope="image",
    suffixes=(".xml",),
    recognise=recognise,
    read=read,
    write=Writer(encode, assemble, image_path),
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
    options=(
        FormatOption(
            MASKS,
            "Masks",
            {WITH_MASKS: "Boxes and masks of classes and instances", BOXES: "Boxes only"},
        ),
    ),
)
