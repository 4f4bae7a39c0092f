"""Creates, validates, compares and rasterises regions.

A region is a valid shapely ``MultiPolygon`` in image pixels, (x, y). Every function returns a new
value; none raises on an empty region.

Expensive operations use shapely's functions (``shapely.buffer(region, ...)``), not methods
(``region.buffer(...)``): only the functions release the GIL, which the window waits for.
"""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from shapely.geometry import MultiPolygon, Polygon
from shapely.geometry.base import BaseGeometry

from samdesk.domain.geometry.outline import mask_rings
from samdesk.domain.geometry.types import BoolArray, Region
from samdesk.domain.geometry.windows import fill_windows

EMPTY: Region = MultiPolygon()
_ROUNDING = 1e-6


def clean(geometry: BaseGeometry) -> Region:
    """Makes any geometry a valid region: unites shells, subtracts holes, drops lines and points.

    A bow tie becomes two parts; a hole that crosses its part's outline only cuts what is inside.
    """
    if not shapely.is_valid(geometry):
        geometry = shapely.make_valid(geometry, method="structure", keep_collapsed=False)
    if isinstance(geometry, MultiPolygon):
        return geometry
    return from_polygons(_polygons(geometry))


def _polygons(geometry: BaseGeometry) -> list[Polygon]:
    if isinstance(geometry, Polygon):
        return [] if geometry.is_empty else [geometry]
    return [p for part in getattr(geometry, "geoms", ()) for p in _polygons(part)]


def from_polygons(polygons: Iterable[Polygon]) -> Region:
    """A region of polygons that do not overlap."""
    return MultiPolygon([p for p in polygons if p.area > 0.0])


def from_ring(points: ArrayLike) -> Region:
    """The inside of one ring, (N, 2) x and y in image pixels, open or closed; empty below 3 points."""
    ring = np.asarray(points, dtype=np.float64).reshape(-1, 2)
    return EMPTY if len(ring) < 3 else clean(Polygon(ring))


def from_box(x0: float, y0: float, x1: float, y1: float) -> Region:
    """An upright rectangle; the corners may come in any order."""
    return clean(shapely.box(min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)))


def from_mask(mask: BoolArray) -> Region:
    """The pixel-exact outline of an (H, W) mask: ``rasterize`` gives the same mask back.

    Pixels are 4-connected: those that touch only diagonally belong to different parts.
    """
    parts = [Polygon(shell, holes) for shell, holes in mask_rings(mask)]
    return clean(MultiPolygon(parts))


def rasterize(region: Region, height: int, width: int) -> BoolArray:
    """(height, width) bool: a pixel is set if its centre is inside, as in COCO.

    A centre exactly on an edge belongs to the region right of it or below it. The cost depends on the
    region's bounds; only allocating the result depends on the image size.
    """
    mask = np.zeros((height, width), dtype=np.bool_)
    if region.is_empty:
        return mask
    x0, y0, x1, y1 = (int(v) for v in _pixel_bounds(region, height, width))
    if x1 > x0 and y1 > y0:
        ends = _edges(region) - np.array([x0, y0, x0, y0], dtype=np.float64)
        mask[y0:y1, x0:x1] = fill_even_odd(ends, y1 - y0, x1 - x0)
    return mask


def _pixel_bounds(region: Region, height: int, width: int) -> tuple[float, float, float, float]:
    x0, y0, x1, y1 = region.bounds
    return (
        max(0.0, np.floor(x0)),
        max(0.0, np.floor(y0)),
        min(float(width), np.ceil(x1)),
        min(float(height), np.ceil(y1)),
    )


def _edges(region: Region) -> NDArray[np.float64]:
    """Every edge of every ring as (N, 4) x0, y0, x1, y1."""
    coords = shapely.get_coordinates(region)
    edges = np.hstack([coords[:-1], coords[1:]])
    if shapely.get_num_geometries(region) == 1 and not region.geoms[0].interiors:  # one ring, as most have
        return edges
    counts = shapely.get_num_coordinates(shapely.get_rings(shapely.get_parts(region)))
    inside_ring = np.ones(len(edges), dtype=np.bool_)
    inside_ring[np.cumsum(counts)[:-1] - 1] = False  # from the end of a ring to the start of the next
    return edges[inside_ring]


def fill_even_odd(edges: NDArray[np.float64], height: int, width: int) -> BoolArray:
    """Even-odd fill of (N, 4) edges x0, y0, x1, y1: (height, width), set where a pixel's centre is inside.

    Where an edge crosses a row's centre line, all pixels to its right toggle. Takes the time and memory of as
    many steps as the edges have rows together.
    """
    none = np.zeros(len(edges), dtype=np.int64)
    filled, _ = fill_windows(edges, none, np.array([height]), np.array([width]))
    return filled.reshape(height, width + 1)[:, :width]


def clip(region: Region, width: float, height: float) -> Region:
    """The part of a region that lies on the image."""
    x0, y0, x1, y1 = region.bounds if not region.is_empty else (0.0, 0.0, 0.0, 0.0)
    if x0 >= 0 and y0 >= 0 and x1 <= width and y1 <= height:
        return region
    with np.errstate(all="ignore"):  # GEOS divides by what may be 0, and goes on
        return clean(shapely.intersection(region, shapely.box(0, 0, width, height)))


def translate(region: Region, dx: float, dy: float) -> Region:
    """The region moved by (dx, dy) image pixels."""
    return clean(shapely.transform(region, lambda xy: xy + np.array([dx, dy])))


def scale(region: Region, sx: float, sy: float) -> Region:
    """The region with x and y multiplied, as when its image is resized."""
    return clean(shapely.transform(region, lambda xy: xy * np.array([sx, sy])))


def iou(a: Region, b: Region) -> float:
    """Intersection over union of the exact areas, 0..1; 0 for two empty regions."""
    with np.errstate(all="ignore"):  # as in ``clip``
        shared = shapely.intersection(a, b).area
    total = a.area + b.area - shared
    return float(shared / total) if total > 0 else 0.0


def contains(region: Region, x: float, y: float) -> bool:
    """Whether a point in image pixels is in the region or on its outline."""
    return bool(shapely.intersects_xy(region, x, y))


def is_drawable(region: Region) -> bool:
    """Whether a region has a positive area."""
    return not region.is_empty and region.area > 0.0


def is_box(region: Region) -> bool:
    """Whether a region is an upright rectangle."""
    if len(region.geoms) != 1 or region.geoms[0].interiors:
        return False
    x0, y0, x1, y1 = region.bounds
    area = (x1 - x0) * (y1 - y0)
    return bool(area > 0 and region.area >= area * (1 - _ROUNDING))
