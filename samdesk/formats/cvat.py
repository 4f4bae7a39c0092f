"""CVAT XML 1.1, for images and for videos: ``annotations.xml`` with the images beside it.

Read: boxes (also rotated), polygons, polylines, points, ellipses, cuboids, skeletons (the box around their
points), masks, tags (as attributes of the image), and the tracks of a video, whose images are
``frame_000000`` and so on. Facts: https://docs.cvat.ai/docs/other/xml_format (elements and attributes; a
mask's ``rle`` counts row by row within its box, from the background on).

Written: a polygon for an instance of one part without holes, else a mask, so that nothing is lost. The order
in the file is the painting order, and so is ``z_order``.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from typing import Any
from xml.sax.saxutils import escape, quoteattr

import numpy as np

from samdesk.base.errors import reason
from samdesk.domain.annotation import CROWD, Attributes, AttributeValue
from samdesk.domain.geometry import regions
from samdesk.domain.geometry.types import BoolArray, Region
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
    Shape,
    WritableFolder,
    WriteContext,
    Writer,
    WrittenInstance,
)
from samdesk.formats.reading import values
from samdesk.formats.reading.xml_stream import Node, XmlError, children
from samdesk.formats.shapes import convert, masks, rle, written

MASKS = "masks"
AUTO, POLYGONS, MASKS_ONLY = "auto", "polygons", "masks"

_OCCLUDED, _Z_ORDER, _SOURCE, _GROUP = "occluded", "z_order", "source", "group_id"
_PLAIN = (_OCCLUDED, _Z_ORDER, _SOURCE, _GROUP)
_SCORE, _NOTE = "score", "note"
_MOST_TRACKED = 1_000_000
"""Instances of the tracks of a video; they are kept in memory, as a track goes over many images."""
_MOST_MASK = 1 << 26
_COLOR = re.compile("#[0-9a-fA-F]{6}")
_CONTROL = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


# -- reading


def read(files: ReadableFiles) -> Iterator[ReadItem]:
    """Yields what CVAT's files hold; see ``samdesk.formats.base.Reader``."""
    for name in files.names:
        try:
            yield from _read_file(files, name)
        except OSError as error:
            yield ReadProblem(name, "", reason(error))


def _read_file(files: ReadableFiles, name: str) -> Iterator[ReadItem]:
    video = _Video(name, files)
    with files.open(name) as file:
        try:
            for node in children(file, ("annotations",)):
                if node.tag == "meta":
                    yield from _meta(node, name, video)
                elif node.tag == "image":
                    yield from _image(node, name, files)
                elif node.tag == "track":
                    yield from video.add(node)
        except XmlError as error:
            yield ReadProblem(name, "", f"{error}; what follows is not read")
    yield from video.records()


def _meta(node: Node, name: str, video: _Video) -> Iterator[ReadItem]:
    """The labels of a task, a job or a project, and the size of a video's images."""
    found: dict[str, str] = {}
    for owner in node.children:
        for label in _labels(owner):
            color = label.text_of("color").lower()
            text = label.text_of("name")
            if text and not label.text_of("parent"):
                found.setdefault(text, color if _COLOR.fullmatch(color) else "")
        size = owner.child("original_size")
        if size is not None:
            video.size = _whole(size.text_of("width")), _whole(size.text_of("height"))
    if found:
        colors = tuple(found.values()) if all(found.values()) else ()
        yield DeclaredLabels(tuple(found), colors, name)


def _labels(owner: Node) -> list[Node]:
    labels = owner.child("labels")
    return labels.all("label") if labels else []


def _image(node: Node, file: str, files: ReadableFiles) -> Iterator[ReadItem]:
    name = node.attributes.get("name", "").replace("\\", "/")
    record = f"line {node.line}"
    if not name:
        yield ReadProblem(file, record, "the image has no name")
        return
    width, height = _whole(node.attributes.get("width")), _whole(node.attributes.get("height"))
    size = (width, height) if width and height else files.image_size(name)
    if size is None:
        yield ReadProblem(file, record, f"the size of {name} is not known: there is no such image")
        return
    instances: list[tuple[int, InstanceRecord]] = []
    tags = []
    for child in node.children:
        if child.tag == "tag":
            tags.append(child.attributes.get("label", ""))
            continue
        try:
            instance = _instance(child, child.attributes.get("label", ""), size)
        except ValueError as error:
            yield ReadProblem(file, f"line {child.line}", str(error))
            continue
        instances.append((int(dict(instance.attributes).get(_Z_ORDER, 0)), instance))
    instances.sort(key=lambda pair: pair[0])
    split = values.split_of(node.attributes.get("subset", ""))
    attributes = values.attributes_of([("tags", ", ".join(filter(None, tags)))] if any(tags) else [])
    yield ImageRecord(name, *size, tuple(i for _, i in instances), split, file=file, attributes=attributes)


def _instance(node: Node, label: str, size: tuple[int, int]) -> InstanceRecord:
    """The instance of an element. Raises ``ValueError`` with words for the user."""
    if node.tag not in _SHAPES:
        raise ValueError(f"<{node.tag[:40]}> is none of CVAT's shapes")
    label = values.text_of(label).strip()
    if not label:
        raise ValueError(f"the {node.tag} has no label")
    shape, make = _SHAPES[node.tag]
    region = convert.on_image(make(node, size), *size)
    if node.tag == "box" and float(node.attributes.get("rotation") or 0.0) % 90:
        shape = "rotated box"
    own, note, score = _attributes(node)
    return InstanceRecord(label, region, f"line {node.line}", shape, score, None, note, own)


def _attributes(node: Node) -> tuple[Attributes, str, float | None]:
    """Attributes, note and score of a shape."""
    found: dict[str, Any] = {c.attributes.get("name", ""): c.text for c in node.all("attribute")}
    note = values.text_of(found.pop(_NOTE, ""))
    score = _score(found.pop(_SCORE, ""))
    if found.pop(CROWD, "") == "true":
        found[CROWD] = True
    plain = node.attributes
    if plain.get(_OCCLUDED) == "1":
        found[_OCCLUDED] = True
    for name in (_Z_ORDER, _GROUP):
        if number := _whole(plain.get(name), negative=True):
            found[name] = number
    if plain.get(_SOURCE):
        found[_SOURCE] = plain[_SOURCE]
    return values.attributes_of(found.items()), note, score


def _score(text: str) -> float | None:
    try:
        return values.score_of(float(text))
    except ValueError:
        return None


def _whole(text: str | None, *, negative: bool = False) -> int:
    """A whole number; 0 for all else."""
    try:
        number = int(text or 0)
    except ValueError:
        return 0
    return number if abs(number) <= 1 << 20 and (negative or number > 0) else 0


def _number(node: Node, name: str) -> float:
    try:
        value = float(node.attributes[name])
    except (KeyError, ValueError):
        raise convert.ShapeError(f"the {node.tag} has no number {name!r}") from None
    return convert.number(value, name)


def _points(node: Node) -> convert.Points:
    """``x0,y0;x1,y1``."""
    text = node.attributes.get("points", "")
    try:
        pairs = [[float(v) for v in pair.split(",")] for pair in text.split(";") if pair.strip()]
    except ValueError:
        raise convert.ShapeError(f"the points of the {node.tag} are not numbers") from None
    return convert.point_list(pairs)


def _box(node: Node, _: tuple[int, int]) -> Region:
    x0, y0, x1, y1 = (_number(node, name) for name in ("xtl", "ytl", "xbr", "ybr"))
    if not node.attributes.get("rotation"):
        return convert.box(x0, y0, x1, y1)
    middle = (x0 + x1) / 2, (y0 + y1) / 2
    return convert.rotated_box(*middle, abs(x1 - x0), abs(y1 - y0), _number(node, "rotation"))


def _ellipse(node: Node, _: tuple[int, int]) -> Region:
    cx, cy, rx, ry = (_number(node, name) for name in ("cx", "cy", "rx", "ry"))
    turn = _number(node, "rotation") if node.attributes.get("rotation") else 0.0
    return convert.ellipse(cx, cy, rx, ry, turn)


def _cuboid(node: Node, _: tuple[int, int]) -> Region:
    names = [f"{axis}{row}{side}{face}" for axis in "xy" for row in "tb" for side in "lr" for face in "12"]
    found = [_number(node, name) for name in names]
    xs, ys = found[:8], found[8:]
    return convert.box(min(xs), min(ys), max(xs), max(ys))


def _skeleton(node: Node, _: tuple[int, int]) -> Region:
    points = [_points(child) for child in node.all("points") if child.attributes.get("outside") != "1"]
    return convert.keypoints(np.concatenate(points) if points else np.zeros((0, 2)))


def _mask(node: Node, _: tuple[int, int]) -> Region:
    left, top, width, height = (_number(node, name) for name in ("left", "top", "width", "height"))
    if width < 1 or height < 1 or width * height > _MOST_MASK:
        raise convert.ShapeError("the size of the mask is out of range")
    try:
        counts = np.array([int(v) for v in node.attributes.get("rle", "").split(",")], dtype=np.int64)
    except (ValueError, OverflowError):
        raise convert.ShapeError("the rle of the mask is not whole numbers") from None
    total = int(width) * int(height)
    if counts.min() < 0 or counts.max() > total or not 0 <= total - int(counts.sum()) <= total:
        raise convert.ShapeError("the rle of the mask does not fit its size")
    flat = np.repeat(np.arange(len(counts)) % 2 == 1, counts)
    mask: BoolArray = np.pad(flat, (0, total - len(flat))).reshape(int(height), int(width))
    return masks.from_mask(mask, int(left), int(top))


_Maker = Callable[[Node, tuple[int, int]], Region]
_SHAPES: Mapping[str, tuple[Shape, _Maker]] = {
    "box": ("box", _box),
    "polygon": ("polygon", lambda node, _: convert.polygon(_points(node))),
    "polyline": ("line", lambda node, _: convert.line(_points(node))),
    "points": ("point", lambda node, _: convert.dots(_points(node))),
    "ellipse": ("ellipse", _ellipse),
    "cuboid": ("box", _cuboid),
    "skeleton": ("keypoints", _skeleton),
    "mask": ("mask", _mask),
}


class _Video:
    """The tracks of a video: what is on each of its images."""

    def __init__(self, file: str, files: ReadableFiles) -> None:
        self.size = (0, 0)
        self._file, self._files = file, files
        self._frames: dict[int, list[InstanceRecord]] = {}
        self._count = 0

    def add(self, track: Node) -> Iterator[ReadItem]:
        """Takes the shapes of a track that are not outside the image."""
        for node in track.children:
            frame = _whole(node.attributes.get("frame"))
            if node.attributes.get("outside") == "1":
                continue
            if self._count >= _MOST_TRACKED:
                yield ReadProblem(self._file, f"line {node.line}", "there are too many shapes in tracks")
                return
            try:
                size = self._size_of(frame)
                instance = _instance(node, track.attributes.get("label", ""), size)
            except ValueError as error:
                yield ReadProblem(self._file, f"line {node.line}", str(error))
                continue
            number = _whole(track.attributes.get("id"))
            kept = values.attributes_of([*instance.attributes, ("track_id", number)])
            self._frames.setdefault(frame, []).append(replace(instance, attributes=kept))
            self._count += 1

    def _size_of(self, frame: int) -> tuple[int, int]:
        size = self.size if all(self.size) else self._files.image_size(_frame_name(frame))
        if size is None:
            raise ValueError(f"the size of {_frame_name(frame)} is not known: there is no such image")
        return size

    def records(self) -> list[ImageRecord]:
        """The images."""
        found = []
        for frame in sorted(self._frames):
            size = self._size_of(frame)
            found.append(ImageRecord(_frame_name(frame), *size, tuple(self._frames[frame]), file=self._file))
        return found


def _frame_name(frame: int) -> str:
    return f"frame_{frame:06d}"


def recognise(name: str, head: bytes) -> bool:
    """Whether a file is CVAT's, by its first 64 KiB."""
    if not name.lower().endswith(".xml") or b"<annotations" not in head:
        return False
    return any(mark in head for mark in (b"<meta>", b"<image ", b"<track ", b"<version>"))


# -- writing


@dataclass(frozen=True)
class CvatImage:
    """An image as it is written: the elements of its instances."""

    shapes: str


def image_path(record: ImageRecord) -> str:
    """``images/a.jpg``, whatever the split."""
    return f"images/{record.name}"


def encode(record: ImageRecord, context: WriteContext) -> EncodedImage:
    """Makes the elements of an image; see ``samdesk.formats.base.Writer``."""
    choice = context.options.get(MASKS, AUTO)
    shapes: list[str] = []
    outcomes: list[WrittenInstance] = []
    below = 0
    for instance in record.instances:
        region = regions.clip(instance.region, record.width, record.height)
        box, area = instance.region.bounds, instance.region.area
        outcome = WrittenInstance(instance.annotation_id, instance.label, box=box, area=area)
        start, losses, iou = _shape(instance, region, record, choice)
        if not start:
            outcomes.append(replace(outcome, written=False, losses=losses))
            continue
        attributes = dict(instance.written_attributes)
        z_order = attributes.get(_Z_ORDER, 0)
        below = max(below, z_order) if isinstance(z_order, int) else below
        shapes.append(_element(instance, start, attributes, below))
        outcomes.append(replace(outcome, losses=losses, iou=iou))
    return EncodedImage(replace(record, instances=()), CvatImage("".join(shapes)), tuple(outcomes))


def _shape(
    instance: InstanceRecord, region: Region, record: ImageRecord, choice: str
) -> tuple[str, tuple[Loss, ...], float | None]:
    """The beginning of the element ("" if nothing is left), what it loses, and its IoU."""
    size = record.width, record.height
    if not regions.is_drawable(region):
        return "", (Loss("empty"),), None
    if instance.shape == "box" and region.equals(regions.from_box(*region.bounds)):
        x0, y0, x1, y1 = map(_text, written.rounded(region).bounds)
        return f'box xtl="{x0}" ytl="{y0}" xbr="{x1}" ybr="{y1}"', (), None
    is_plain = len(region.geoms) == 1 and not written.has_holes(region)
    wanted = rle.to_text(region, *size)
    if choice == MASKS_ONLY or (choice == AUTO and not is_plain):
        mask, left, top = masks.to_mask(region, *size)
        if mask.size:
            found = {"size": [*size[::-1]], "counts": wanted}
            return _mask_start(mask, left, top), (), written.CocoMask(found, *size).iou(wanted)
    ring = written.single_ring(written.rounded(region))
    points = ";".join(f"{_text(x)},{_text(y)}" for x, y in ring.tolist())
    losses = () if is_plain else (Loss("bridged"),)
    return f'polygon points="{points}"', losses, written.CocoMask([ring], *size).iou(wanted)


def _mask_start(mask: BoolArray, left: int, top: int) -> str:
    flat = mask.reshape(-1)
    ends = np.flatnonzero(flat[1:] != flat[:-1]) + 1
    counts = np.diff(np.concatenate([[0], ends, [flat.size]])).tolist()
    if flat[0]:
        counts.insert(0, 0)
    height, width = mask.shape
    text = ", ".join(map(str, counts))
    return f'mask rle="{text}" left="{left}" top="{top}" width="{width}" height="{height}"'


def _text(value: float) -> str:
    """A coordinate with two digits, or with all if it has more."""
    short = f"{value:.{written.DIGITS}f}"
    return short if float(short) == value else repr(float(value))


def _element(
    instance: InstanceRecord, start: str, attributes: dict[str, AttributeValue], z_order: int
) -> str:
    source = attributes.get(_SOURCE, "manual")
    occluded = int(attributes.get(_OCCLUDED) is True)
    head = f'    <{start} label={_quoted(instance.label)} source={_quoted(source)} occluded="{occluded}"'
    group = attributes.get(_GROUP)
    head += f' z_order="{z_order}"' + (f' group_id="{group}"' if isinstance(group, int) else "") + ">\n"
    rest: dict[str, AttributeValue] = {k: v for k, v in attributes.items() if k not in _PLAIN}
    if instance.score is not None:
        rest[_SCORE] = repr(float(instance.score))
    if instance.note:
        rest[_NOTE] = instance.note
    body = "".join(
        f"      <attribute name={_quoted(name)}>{escape(_plain(value))}</attribute>\n"
        for name, value in rest.items()
    )
    return f"{head}{body}    </{start.split(' ', 1)[0]}>\n"


def _plain(value: AttributeValue) -> str:
    text = str(value).lower() if isinstance(value, bool) else str(value)
    return _CONTROL.sub("\ufffd", text)


def _quoted(value: AttributeValue) -> str:
    return quoteattr(_plain(value))


def assemble(images: Iterable[EncodedImage], context: WriteContext, folder: WritableFolder) -> None:
    """Writes ``annotations.xml``, an image at a time."""
    colors = context.colors or ("",) * len(context.names)
    with folder.open("annotations.xml") as out:
        out.write(b'<?xml version="1.0" encoding="utf-8"?>\n<annotations>\n  <version>1.1</version>\n')
        out.write(b"  <meta>\n    <task>\n      <name>samdesk</name>\n      <labels>\n")
        for name, color in zip(context.names, colors, strict=True):
            shown = f"          <color>{color}</color>\n" if _COLOR.fullmatch(color) else ""
            text = f"          <name>{escape(_plain(name))}</name>\n{shown}"
            out.write(f"        <label>\n{text}          <type>any</type>\n        </label>\n".encode())
        out.write(b"      </labels>\n    </task>\n  </meta>\n")
        for number, encoded in enumerate(images):
            payload = encoded.payload
            assert isinstance(payload, CvatImage)
            out.write((_image_start(number, encoded.record) + payload.shapes + "  </image>\n").encode())
        out.write(b"</annotations>\n")


def _image_start(number: int, record: ImageRecord) -> str:
    subset = f' subset="{record.split}"' if record.split else ""
    size = f'width="{record.width}" height="{record.height}"'
    tags = str(dict(record.attributes).get("tags", ""))
    marks = "".join(
        f'    <tag label={_quoted(tag)} source="manual">\n    </tag>\n' for tag in tags.split(", ") if tag
    )
    return f'  <image id="{number}" name={_quoted(record.name)}{subset} {size}>\n{marks}'


FORMAT = Format(
    id="cvat",
    title="CVAT XML for images",
    scope="dataset",
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
            {
                AUTO: "Polygons; masks for instances with holes or several parts",
                POLYGONS: "Polygons; holes and parts are joined by bridges",
                MASKS_ONLY: "Masks: the pixels of each instance",
            },
        ),
    ),
)
