"""What labelme and X-AnyLabeling have in common: a JSON file an image, with a list of shapes.

Sources: ``labelme/_label_file.py``, ``utils/shape.py`` (labelme 6.3); ``views/labeling/label_file.py``,
``shape.py``, ``schema.py`` (X-AnyLabeling 4.2).

Shapes with one ``group_id`` and one label are one object, as in labelme's ``shapes_to_label``: their union is
one region; if all are points, it is the box around these keypoints. An object in several parts is written as
polygons with one ``group_id``. Neither program knows holes: a hole is joined to its outline by a bridge of no
width, which their even-odd fill does not show; labelme can have a mask instead.
"""

from __future__ import annotations

import math
import posixpath
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass, replace
from pathlib import PurePosixPath
from typing import Any

import numpy as np
from shapely.geometry import MultiPoint

from samdesk.base import json_file
from samdesk.domain.annotation import Attributes
from samdesk.domain.geometry import regions
from samdesk.domain.geometry.types import Region
from samdesk.domain.review import AnnotationReview
from samdesk.formats.base import (
    EncodedImage,
    ImageRecord,
    InstanceRecord,
    Loss,
    ReadableFiles,
    ReadItem,
    ReadProblem,
    Shape,
    WritableFolder,
    WriteContext,
)
from samdesk.formats.json_formats import document, extras, forms
from samdesk.formats.json_formats.document import Object, RecordError
from samdesk.formats.json_formats.forms import Kept
from samdesk.formats.shapes import convert, masks
from samdesk.formats.shapes.convert import Points, ShapeError

_KNOWN = frozenset({"label", "points", "shape_type", "description", "mask", "score", "review"})
"""Fields of a shape that have a place of their own."""
_KNOWN_OF_FILE = frozenset(
    {"version", "shapes", "imagePath", "imageData", "imageHeight", "imageWidth", "checked"}
)
_MASK, _POINT = "mask", "point"


@dataclass(frozen=True)
class Dialect:
    """How one of the programs writes.

    Attributes:
        version: Of the program whose files are written.
        checked: Whether a file says whether its image is done.
        four_corners: Whether a box has four corners rather than two.
        rotated_box: Name of a turned box; a "rotation" has its angle in radians as ``direction``.
        masks: Whether it knows masks of pixels.
        fields: Fields that every shape has, with their defaults.
    """

    version: str
    checked: bool
    four_corners: bool
    rotated_box: str
    masks: bool
    fields: Mapping[str, Any]


@dataclass(frozen=True)
class _DrawnShape:
    """One shape of a file."""

    index: int
    kind: str
    label: str
    group: int | str | None
    region: Region
    points: Points
    shape: Shape
    attributes: Attributes
    note: str
    score: float | None
    review: AnnotationReview | None


def read_file(files: ReadableFiles, name: str, value: Any) -> Iterator[ReadItem]:
    """Yields what one file holds. Raises ``RecordError``."""
    content = document.as_object(value, "It")
    shapes = document.as_list(content.get("shapes"), "its list of shapes")
    if "shapes" not in content:
        raise RecordError("It has no list of shapes.")
    image = document.image_name(content.get("imagePath"))
    width, height = document.size(files, image, content.get("imageWidth"), content.get("imageHeight"))
    pieces: list[_DrawnShape] = []
    for index, shape in enumerate(shapes):
        record = f"shapes[{index}]"
        try:
            piece, left_out = _piece(index, document.as_object(shape), width, height)
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
            instances.append(_instance(group, width, height))
        except ShapeError as error:
            yield ReadProblem(name, f"shapes[{group[0].index}]", document.sentence(error))
    attributes, _ = extras.attributes(content, _KNOWN_OF_FILE)
    checked = content.get("checked")
    if checked == "failed":
        attributes = extras.with_value(attributes, "checked", "failed")
    yield ImageRecord(
        name=image,
        width=width,
        height=height,
        instances=tuple(instances),
        accepted=None if checked is None else checked is True,
        file=name,
        attributes=attributes,
    )


def _piece(index: int, shape: Object, width: int, height: int) -> tuple[_DrawnShape, tuple[str, ...]]:
    label = document.label_name(shape.get("label"))
    kind = shape.get("shape_type") or "polygon"
    if not isinstance(kind, str):
        raise RecordError("its shape type is not a text")
    points = convert.point_list(shape.get("points"))
    region, was = _region(kind, points, shape.get("mask"))
    plain = _KNOWN | {"group_id"} | ({"difficult"} if shape.get("difficult") is False else set())
    found, left_out = extras.attributes(shape, plain)
    group = _group_id(shape.get("group_id"))
    if group is not None:
        found = extras.with_value(found, "group_id", group)
    score = shape.get("score")
    return (
        _DrawnShape(
            index=index,
            kind=kind,
            label=label,
            group=group,
            region=region,
            points=points,
            shape=was,
            attributes=forms.with_shape(found, "circle" if kind == "circle" else was),
            note=document.text(shape.get("description")),
            score=document.share(score),
            review=_review(shape.get("review")),
        ),
        left_out,
    )


def _group_id(value: Any) -> int | str | None:
    if type(value) is int and abs(value) < 1 << 62:
        return value
    return value[:200] if isinstance(value, str) and value else None


def _review(value: Any) -> AnnotationReview | None:
    try:
        return AnnotationReview(value)
    except ValueError:
        return None


def _region(kind: str, points: Points, mask: Any) -> tuple[Region, Shape]:
    """The region of a shape, and what it was. Raises ``RecordError`` and ``ShapeError``."""
    if kind == _MASK:
        if not isinstance(mask, str):
            raise RecordError("it has no mask")
        x, y = (int(np.floor(v)) for v in points.min(axis=0))
        return masks.from_mask(masks.from_png_text(mask), x, y), "mask"
    make = _MAKERS.get(kind)
    if make is None:
        raise RecordError(f'it has a shape that is not known ("{kind[:40]}")')
    return make(points)


def _polygon(points: Points) -> tuple[Region, Shape]:
    return forms.from_bridged(points), "polygon"


def _box(points: Points) -> tuple[Region, Shape]:
    if len(points) < 2:
        raise ShapeError("it has fewer than 2 points")
    (x0, y0), (x1, y1) = points.min(axis=0), points.max(axis=0)
    return convert.box(float(x0), float(y0), float(x1), float(y1)), "box"


def _rotated_box(points: Points) -> tuple[Region, Shape]:
    return convert.polygon(points), "rotated box"


def _circle(points: Points) -> tuple[Region, Shape]:
    if len(points) != 2:
        raise ShapeError("it is a circle without two points")
    return convert.circle(points[0].tolist(), points[1].tolist()), "ellipse"


def _line(points: Points) -> tuple[Region, Shape]:
    return convert.line(points), "line"


def _dots(points: Points) -> tuple[Region, Shape]:
    return convert.dots(points), "point"


def _hull(points: Points) -> tuple[Region, Shape]:
    return convert.polygon(_outline(points)), "polygon"


def _outline(points: Points) -> Points:
    hull = MultiPoint(points).convex_hull
    if hull.geom_type != "Polygon":
        raise ShapeError("it has no area")
    return np.asarray(hull.exterior.coords, dtype=np.float64)


_MAKERS: Mapping[str, Callable[[Points], tuple[Region, Shape]]] = {
    "polygon": _polygon,
    "rectangle": _box,
    "oriented_rectangle": _rotated_box,
    "rotation": _rotated_box,
    "quadrilateral": _polygon,
    "circle": _circle,
    "line": _line,
    "linestrip": _line,
    _POINT: _dots,
    "points": _dots,
    "cuboid": _hull,
}


def _groups(pieces: list[_DrawnShape]) -> list[list[_DrawnShape]]:
    """The shapes of each object, in the order of their first."""
    found: dict[object, list[_DrawnShape]] = {}
    for piece in pieces:
        key = piece.index if piece.group is None else (piece.label, piece.group)
        found.setdefault(key, []).append(piece)
    return list(found.values())


def _instance(group: list[_DrawnShape], width: int, height: int) -> InstanceRecord:
    first = group[0]
    attributes, shape = first.attributes, first.shape
    if len(group) == 1:
        region = first.region
    elif all(piece.kind == _POINT for piece in group):
        region, shape = convert.keypoints(np.vstack([piece.points for piece in group])), "keypoints"
    else:
        region = convert.union([piece.region for piece in group])
        attributes = extras.merged([piece.attributes for piece in group])
        attributes = tuple(pair for pair in attributes if pair[0] != forms.SHAPE)
        kinds = {piece.shape for piece in group}
        shape = first.shape if len(kinds) == 1 else "polygon"
    known = [piece for piece in group if piece.score is not None]
    return InstanceRecord(
        label=first.label,
        region=convert.on_image(region, width, height),
        record=f"shapes[{first.index}]",
        shape=shape,
        score=known[0].score if known else None,
        review=next((piece.review for piece in group if piece.review is not None), None),
        note=next((piece.note for piece in group if piece.note), ""),
        attributes=attributes,
    )


def encode(record: ImageRecord, context: WriteContext, dialect: Dialect) -> EncodedImage:
    """The file of one image."""
    with_masks = context.options.get("holes") == _MASK
    groups = _GroupIds(record.instances)
    shapes: list[dict[str, Any]] = []
    rows = []
    for instance in record.instances:
        made, kept = _shapes(instance, groups, record, dialect, with_masks)
        shapes += made
        rows.append(forms.written(instance, kept))
    place = json_path(record)
    content: dict[str, Any] = {
        "version": dialect.version,
        "flags": extras.flags(record.attributes),
    }
    if dialect.checked:
        failed = dict(record.attributes).get("checked") == "failed"
        content["checked"] = "failed" if failed else record.accepted is True
    content |= {
        "shapes": shapes,
        "imagePath": relative(record.path or record.name, place),
        "imageData": None,
        "imageHeight": record.height,
        "imageWidth": record.width,
    }
    content |= extras.fields(record.attributes, {*content, "checked"})
    payload = (place, json_file.to_bytes(content, indent=2))
    return EncodedImage(replace(record, instances=()), payload, tuple(rows))


def json_path(record: ImageRecord) -> str:
    """Where the file of an image is: beside it, or where it would be if the image stays in place."""
    path = record.path or record.name
    at = PurePosixPath(path if is_inside(path) else record.name)
    return str(at.with_suffix(".json"))


def is_inside(path: str) -> bool:
    """Whether a path is one within the exported folder."""
    pure = PurePosixPath(path)
    return not pure.is_absolute() and ".." not in pure.parts and ":" not in pure.parts[0]


def relative(path: str, place: str) -> str:
    """The path of an image as a file at ``place`` names it."""
    return posixpath.relpath(path, posixpath.dirname(place) or ".") if is_inside(path) else path


def assemble(encoded: Iterable[EncodedImage], context: WriteContext, folder: WritableFolder) -> None:
    """Writes the files. Of images that differ in their suffix only, later ones are "NAME.SUFFIX.json"."""
    taken: set[str] = set()
    for image in encoded:
        place, content = image.payload
        if place.casefold() in taken:
            name = PurePosixPath(image.record.path or image.record.name).name
            place = str(PurePosixPath(place).with_name(f"{name}.json"))
        taken.add(place.casefold())
        folder.write(place, content)


def image_path(record: ImageRecord) -> str:
    """Images keep their folders; their files lie beside them."""
    return record.name


class _GroupIds:
    """Gives out group ids: those that annotations have, as long as no other has it too, else new ones."""

    def __init__(self, instances: Iterable[InstanceRecord]) -> None:
        numbers = [g for i in instances if type(g := dict(i.attributes).get("group_id")) is int]
        self._next = max([0, *numbers]) + 1
        self._taken: set[tuple[str, object]] = set()

    def of(self, instance: InstanceRecord, shapes: int) -> object:
        """The group id of an annotation that is written as so many shapes; None: it has and needs none."""
        group = dict(instance.attributes).get("group_id")
        if group is None and shapes == 1:
            return None
        if group is None or (instance.label, group) in self._taken:
            group, self._next = self._next, self._next + 1
        self._taken.add((instance.label, group))
        return group


def _shapes(
    instance: InstanceRecord, groups: _GroupIds, record: ImageRecord, dialect: Dialect, with_masks: bool
) -> tuple[list[dict[str, Any]], Kept]:
    """The shapes of one annotation."""
    holes = forms.has_holes(instance.region)
    was_mask = dialect.masks and forms.is_mask(instance, record.width, record.height)
    if was_mask or (with_masks and holes):
        found = _mask_shape(instance, record)
        if found is not None:
            points, mask, kept = found
            shape = _fields(instance, groups.of(instance, 1), dialect, "mask", points)
            return [shape | {"mask": mask}], kept
    simple = forms.simple_shape(instance)
    if simple is not None and (drawn := _simple(instance.region, simple, dialect)) is not None:
        kind, points = drawn
        return [_fields(instance, groups.of(instance, 1), dialect, kind, points)], Kept()
    rings = forms.bridged_rings(instance.region)
    group = groups.of(instance, len(rings))
    shapes = [_fields(instance, group, dialect, "polygon", ring.tolist()) for ring in rings]
    if not holes:
        return shapes, Kept()
    iou = forms.read_back(instance, lambda: [forms.from_bridged(ring) for ring in rings])
    return shapes, Kept(iou, (Loss("bridged"),))


def _mask_shape(instance: InstanceRecord, record: ImageRecord) -> tuple[list[list[float]], str, Kept] | None:
    """Corners, pixels and report of a mask; None: it covers no pixel."""
    mask, x, y = masks.to_mask(instance.region, record.width, record.height)
    if not mask.size:
        return None
    height, width = mask.shape
    points = [[float(x), float(y)], [float(x + width - 1), float(y + height - 1)]]
    kept = Kept(regions.iou(instance.region, masks.from_mask(mask, x, y)))
    return points, masks.to_png_text(mask), kept


def _simple(region: Region, simple: str, dialect: Dialect) -> tuple[str, list[list[float]]] | None:
    """Type and points of a simple shape; None: the program has no such shape."""
    if simple == "box":
        x0, y0, x1, y1 = region.bounds
        two = [[x0, y0], [x1, y1]]
        return "rectangle", [[x0, y0], [x1, y0], [x1, y1], [x0, y1]] if dialect.four_corners else two
    if simple == "rotated box":
        found = forms.corners(region)
        return None if found is None else (dialect.rotated_box, found.tolist())
    circle = forms.axes(region)
    if circle is None or simple != "circle":
        return None
    x, y, radius, _ = circle
    return "circle", [[x, y], [x + radius, y]]


def _fields(
    instance: InstanceRecord, group: object, dialect: Dialect, kind: str, points: list[list[float]]
) -> dict[str, Any]:
    """A shape with its fields in the order of the program, then all others."""
    own = extras.fields(instance.written_attributes, {*_KNOWN, "group_id", "flags", forms.SHAPE})
    shape: dict[str, Any] = {"label": instance.label}
    if "score" in dialect.fields:
        shape["score"] = instance.score
    shape |= {"points": points, "group_id": group, "description": instance.note}
    shape |= {key: value for key, value in dialect.fields.items() if key != "score"}
    shape |= {"shape_type": kind, "flags": extras.flags(instance.attributes)}
    if "score" not in dialect.fields and instance.score is not None:
        shape["score"] = instance.score
    if instance.review not in (None, AnnotationReview.ACCEPTED):
        shape["review"] = instance.review.value
    if kind != "rotation":
        own.pop("direction", None)
    elif "direction" not in own:
        (x0, y0), (x1, y1) = points[:2]
        own["direction"] = round(math.atan2(y1 - y0, x1 - x0) % (2 * math.pi), 6)
    return shape | own
