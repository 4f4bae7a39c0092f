"""Reads COCO instances.

The file is read twice: once to learn where each annotation is, then image by image, each annotation from
its place. Memory: 40 bytes an annotation and about 400 an image, besides one annotation (64 MB at most) and
those of one image, whatever the size of the file.

Facts: https://cocodataset.org/#format-data (the keys), and pycocotools' ``coco.py`` (``annToRLE``: polygons
of one annotation are united, an RLE has a list or a text of counts).
"""

from __future__ import annotations

from array import array
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, BinaryIO

import numpy as np
import shapely

from samdesk.base.errors import reason
from samdesk.base.json_file import JsonError
from samdesk.domain.annotation import CROWD, Attributes, AttributeValue
from samdesk.domain.geometry import regions
from samdesk.domain.geometry.types import Region
from samdesk.formats.base import (
    MOST_TRACK,
    TRACK,
    DeclaredLabels,
    ImageRecord,
    InstanceRecord,
    ReadableFiles,
    ReadItem,
    ReadProblem,
    Shape,
)
from samdesk.formats.reading import values
from samdesk.formats.reading.json_stream import Element, elements, parse_element
from samdesk.formats.shapes import convert, rle

ID = "id"
SUPERCATEGORY = "supercategory"
NOTE = "note"
TRACK_NAME = "track"
"""What samdesk calls the track that has the number ``track_id``."""

_STANDARD = frozenset(
    (
        "id",
        "image_id",
        "category_id",
        "segmentation",
        "area",
        "bbox",
        "iscrowd",
        "score",
        "note",
        "attributes",
        TRACK,
        TRACK_NAME,
    )
)
_STANDARD_OF_IMAGE = frozenset(("file_name", "width", "height"))
_MOST_CATEGORIES = 10_000
_MOST_SIDE = 1 << 20
_NONE = -1


class _BadError(ValueError):
    """A record that cannot be read; the message says why."""


@dataclass
class _Index:
    """Where things are in a file."""

    categories: dict[int, tuple[str, str]] = field(default_factory=dict)
    """Id -> name, supercategory."""
    numbers: dict[int | str, int] = field(default_factory=dict)
    """Id of an image -> its number."""
    image_starts: array[int] = field(default_factory=lambda: array("q"))
    image_ends: array[int] = field(default_factory=lambda: array("q"))
    image_at: array[int] = field(default_factory=lambda: array("q"))
    """Index of each image in the list."""
    owners: array[int] = field(default_factory=lambda: array("q"))
    """Number of the image of each annotation; -1: it has none."""
    starts: array[int] = field(default_factory=lambda: array("q"))
    ends: array[int] = field(default_factory=lambda: array("q"))

    def number(self, image_id: int | str) -> int:
        """The number of an image, which may come later in the file."""
        return self.numbers.setdefault(image_id, len(self.numbers))


def read(files: ReadableFiles) -> Iterator[ReadItem]:
    """Yields what COCO files hold; see ``samdesk.formats.base.Reader``."""
    for name in files.names:
        try:
            with files.open(name) as file:
                yield from _read_file(files, name, file)
        except OSError as error:
            yield ReadProblem(name, "", reason(error))


def _read_file(files: ReadableFiles, name: str, file: BinaryIO) -> Iterator[ReadItem]:
    index = _Index()
    try:
        for element in elements(file):
            problem = _note(index, element)
            if problem:
                yield ReadProblem(name, f"{element.key}[{element.index}]", problem)
    except JsonError as error:
        yield ReadProblem(name, "", f"{error}; what follows is not read")
    names = tuple(index.categories[key][0] for key in sorted(index.categories))
    if names:
        yield DeclaredLabels(tuple(dict.fromkeys(names)), file=name)
    yield from _images(_CocoFile(files, name, file, values.split_of(name)), index)


def _note(index: _Index, element: Element) -> str:
    """Puts an element into the index. Returns what is wrong with it."""
    if element.key not in ("images", "annotations", "categories"):
        return ""
    if element.key == "annotations":
        return _note_annotation(index, element)
    if not isinstance(element.value, dict):
        return "it is no object"
    if element.key == "images":
        return _note_image(index, element)
    return _note_category(index, element.value)


def _note_annotation(index: _Index, element: Element) -> str:
    value = element.value
    image_id = _id(value.get("image_id")) if isinstance(value, dict) else None
    index.owners.append(_NONE if image_id is None else index.number(image_id))
    index.starts.append(element.start)
    index.ends.append(element.end)
    return "it has no image_id" if image_id is None else ""


def _note_image(index: _Index, element: Element) -> str:
    image_id = _id(element.value.get("id"))
    if image_id is None:
        return "it has no id"
    if not values.text_of(element.value.get("file_name")):
        return "it has no file_name"
    number = index.number(image_id)
    for column in (index.image_starts, index.image_ends, index.image_at):
        column.extend([-1] * (number + 1 - len(column)))
    if index.image_starts[number] >= 0:
        return f"its id {str(image_id)[:80]} is that of another image"
    index.image_starts[number], index.image_ends[number] = element.start, element.end
    index.image_at[number] = element.index
    return ""


def _note_category(index: _Index, value: dict[str, Any]) -> str:
    category_id = values.integer_of(value.get("id"))
    name = values.text_of(value.get("name")).strip()
    if category_id is None or not name:
        return "it has no id or no name"
    if category_id in index.categories:
        return f"its id {category_id} is that of another category"
    if len(index.categories) >= _MOST_CATEGORIES:
        return f"there are more than {_MOST_CATEGORIES:,} categories"
    index.categories[category_id] = (name, values.text_of(value.get("supercategory")))
    return ""


def _id(value: Any) -> int | str | None:
    """An id of an image: a number, or text as some programs write it."""
    number = values.integer_of(value)
    return number if number is not None else (value if isinstance(value, str) and value else None)


@dataclass(frozen=True)
class _CocoFile:
    """The file that is read."""

    files: ReadableFiles
    name: str
    file: BinaryIO
    split: Any

    def value(self, start: int, end: int) -> Any:
        """Reads an element again."""
        self.file.seek(start)
        return parse_element(self.file.read(end - start))


def _images(source: _CocoFile, index: _Index) -> Iterator[ReadItem]:
    owners = np.frombuffer(index.owners, dtype=np.int64) if index.owners else np.zeros(0, dtype=np.int64)
    order = np.argsort(owners, kind="stable")
    bounds = np.searchsorted(owners[order], np.arange(len(index.numbers) + 1))
    starts = np.full(len(index.numbers), -1, dtype=np.int64)
    starts[: len(index.image_starts)] = index.image_starts
    for number in np.argsort(starts, kind="stable").tolist():  # in the order of the list of images
        mine = order[bounds[number] : bounds[number + 1]].tolist()
        if starts[number] >= 0:
            yield from _image(source, index, number, mine)
            continue
        for at in mine:
            yield ReadProblem(source.name, f"annotations[{at}]", "its image is not in the file")


def _image(source: _CocoFile, index: _Index, number: int, mine: list[int]) -> Iterator[ReadItem]:
    record = f"images[{index.image_at[number]}]"
    try:
        value = source.value(index.image_starts[number], index.image_ends[number])
    except (JsonError, OSError) as error:
        yield ReadProblem(source.name, record, str(error))
        return
    name = values.text_of(value.get("file_name")).replace("\\", "/")
    size = _size(value) or source.files.image_size(name)
    if size is None:
        yield ReadProblem(source.name, record, f"the size of {name} is not known: there is no such image")
        return
    instances = []
    for at in mine:
        where = f"annotations[{at}]"
        try:
            annotation = source.value(index.starts[at], index.ends[at])
            instances.append(_instance(annotation, where, index, size))
        except OSError as error:
            yield ReadProblem(source.name, where, reason(error))
        except ValueError as error:  # _BadError, ShapeError, JsonError
            yield ReadProblem(source.name, where, str(error))
    kept = values.attributes_of((k, v) for k, v in value.items() if k not in _STANDARD_OF_IMAGE)
    yield ImageRecord(name, *size, tuple(instances), source.split, file=source.name, attributes=kept)


def _size(value: dict[str, Any]) -> tuple[int, int] | None:
    width, height = values.integer_of(value.get("width")), values.integer_of(value.get("height"))
    if not width or not height or not 0 < width <= _MOST_SIDE or not 0 < height <= _MOST_SIDE:
        return None
    return width, height


def _instance(value: dict[str, Any], where: str, index: _Index, size: tuple[int, int]) -> InstanceRecord:
    category_id = values.integer_of(value.get("category_id"))
    if category_id is None or category_id not in index.categories:
        shown = str(value.get("category_id"))[:40]
        raise _BadError(f"its category_id {shown} is not among the categories")
    label, supercategory = index.categories[category_id]
    region, shape = _region(value, *size)
    return InstanceRecord(
        label=label,
        region=region,
        record=where,
        shape=shape,
        score=values.score_of(value.get("score")),
        note=values.text_of(value.get(NOTE)),
        track=_track(value),
        attributes=_attributes(value, supercategory),
    )


def _track(value: dict[str, Any]) -> str:
    name = value.get(TRACK_NAME) if isinstance(value.get(TRACK_NAME), str) else value.get(TRACK)
    return str(name)[:MOST_TRACK] if isinstance(name, str) or values.integer_of(name) is not None else ""


def _attributes(value: dict[str, Any], supercategory: str) -> Attributes:
    found: dict[Any, Any] = {k: v for k, v in value.items() if k not in _STANDARD}
    if isinstance(value.get("attributes"), dict):  # CVAT and Datumaro
        found.update(value["attributes"])
    kept: dict[str, AttributeValue] = dict(values.attributes_of(found.items()))
    number = values.integer_of(value.get("id"))
    for name, known in ((ID, number), (SUPERCATEGORY, supercategory)):
        kept.pop(name, None)
        if known:
            kept[name] = known
    kept.pop(CROWD, None)
    if value.get("iscrowd") == 1:  # True too
        kept[CROWD] = True
    return tuple(sorted(kept.items()))


def _region(value: dict[str, Any], width: int, height: int) -> tuple[Region, Shape]:
    """The region and what it was."""
    segmentation = value.get("segmentation")
    if isinstance(segmentation, dict):
        return rle.from_rle(segmentation, width, height), "mask"
    if isinstance(segmentation, list) and segmentation:
        return convert.on_image(_polygons(segmentation), width, height), "polygon"
    if segmentation:
        raise _BadError("its segmentation is neither polygons nor RLE")
    box = value.get("bbox")
    if not isinstance(box, list):
        raise _BadError("it has no segmentation and no bbox")
    if len(box) != 4:
        raise _BadError("its bbox is not x, y, width, height")
    x, y, w, h = map(convert.number, box)
    region = convert.on_image(convert.box(x, y, x + w, y + h), width, height)
    return region, "keypoints" if value.get("keypoints") else "box"


def _polygons(segmentation: list[Any]) -> Region:
    """The union of an annotation's polygons. Parts that touch stay as they are."""
    if not isinstance(segmentation[0], list):
        segmentation = [segmentation]  # one polygon without its list, as some programs write it
    rings = [_ring(polygon) for polygon in segmentation]
    if all(len(ring) >= 3 and shapely.is_valid(shapely.polygons(ring)) for ring in rings):
        whole = regions.from_polygons(shapely.polygons(ring) for ring in rings)
        if shapely.is_valid(whole):
            return whole
    return convert.polygons(rings)


def _ring(polygon: Any) -> convert.Points:
    nested = isinstance(polygon, list) and polygon and isinstance(polygon[0], list)
    return convert.point_list(polygon) if nested else convert.flat_list(polygon)
