"""Reads regions from well-known binary (WKB).

GEOS follows what the bytes claim: collections in each other until the stack ends, and counts of vertices that
take all memory. So type, counts and length are compared before it sees them.
"""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely
from shapely.geometry import MultiPolygon, Polygon

from samdesk.domain.geometry import regions
from samdesk.domain.geometry.types import Region

MOST_BYTES = 16 << 20
"""Of one region: a million vertices. The largest that samdesk makes have 100,000."""

_FARTHEST = 1e7
"""A vertex farther away, in pixels, is none of an image: GEOS's sums would overflow."""
_POLYGON, _MULTIPOLYGON = 3, 6
_HEAD = 5
"""Bytes of the byte order and the type."""
_VERTEX = 16


class NotARegionError(ValueError):
    """Bytes that are no region; the message begins with "its region"."""


def to_region(data: Any, size: tuple[int, int] | None = None) -> Region:
    """Returns the region in a value of the store.

    Args:
        data: The value.
        size: Width and height of the image, pixels: the region is clipped to it. None: unknown.

    Raises:
        NotARegionError: It is not one, is not finite, or does not touch the image.
    """
    check(data)
    try:
        with np.errstate(all="ignore"):  # a NaN that signals
            geometry = shapely.from_wkb(data)
    except (shapely.errors.GEOSException, ValueError) as error:
        raise NotARegionError(f"its region is not one ({str(error).splitlines()[0][:80]})") from error
    return _checked(geometry, size)


def to_regions(blobs: Sequence[Any], size: tuple[int, int], *, verified: bool) -> list[Region] | None:
    """Returns the regions in many values at once; None if any is not as samdesk writes it.

    Args:
        blobs: The values.
        size: Width and height of the image, pixels.
        verified: Whether their digests are right: that no outline crosses itself, which takes four times as
            long to find as all else, is not looked at then.
    """
    array = np.empty(len(blobs), dtype=object)
    array[:] = blobs
    try:
        for data in blobs:
            check(data)
        with np.errstate(all="ignore"):
            found = shapely.from_wkb(array)
    except (shapely.errors.GEOSException, ValueError):
        return None
    bounds = shapely.bounds(found)
    inside = (bounds[:, :2] >= 0).all() and (bounds[:, 2:] <= size).all()  # False for NaN
    if not inside or not np.isfinite(shapely.get_coordinates(found)).all():
        return None
    if not (verified or shapely.is_valid(found).all()):
        return None
    return [as_region(geometry) for geometry in found]


def check(data: Any) -> None:
    """Checks type, counts and length. Raises ``NotARegionError``."""
    if type(data) is not bytes:
        raise NotARegionError("its region is not binary")
    if len(data) > MOST_BYTES:
        raise NotARegionError("its region is too large")
    try:
        kind, order, at = _head(data, 0)
        if kind == _MULTIPOLYGON:
            (count,) = struct.unpack_from(f"{order}I", data, at)
            at += 4
            for _ in range(count):
                inner, inner_order, at = _head(data, at)
                if inner != _POLYGON:
                    raise NotARegionError("its region is not made of polygons")
                at = _skip_polygon(data, at, inner_order)
        elif kind == _POLYGON:
            at = _skip_polygon(data, at, order)
        else:
            raise NotARegionError("its region is not a polygon")
    except (struct.error, IndexError) as error:
        raise NotARegionError("its region is cut off") from error
    if at != len(data):
        raise NotARegionError("its region has another length than it says")


def check_region(region: Region, size: tuple[int, int]) -> None:
    """Checks that ``to_region`` will read a region of an image of this size. Raises ``NotARegionError``."""
    if shapely.get_num_coordinates(region) * _VERTEX > MOST_BYTES * 3 // 4:  # the rest is for its rings
        raise NotARegionError("its region is too large")
    x0, y0, x1, y1 = region.bounds if not region.is_empty else (0.0, 0.0, 0.0, 0.0)
    if not (x0 >= 0 and y0 >= 0 and x1 <= size[0] and y1 <= size[1] and regions.is_drawable(region)):
        _checked(region, size)


def as_region(geometry: Polygon | MultiPolygon) -> Region:
    """Returns a polygon as a region."""
    return MultiPolygon([geometry]) if isinstance(geometry, Polygon) else geometry


def _head(data: bytes, at: int) -> tuple[int, str, int]:
    """Type and byte order of a geometry, and where it goes on."""
    if data[at] > 1:
        raise NotARegionError("its region has no byte order")
    order = "<" if data[at] else ">"
    (kind,) = struct.unpack_from(f"{order}I", data, at + 1)
    return kind, order, at + _HEAD


def _skip_polygon(data: bytes, at: int, order: str) -> int:
    (rings,) = struct.unpack_from(f"{order}I", data, at)
    at += 4
    for _ in range(rings):
        (vertices,) = struct.unpack_from(f"{order}I", data, at)
        at += 4 + vertices * _VERTEX
        if at > len(data):
            raise NotARegionError("its region is cut off")
    return at


def _checked(geometry: Polygon | MultiPolygon, size: tuple[int, int] | None) -> Region:
    if geometry.is_empty:
        raise NotARegionError("its region is empty")
    if not (np.abs(shapely.get_coordinates(geometry)) <= _FARTHEST).all():  # False for NaN
        raise NotARegionError("its region is not finite")
    try:
        region = as_region(geometry) if shapely.is_valid(geometry) else regions.clean(geometry)
        region = region if size is None else regions.clip(region, *size)
    except shapely.errors.GEOSException as error:
        raise NotARegionError("its region cannot be drawn") from error
    if not regions.is_drawable(region):
        raise NotARegionError("its region does not lie on the image")
    return region
