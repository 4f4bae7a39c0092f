"""Clip: copied annotations, and how they are written on the clipboard and read from it.

The format is JSON (MIME type ``application/vnd.samdesk.annotations+json``, and the same as plain text):

    {"format": "samdesk-annotations", "version": 1,
     "image": {"name": "a/1.jpg", "width": 640, "height": 480},
     "annotations": [{"label": "person", "color": "#e69f00",
                      "geometry": {"type": "MultiPolygon", "coordinates": [[RING, HOLE, ...], ...]}}, ...]}

The geometry is GeoJSON's; its vertices are ``[x, y]`` in pixels of the EXIF-rotated image, from the top left
corner. ``color``, ``image`` and ``attributes`` (an object of texts and numbers) may be left out; what else
there is, is ignored.
"""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from shapely.geometry import MultiPolygon, Polygon

from samdesk.base import json_file
from samdesk.base.errors import UserError
from samdesk.base.text import counted
from samdesk.domain.annotation import Attributes
from samdesk.domain.geometry.regions import is_drawable
from samdesk.domain.geometry.types import Region

MIME_TYPE = "application/vnd.samdesk.annotations+json"
MOST_BYTES = 64 << 20
MOST_ANNOTATIONS = 20_000
MOST_VERTICES = 2_000_000
LONGEST_NAME = 200
MOST_ATTRIBUTES = 100_000
"""Characters of the attributes of an annotation."""
_FORMAT, _VERSION = "samdesk-annotations", 1
_FARTHEST = 1e6
"""Pixels; no image is so large."""
_DEPTH = 9
"""Lists and objects in each other: document, annotations, annotation, geometry, ..., ring, vertex."""
_COLOR = re.compile(r"#[0-9a-fA-F]{6}\Z")


class ClipError(UserError):
    """The clipboard holds no annotations, or ones that cannot be used."""

    code = "clipboard"


@dataclass(frozen=True)
class ClippedAnnotation:
    """A copied annotation: what it is and where, not what made it.

    Attributes:
        label: The name of its label.
        color: The colour of its label, ``#rrggbb``; "" if unknown.
        region: Image pixels.
        attributes: What else is known of it, as imported.
    """

    label: str
    color: str
    region: Region
    attributes: Attributes = ()


@dataclass(frozen=True)
class Clip:
    """Copied annotations, in painting order.

    Attributes:
        annotations: At least one.
        image: The name of the image they are from; "" if unknown.
        size: Width and height of that image, pixels; None if unknown.
    """

    annotations: tuple[ClippedAnnotation, ...]
    image: str = ""
    size: tuple[int, int] | None = None


def to_json(clip: Clip) -> bytes:
    """Returns a clip in the format of the clipboard; the vertices are exact."""
    head: dict[str, Any] = {"format": _FORMAT, "version": _VERSION}
    if clip.size is not None:
        head["image"] = {"name": clip.image, "width": clip.size[0], "height": clip.size[1]}
    regions = np.empty(len(clip.annotations), object)
    regions[:] = [a.region for a in clip.annotations]
    rows = [
        f'{{"label": {json.dumps(a.label)}, "color": {json.dumps(a.color)},{_attributes_text(a)}'
        f' "geometry": {geometry}}}'
        for a, geometry in zip(clip.annotations, shapely.to_geojson(regions), strict=True)
    ]
    return f'{json.dumps(head)[:-1]}, "annotations": [{", ".join(rows)}]}}\n'.encode()


def from_json(data: str | bytes) -> Clip:
    """Reads a clip in the format of the clipboard.

    Raises:
        ClipError: It is not one, or not one that can be used; the message says why.
    """
    if len(data) > MOST_BYTES:
        raise ClipError(f"What is on the clipboard is larger than {MOST_BYTES >> 20} MB.")
    try:
        value = json_file.parse_object(data, _DEPTH)
    except json_file.JsonError as error:
        raise ClipError(f"The annotations on the clipboard cannot be read: {error}.") from error
    if value.get("format") != _FORMAT:
        raise ClipError("There are no annotations on the clipboard.", next="Copy some first (Ctrl+C).")
    if value.get("version") != _VERSION:
        raise ClipError(
            "The annotations on the clipboard are in a format that this version does not know.",
            next="Copy and paste with the same version of samdesk.",
        )
    try:
        return _read(value)
    except (TypeError, ValueError, LookupError, AttributeError) as error:
        raise ClipError("The annotations on the clipboard are damaged.", next="Copy them again.") from error


def may_be_clip(text: str) -> bool:
    """Whether a text may be a clip: it names the format near its beginning."""
    return text.lstrip()[:1] == "{" and _FORMAT in text[:4096]


def _read(value: dict[str, Any]) -> Clip:
    rows = value["annotations"]
    if not isinstance(rows, list) or not rows:
        raise ClipError("There are no annotations on the clipboard.", next="Copy some first (Ctrl+C).")
    if len(rows) > MOST_ANNOTATIONS:
        raise ClipError(f"The clipboard holds more than {counted(MOST_ANNOTATIONS, 'annotation')}.")
    left = MOST_VERTICES
    annotations = []
    for number, row in enumerate(rows, start=1):
        geometry = row["geometry"]
        if geometry["type"] != "MultiPolygon":
            raise ClipError(f"Annotation {number} on the clipboard is no MultiPolygon.")
        region, used = _region(geometry["coordinates"], number, left)
        left -= used
        name = _name(row["label"], number)
        annotations.append(ClippedAnnotation(name, _color(row), region, _attributes(row, number)))
    image = value.get("image")
    if not isinstance(image, dict):
        return Clip(tuple(annotations))
    size = int(image["width"]), int(image["height"])
    return Clip(tuple(annotations), str(image["name"])[:LONGEST_NAME], size)


def _name(value: Any, number: int) -> str:
    name = " ".join(value.split()) if isinstance(value, str) else ""
    if not name or len(name) > LONGEST_NAME or not name.isprintable():
        raise ClipError(f"Annotation {number} on the clipboard has no usable label name.")
    return name


def _color(row: dict[str, Any]) -> str:
    color = row.get("color")
    return color.lower() if isinstance(color, str) and _COLOR.match(color) else ""


def _attributes_text(annotation: ClippedAnnotation) -> str:
    found = json.dumps(dict(annotation.attributes), allow_nan=False) if annotation.attributes else ""
    return f' "attributes": {found},' if found else ""


def _attributes(row: dict[str, Any], number: int) -> Attributes:
    """The attributes of a row of the clip; those that are neither text nor a number are left out."""
    found = row.get("attributes")
    if not isinstance(found, dict):
        return ()
    kept = tuple(sorted((k, v) for k, v in found.items() if isinstance(v, str | int | float)))
    if sum(len(name) + len(str(value)) for name, value in kept) > MOST_ATTRIBUTES:
        raise ClipError(f"Annotation {number} on the clipboard has too many attributes.")
    return kept


def _region(polygons: Any, number: int, most: int) -> tuple[Region, int]:
    """A region of the lists in JSON, and how many vertices it has."""
    used, parts = 0, []
    for polygon in polygons:
        rings = [_ring(ring, number) for ring in polygon]
        used += sum(map(len, rings))
        if used > most:
            raise ClipError(f"The outlines on the clipboard have more than {MOST_VERTICES:,} vertices.")
        parts.append(Polygon(rings[0], rings[1:]))
    region = MultiPolygon(parts)
    if not shapely.is_valid(region):
        raise ClipError(f"The outline of annotation {number} on the clipboard crosses itself.")
    if not is_drawable(region):
        raise ClipError(f"Annotation {number} on the clipboard has no area.")
    return region, used


def _ring(vertices: Any, number: int) -> np.ndarray[Any, np.dtype[np.float64]]:
    if not all(type(n) in (int, float) for vertex in vertices for n in vertex):
        raise TypeError("a vertex is two numbers")
    ring = np.array(vertices, np.float64).reshape(-1, 2)
    if len(ring) != len(vertices) or len(ring) < 3:
        raise ValueError("a ring is three vertices or more")
    if np.abs(ring).max() > _FARTHEST:
        raise ClipError(f"Annotation {number} on the clipboard lies far outside any image.")
    return ring
