"""The rings of many simple regions at once, and the regions of many simple rings.

Most regions are one part without holes, nowhere thin, whose core is soon a fixed point. For these
``yolo_ring.region_to_ring`` and ``yolo_ring.ring_in_image`` take the same few steps, and most of their time
is spent between GEOS and Python.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import shapely
from numpy.typing import NDArray

from samdesk.domain.geometry.types import BoolArray, Region
from samdesk.formats.yolo import inset, yolo_ring
from samdesk.formats.yolo.yolo_ring import RingFrame

_MOST_VERTICES = 2_000
_POLYGON, _MULTIPOLYGON = 3, 6
_EXACT = 1e-9

_Geometries = NDArray[np.object_]


def simple_rings(
    regions: Sequence[Region], width: int, height: int, inset_px: float
) -> list[NDArray[np.float64] | None]:
    """Returns ``yolo_ring.region_to_ring`` of regions on the image; None of those that are not simple.

    Args:
        regions: Image pixels.
        width: Image width, pixels.
        height: Image height, pixels.
        inset_px: As for ``region_to_ring``.
    """
    frame = RingFrame(width, height, inset_px)
    found: list[NDArray[np.float64] | None] = [None] * len(regions)
    given = np.empty(len(regions), dtype=object)
    given[:] = regions
    which = np.flatnonzero(_are_plain(given) & _are_inside(given, 0.0, 0.0, width, height))
    with np.errstate(all="ignore"):  # for a needle GEOS divides by a length that may be 0, and goes on
        which, whole, cores = _step(which, given[which], frame)
        read = _read(cores, frame)
        keeps = shapely.area(read) >= yolo_ring.THIN * shapely.area(whole)
        for number, core in _fixed_points(which[keeps], cores[keeps], read[keeps], frame):
            found[number] = inset.mark(shapely.get_coordinates(core)[:-1], inset_px)
    return found


def _fixed_points(
    which: NDArray[np.intp], cores: _Geometries, read: _Geometries, frame: RingFrame
) -> Iterator[tuple[int, shapely.Polygon]]:
    """Yields the numbers of cores and the fixed points that they reach soon, as ``region_to_ring`` does."""
    most = yolo_ring.MOST_FILLED * shapely.area(cores)
    for _ in range(yolo_ring.ROUNDS):
        place, _, again = _step(np.arange(len(which)), read, frame)
        which, cores, most = which[place], cores[place], most[place]
        same = shapely.equals_exact(again, cores, _EXACT)
        yield from zip(which[same].tolist(), cores[same], strict=True)
        goes_on = ~same & (shapely.area(again) <= most)
        which, cores, most = which[goes_on], again[goes_on], most[goes_on]
        if not len(which):
            return
        read = _read(cores, frame)


def simple_regions(rings: Sequence[NDArray[np.float64]], width: int, height: int) -> list[Region | None]:
    """Returns ``yolo_ring.ring_in_image`` of rings; None of those that are not simple.

    Args:
        rings: (N, 2) values relative to the image's size, each.
        width: Image width, pixels.
        height: Image height, pixels.
    """
    found: list[Region | None] = [None] * len(rings)
    fit = [i for i, ring in enumerate(rings) if 3 <= len(ring) <= _MOST_VERTICES]
    if not fit:
        return found
    counts = np.array([len(rings[i]) for i in fit])
    points = np.clip(np.concatenate([rings[i] for i in fit]), 0, 1) * [width, height]
    by = np.full(len(fit), inset.PLAIN_PX)
    starts = np.cumsum(counts) - counts
    if inset.may_be_marked(points[starts], points[starts + 1]).any():
        unmarked = [inset.unmark(ring) for ring in np.split(points, starts[1:])]
        by = np.array([distance for _, distance in unmarked])
        counts = np.array([len(ring) for ring, _ in unmarked])
        points = np.concatenate([ring for ring, _ in unmarked])
    polygons, which = _polygons(points, counts, by)
    with np.errstate(all="ignore"):  # for a needle GEOS divides by a length that may be 0, and goes on
        whole = shapely.buffer(
            shapely.normalize(polygons), by[which], join_style="mitre", mitre_limit=yolo_ring.OUTSET_MITRE
        )
        outside = np.flatnonzero(~_are_inside(whole, 0.0, 0.0, width, height))
        if len(outside):
            whole[outside] = shapely.intersection(whole[outside], shapely.box(0, 0, width, height))
    plain = np.flatnonzero(_are_polygons(whole))
    made = shapely.multipolygons(whole[plain], indices=np.arange(len(plain)))
    for number, region in zip(which[plain].tolist(), made, strict=True):
        found[fit[number]] = region
    return found


def _polygons(
    points: NDArray[np.float64], counts: NDArray[np.int64], by: NDArray[np.float64]
) -> tuple[_Geometries, NDArray[np.intp]]:
    """The polygons of rings that cross and touch themselves nowhere, and which rings these are.

    Args:
        points: Of all rings, image pixels.
        counts: The number of points of each, 3 or more.
        by: How far each is inset, image pixels.
    """
    starts = np.cumsum(counts) - counts
    owners = np.repeat(np.arange(len(counts)), counts)
    steps = np.array([inset.lattice_px(distance) for distance in by.tolist()])
    each = steps[owners, None]
    snapped = np.round(points / each) * each
    far = np.maximum.reduceat(np.abs(points - snapped).max(axis=1), starts)
    points = np.where((far < steps / 6)[owners, None], snapped, points)
    before = np.arange(len(points)) - 1
    before[starts] = starts + counts - 1
    keeps = (points != points[before]).any(axis=1)
    points, owners = points[keeps], owners[keeps]
    long_enough = np.bincount(owners, minlength=len(counts)) >= 3
    kept = long_enough[owners]
    points, owners = points[kept], owners[kept]
    which = np.flatnonzero(long_enough)
    if not len(which):
        return np.zeros(0, dtype=object), which
    numbers = np.cumsum(long_enough)[owners] - 1
    polygons = shapely.polygons(shapely.linearrings(points, indices=numbers))
    fit = shapely.is_valid(polygons) & (shapely.area(polygons) > 0.0)
    return polygons[fit], which[fit]


def _step(
    which: NDArray[np.intp], whole: _Geometries, frame: RingFrame
) -> tuple[NDArray[np.intp], _Geometries, _Geometries]:
    """Insets and snaps; only what gives a polygon at once is returned: its number, itself, its core."""
    moved = shapely.buffer(
        shapely.normalize(whole), -frame.inset, join_style="mitre", mitre_limit=yolo_ring.INSET_MITRE
    )
    fit = _are_polygons(moved)
    which, whole, moved = which[fit], whole[fit], moved[fit]
    by = frame.inset
    inside = _are_inside(moved, by, by, frame.width - by, frame.height - by)
    if not inside.all():
        inner = shapely.box(by, by, frame.width - by, frame.height - by)
        moved[~inside] = shapely.intersection(moved[~inside], inner)
        fit = _are_polygons(moved)
        which, whole, moved = which[fit], whole[fit], moved[fit]
    cores = yolo_ring.rounded(moved, frame)
    fit = _are_polygons(cores)
    return which[fit], whole[fit], shapely.normalize(shapely.remove_repeated_points(cores[fit]))


def _read(cores: _Geometries, frame: RingFrame) -> _Geometries:
    """The polygons that are read of cores; empty ones of those that become something else."""
    read: _Geometries = shapely.buffer(
        cores, frame.inset, join_style="mitre", mitre_limit=yolo_ring.OUTSET_MITRE
    )
    outside = ~_are_inside(read, 0.0, 0.0, frame.width, frame.height)
    if outside.any():
        read[outside] = shapely.intersection(read[outside], shapely.box(0, 0, frame.width, frame.height))
    read[~_are_polygons(read)] = shapely.Polygon()
    return read


def _are_plain(regions: _Geometries) -> BoolArray:
    one = (shapely.get_type_id(regions) == _MULTIPOLYGON) & (shapely.get_num_geometries(regions) == 1)
    few = shapely.get_num_coordinates(regions) <= _MOST_VERTICES
    plain = np.asarray(one & few & (shapely.area(regions) > 0.0), dtype=np.bool_)
    plain[plain] = shapely.get_num_interior_rings(shapely.get_geometry(regions[plain], 0)) == 0
    return plain


def _are_polygons(geometries: _Geometries) -> BoolArray:
    """Whether each is a valid polygon without holes."""
    one = (shapely.get_type_id(geometries) == _POLYGON) & (shapely.get_num_interior_rings(geometries) == 0)
    found: BoolArray = one & ~shapely.is_empty(geometries) & shapely.is_valid(geometries)
    return found


def _are_inside(geometries: _Geometries, x0: float, y0: float, x1: float, y1: float) -> BoolArray:
    bounds = shapely.bounds(geometries).reshape(-1, 4)
    least, most = (bounds[:, :2] >= (x0, y0)).all(axis=1), (bounds[:, 2:] <= (x1, y1)).all(axis=1)
    found: BoolArray = least & most
    return found
