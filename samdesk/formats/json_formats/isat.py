"""ISAT's JSON: a file an image, with a list of polygons.

Source: ``ISAT/annotation.py``, ``formats/coco.py``, ``formats/voc.py`` (isat-sam 1.5.2). Objects with one
``group``, ``category`` and ``iscrowd`` are one annotation when ISAT writes COCO; group 0 is none, as when it
writes labelme. ``layer`` is the order of painting. A polygon cannot have a hole: ISAT paints one of the
category ``__background__`` over it. Such a polygon is cut from the objects of its group; if its group has no
others, from all on lower layers.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

import shapely
from shapely.geometry import LinearRing, MultiPolygon, Polygon

from samdesk.base import json_file
from samdesk.domain.annotation import CROWD, Attributes
from samdesk.domain.geometry import regions
from samdesk.domain.geometry.types import Region
from samdesk.formats.base import (
    EncodedImage,
    Format,
    FormatOption,
    ImageRecord,
    InstanceRecord,
    Loss,
    ReadableFiles,
    ReadItem,
    ReadProblem,
    WriteContext,
    Writer,
)
from samdesk.formats.json_formats import document, extras, forms, shape_files
from samdesk.formats.json_formats.document import Object, RecordError
from samdesk.formats.json_formats.forms import Kept
from samdesk.formats.shapes import convert
from samdesk.formats.shapes.convert import Points, ShapeError

BACKGROUND = "__background__"

_KNOWN = frozenset({"category", "group", "segmentation", "area", "layer", "bbox", "iscrowd", "note"})
_KNOWN_OF_IMAGE = frozenset({"description", "folder", "name", "width", "height"})
_GROUP = "group"


@dataclass(frozen=True)
class _IsatPolygon:
    """One object of a file: a polygon."""

    index: int
    label: str
    group: int
    layer: float
    region: Region
    note: str
    attributes: Attributes


def read(files: ReadableFiles) -> Iterator[ReadItem]:
    """Reads the files."""
    return document.each_file(files, _read_file)


def _read_file(files: ReadableFiles, name: str, value: Any) -> Iterator[ReadItem]:
    content = document.as_object(value, "It")
    info = document.as_object(content.get("info"), "its info")
    if info.get("description") != "ISAT":
        raise RecordError("It is no file of ISAT: its description is another.")
    image = document.image_name(info.get("name"))
    width, height = document.size(files, image, info.get("width"), info.get("height"))
    pieces: list[_IsatPolygon] = []
    for index, each in enumerate(document.as_list(content.get("objects"), "its list of objects")):
        record = f"objects[{index}]"
        try:
            piece, left_out = _piece(index, document.as_object(each))
        except (RecordError, ShapeError) as error:
            yield ReadProblem(name, record, document.sentence(error))
            continue
        pieces.append(piece)
        yield from (
            ReadProblem(name, record, f'Its field "{field}" was left out: it is too long or not a value.')
            for field in left_out
        )
    instances = []
    for group in _groups(pieces):
        try:
            instances.append(_instance(group, pieces, width, height))
        except ShapeError as error:
            yield ReadProblem(name, f"objects[{group[0].index}]", document.sentence(error))
    yield ImageRecord(
        name=image,
        width=width,
        height=height,
        instances=tuple(instances),
        file=name,
        attributes=extras.attributes(info, _KNOWN_OF_IMAGE)[0],
    )


def _piece(index: int, content: Object) -> tuple[_IsatPolygon, tuple[str, ...]]:
    attributes, left_out = extras.attributes(content, _KNOWN)
    crowd = content.get("iscrowd")
    if crowd is True or crowd == 1:
        attributes = extras.with_value(attributes, CROWD, value=True)
    group = content.get("group")
    if isinstance(group, str) and group.isascii() and group.isdigit() and len(group) < 18:
        group = int(group)
    if type(group) is not int or abs(group) >> 62:
        group = 0
    if group:
        attributes = extras.with_value(attributes, _GROUP, group)
    layer = content.get("layer")
    is_layer = isinstance(layer, int | float) and not isinstance(layer, bool) and abs(layer) < 1e15
    piece = _IsatPolygon(
        index=index,
        label=document.label_name(content.get("category")),
        group=group,
        layer=float(layer) if is_layer and layer is not None else 0.0,
        region=forms.from_bridged(convert.point_list(content.get("segmentation"))),
        note=document.text(content.get("note")),
        attributes=attributes,
    )
    return piece, left_out


def _groups(pieces: list[_IsatPolygon]) -> list[list[_IsatPolygon]]:
    """The polygons of each object in the order of painting; background is none."""
    found: dict[object, list[_IsatPolygon]] = {}
    for piece in sorted(pieces, key=lambda each: each.layer):
        if piece.label != BACKGROUND:
            crowd = dict(piece.attributes).get(CROWD)
            key = (piece.group, piece.label, crowd) if piece.group else piece.index
            found.setdefault(key, []).append(piece)
    return list(found.values())


def _instance(
    group: list[_IsatPolygon], pieces: list[_IsatPolygon], width: int, height: int
) -> InstanceRecord:
    first = group[0]
    strokes = group + [p for p in pieces if p.label == BACKGROUND and _may_cut(p, first, pieces)]
    region = _painted(sorted(strokes, key=lambda each: each.layer))
    return InstanceRecord(
        label=first.label,
        region=convert.on_image(region, width, height),
        record=f"objects[{first.index}]",
        note=next((piece.note for piece in group if piece.note), ""),
        attributes=extras.merged([piece.attributes for piece in group]),
    )


def _may_cut(hole: _IsatPolygon, first: _IsatPolygon, pieces: list[_IsatPolygon]) -> bool:
    """Whether a polygon of the background is cut from an object if it is above it."""
    grouped = hole.group and any(p.group == hole.group and p.label != BACKGROUND for p in pieces)
    return hole.group == first.group if grouped else True


def _painted(strokes: list[_IsatPolygon]) -> Region:
    """What remains of an object when its polygons and the background are painted one after another."""
    region = _assembled(strokes)
    if region is not None:
        return region
    region = regions.EMPTY
    for stroke in strokes:
        paint = shapely.difference if stroke.label == BACKGROUND else shapely.union
        region = regions.clean(paint(region, stroke.region))
    return region


def _assembled(strokes: list[_IsatPolygon]) -> Region | None:
    """The outlines with the background as their holes, vertex by vertex; None: they do not fit so."""
    shells: list[Polygon] = []
    holes: list[list[LinearRing]] = []
    for stroke in strokes:
        if len(stroke.region.geoms) != 1:
            return None
        [outline] = stroke.region.geoms
        if stroke.label != BACKGROUND:
            shells.append(outline)
            holes.append(list(outline.interiors))
            continue
        around = [i for i, shell in enumerate(shells) if shell.covers(outline)]
        if not around or outline.interiors:
            return None
        holes[min(around, key=lambda i: shells[i].area)].append(outline.exterior)
    region = MultiPolygon([Polygon(s.exterior, inner) for s, inner in zip(shells, holes, strict=True)])
    return region if shapely.is_valid(region) else None


def encode(record: ImageRecord, context: WriteContext) -> EncodedImage:
    """The file of one image. Layers are counted from 1."""
    with_background = context.options.get("holes") == "background"
    objects: list[dict[str, Any]] = []
    rows = []
    groups = _IsatGroups(record.instances)
    for instance in record.instances:
        made, kept = _objects(instance, groups, with_background)
        for each in made:
            each["layer"] = float(len(objects) + 1)
            objects.append(each)
        rows.append(forms.written(instance, kept))
    attributes = dict(record.attributes)
    info = {
        "description": "ISAT",
        "folder": str(PurePosixPath(record.path or record.name).parent),
        "name": PurePosixPath(record.path or record.name).name,
        "width": record.width,
        "height": record.height,
        "depth": attributes.get("depth", 3),
        "note": attributes.get("note", ""),
    }
    info |= extras.fields(record.attributes, info)
    payload = (
        shape_files.json_path(record),
        json_file.to_bytes({"info": info, "objects": objects}, indent=4),
    )
    return EncodedImage(replace(record, instances=()), payload, tuple(rows))


class _IsatGroups:
    """Gives out groups: those that annotations have, as long as no other has it too, else new ones."""

    def __init__(self, instances: tuple[InstanceRecord, ...]) -> None:
        numbers = [g for i in instances if type(g := dict(i.attributes).get(_GROUP)) is int]
        self._next = max([0, *numbers]) + 1
        self._taken: set[object] = set()

    def of(self, instance: InstanceRecord) -> int:
        """The group of an annotation."""
        group = dict(instance.attributes).get(_GROUP)
        key = (instance.label, group, instance.is_crowd)
        if type(group) is int and group and key not in self._taken:
            self._taken.add(key)
            return group
        group, self._next = self._next, self._next + 1
        self._taken.add((instance.label, group, instance.is_crowd))
        return group


def _objects(
    instance: InstanceRecord, groups: _IsatGroups, with_background: bool
) -> tuple[list[dict[str, Any]], Kept]:
    """The polygons of one annotation."""
    group = groups.of(instance)
    losses = []
    if instance.score is not None:
        losses.append(Loss("attributes", "its score"))
    holes = forms.has_holes(instance.region)
    if not holes or with_background:
        found = []
        # What lies in a hole is smaller than what has it: it is painted after it.
        for part in sorted(instance.region.geoms, key=lambda part: -Polygon(part.exterior).area):
            found.append(_object(instance, instance.label, group, forms.open_ring(part.exterior)))
            inner = [forms.open_ring(ring) for ring in part.interiors]
            found += [_object(instance, BACKGROUND, group, ring) for ring in inner]
        return found, Kept(losses=tuple(losses))
    rings = forms.bridged_rings(instance.region)
    iou = forms.read_back(instance, lambda: [forms.from_bridged(ring) for ring in rings])
    objects = [_object(instance, instance.label, group, ring) for ring in rings]
    return objects, Kept(iou, (*losses, Loss("bridged")))


def _object(instance: InstanceRecord, category: str, group: int, ring: Points) -> dict[str, Any]:
    (x0, y0), (x1, y1) = ring.min(axis=0).tolist(), ring.max(axis=0).tolist()
    x, y = ring.T.tolist()
    area = abs(math.fsum(x[i - 1] * y[i] - x[i] * y[i - 1] for i in range(len(x)))) / 2
    own = extras.fields(instance.written_attributes, {*_KNOWN, CROWD, "flags", forms.SHAPE})
    if flags := extras.flags(instance.attributes):
        own["flags"] = flags
    return {
        "category": category,
        "group": group,
        "segmentation": ring.tolist(),
        "area": area,
        "layer": 0.0,
        "bbox": [x0, y0, x1, y1],
        "iscrowd": instance.is_crowd,
        "note": instance.note,
        **own,
    }


def recognise(name: str, head: bytes) -> bool:
    """Whether a file is ISAT's."""
    return name.lower().endswith(".json") and b'"ISAT"' in head


FORMAT = Format(
    id="isat",
    title="ISAT",
    scope="image",
    suffixes=(".json",),
    recognise=recognise,
    read=read,
    write=Writer(encode, shape_files.assemble, shape_files.image_path),
    carries=frozenset({"parts", "notes", "attributes", "crowds", "tracks"}),
    options=(
        FormatOption(
            "holes",
            "Holes",
            {
                "bridge": "A hole is joined to its outline by a bridge",
                "background": "A hole is a polygon of __background__ on the layer above",
            },
        ),
    ),
    rank=2,
)
