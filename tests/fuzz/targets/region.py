"""Regions in a store: what GEOS and the rest of samdesk get to see."""

from __future__ import annotations

import base64
from pathlib import Path
from random import Random

import shapely
from shapely.geometry import GeometryCollection, MultiPolygon, Point, Polygon, box

from samdesk.base.errors import UserError
from samdesk.dataset.store import wkb
from samdesk.domain.annotation import Annotation, AnnotationId
from samdesk.domain.document import ImageDocument, ImageKey
from samdesk.domain.geometry import regions
from samdesk.domain.labels import LabelSet
from samdesk.formats.yolo import segmentation
from tests.fuzz.mutate import mutate_bytes
from tests.fuzz.target import Target

_SIZE = (120, 90)
_LABELS = LabelSet.from_names(["x"])


def _seeds(_folder: Path) -> list[bytes]:
    ring = Point(60, 45).buffer(30)
    holes = MultiPolygon([Polygon(ring.exterior, [Point(60, 45).buffer(5).exterior.coords]), box(1, 1, 9, 9)])
    return [shapely.to_wkb(holes), shapely.to_wkb(holes, byte_order=0), shapely.to_wkb(box(3, 3, 50, 60))]


def _mutate(data: bytes, other: bytes, rng: Random) -> bytes:
    if rng.random() < 0.1:
        inner = shapely.from_wkb(data)
        made = [GeometryCollection([inner]), inner.boundary, shapely.force_3d(inner), inner.centroid]
        return bytes(shapely.to_wkb(rng.choice(made)))
    if rng.random() < 0.05:
        return b"\x01\x07\x00\x00\x00\x01\x00\x00\x00" * rng.choice((1, 100, 200_000)) + data
    if rng.random() < 0.2:  # as in the history
        text = base64.b64encode(mutate_bytes(data, other, rng))
        return base64.b64decode(text)
    return mutate_bytes(data, other, rng)


def _read(data: bytes, _folder: Path) -> None:
    try:
        region = wkb.to_region(data, _SIZE)
    except wkb.NotARegionError as error:
        raise UserError(str(error)) from error
    assert region.is_valid
    assert not region.is_empty
    x0, y0, x1, y1 = region.bounds
    assert x0 >= 0
    assert y0 >= 0
    assert x1 <= _SIZE[0]
    assert y1 <= _SIZE[1]
    regions.rasterize(region, _SIZE[1], _SIZE[0])
    document = ImageDocument(
        ImageKey("x"), *_SIZE, (Annotation(AnnotationId("a"), _LABELS.labels[0].id, region),)
    )
    segmentation.write(document, _LABELS)


TARGET = Target(_seeds, _read, _mutate)
