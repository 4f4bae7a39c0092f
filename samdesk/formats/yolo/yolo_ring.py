"""Converts between a region and the single ring of a YOLO segmentation line.

The Ultralytics trainer truncates vertices to whole pixels and fills *including* the boundary, so a
ring along the true edge trains a mask that is too large. A ring therefore passes through the centres
of the boundary pixels: the region inset by half a pixel. Reading outsets it again, so that the region on
screen is the mask that trains.

The pixel is that of the image as the trainer resizes it (``samdesk.formats.yolo.inset``, which also says how
a line tells by how much it is inset). For COCO's polygons the trained mask has IoU 0.99 (median) and 0.95
(5th percentile) with COCO's at 640, in images of 640 pixels as well as in those five times as large; along
the true edge 0.95 and 0.79. Inset by half a pixel of the larger image it would be 0.96 and 0.83.

Inset vertices lie on a lattice of 1/8 or 1/16 image pixel (which includes pixel centres), and a written
ring is a fixed point of reading and writing: reading and writing it again gives the same numbers.

Parts and holes are joined to one ring by zero-width bridges, edges traversed in both directions. The
trainer's even-odd fill cancels them except for a line of one pixel between parts, so they are short.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray
from shapely.geometry import LinearRing, LineString, MultiLineString, MultiPolygon, Polygon

from samdesk.domain.geometry import regions
from samdesk.domain.geometry.outline import corner_count
from samdesk.domain.geometry.types import Region
from samdesk.formats.yolo import fill, inset
from samdesk.formats.yolo.bridges import join_rings, split_ring
from samdesk.formats.yolo.traced import traced_core

OUTSET_MITRE = 2.0
"""Mitre limit of the outset: a sharp tip grows by at most this many insets; the inset restores it."""
INSET_MITRE = 8.0
"""Mitre limit of the inset: the depth of a sharp notch. With less it would creep at every round trip."""
THIN = 0.97
"""A part that keeps a smaller share of its area when inset and outset is thin somewhere."""
_THIN_INSETS = (0.8, 0.6, 0.4, 0.2, 0.0)
"""Of the inset."""
ROUNDS = 4
_TRACED_ROUNDS = 3
_CLOSINGS = ((1.5, 32.0), (2.0, 64.0), (3.0, 128.0), (4.0, 256.0))
"""After ``ROUNDS``: the radius to which notches are filled, and how far around what still moves; insets."""
MOST_FILLED = 1.1
"""Filling stops once the area has grown by more than this factor."""
_MOST_STAIRS = 4_000_000
_MOST_RINGS = 200
"""Objects have a handful of rings; the masks of an untrained network have thousands and take minutes."""
_MOST_VERTICES = 10_000
_COARSEST_PX = 16.0


@dataclass(frozen=True)
class RingFrame:
    """The image, and by how much rings in it are inset, pixels."""

    width: int
    height: int
    inset: float

    @property
    def lattice(self) -> float:
        return inset.lattice_px(self.inset)


def region_to_ring(
    region: Region, width: int, height: int, inset_px: float = inset.PLAIN_PX
) -> NDArray[np.float64]:
    """The ring to write for a region: (N, 2) x and y in image pixels, open, N >= 3.

    Parts that would vanish when inset keep a shape as wide as two insets. An empty region gives (0, 2).

    Args:
        region: Image pixels.
        width: Image width, pixels.
        height: Image height, pixels.
        inset_px: A multiple of the lattice (``inset.inset_px``), at most a quarter of the image, or 0.5.
    """
    if region.is_empty:
        return np.zeros((0, 2))
    frame = RingFrame(width, height, inset_px)
    region = _without_specks(region, frame)
    core = _snap(_inset(region, inset_px), frame)
    read = _read(core, frame)
    if not _equal(read, region):  # it was not read from a line that was written
        if len(region.geoms) > 1 or read.area < THIN * region.area:
            core = _core(region, frame)
            read = _read(core, frame)
        core = _fixed_point(core, read, frame)
    return _ring(core, inset_px)


def traced_ring(
    region: Region, size: tuple[int, int], inset_px: float, train_size: int
) -> NDArray[np.float64]:
    """The ring along the pixels of the training grid that a region has (``traced``), as ``region_to_ring``.

    (0, 2) if reading and writing it would not give the same.
    """
    frame = RingFrame(*size, inset_px)
    core = traced_core(region, size, train_size, frame.lattice)
    if len(core.geoms) > _MOST_RINGS:
        return np.zeros((0, 2))
    for _ in range(_TRACED_ROUNDS):
        again = _round_trip(core, frame)
        if again.is_empty:
            break
        if _equal(again, core):
            return _ring(again, inset_px)
        core = again
    return np.zeros((0, 2))


def _ring(core: Region, inset_px: float) -> NDArray[np.float64]:
    rings = [ring for polygon in core.geoms for ring in (polygon.exterior, *polygon.interiors)]
    return inset.mark(join_rings([np.asarray(ring.coords)[:-1] for ring in rings]), inset_px)


def reads_as(ring: NDArray[np.float64], region: Region, width: int, height: int) -> bool:
    """Whether the values of a line, relative to the image's size, are read as this very region."""
    return _equal(ring_in_image(ring, width, height), region)


def _equal(one: Region, other: Region) -> bool:
    return bool(one.normalize().equals_exact(other.normalize(), 1e-6))


def _without_specks(region: Region, frame: RingFrame) -> Region:
    """Coarsens a region and keeps only its largest parts and holes if writing it would take minutes."""
    rings = [ring for part in region.geoms for ring in (part.exterior, *part.interiors)]
    if len(rings) > _MOST_RINGS:
        region = _largest_rings(region, rings)
    tolerance = 2 * frame.inset
    while shapely.get_num_coordinates(region) > _MOST_VERTICES and tolerance < _COARSEST_PX:
        rough = shapely.simplify(region, tolerance, preserve_topology=False)
        region, tolerance = regions.clean(rough), tolerance * 2
    return region


def _largest_rings(region: Region, rings: list[LinearRing]) -> Region:
    least = np.partition([Polygon(ring).area for ring in rings], -_MOST_RINGS)[-_MOST_RINGS]
    kept = [
        Polygon(part.exterior, [hole for hole in part.interiors if Polygon(hole).area >= least])
        for part in region.geoms
        if Polygon(part.exterior).area >= least
    ]
    return regions.clean(MultiPolygon(kept))


def _fixed_point(core: Region, read: Region, frame: RingFrame) -> Region:
    """The fixed point of reading and writing that is reached from ``core``, which is read as ``read``.

    Most cores are one already, and gaps narrower than a pixel close in the first round. The tip of a
    needle-sharp notch may creep from round to round: it is filled, and if that fills too much the
    outline becomes that of pixels, whose right angles are always stable.
    """
    start = core
    for closing in ((None,) * ROUNDS) + _CLOSINGS:
        again = _snap(_inset(read, frame.inset), frame)
        if again.equals_exact(core, 1e-9):
            return core
        if again.is_empty:
            break
        core = (
            again
            if closing is None
            else _snap(_filled(again, core, *(frame.inset * by for by in closing)), frame)
        )
        if core.area > MOST_FILLED * start.area:
            break
        read = _read(core, frame)
    return _stairs(start, frame)


def _stairs(core: Region, frame: RingFrame) -> Region:
    """A core along pixels, two lattice steps wide where the mask is as narrow as two insets.

    Pixels are united four by four until they are not narrower than that, and until there are few enough
    vertices: a longer outline would be coarsened when it is written again. For the same reason only its
    largest rings are kept.

    A very large region would have too many vertices and is returned unchanged: its notch may creep by a
    fraction of a pixel at every writing.
    """
    x0, y0, x1, y1 = core.bounds
    if (x1 - x0) * (y1 - y0) > _MOST_STAIRS:
        return core
    mask, pixel = regions.rasterize(_outset(core, frame.inset), frame.height, frame.width), 1
    while pixel < 2 * frame.inset or corner_count(mask) > _MOST_VERTICES // 2:
        mask, pixel = fill.united(mask), pixel * 2
    pixels = regions.scale(regions.from_mask(mask), pixel, pixel)
    rings = [ring for part in pixels.geoms for ring in (part.exterior, *part.interiors)]
    if len(rings) > _MOST_RINGS:
        pixels = _largest_rings(pixels, rings)
    stairs = _snap(_inset(pixels, frame.inset - frame.lattice), frame)
    return _box(core, frame) if stairs.is_empty else stairs


def _box(core: Region, frame: RingFrame) -> Region:
    """The bounding box of a core so small that its mask has no pixel, at least a lattice step wide."""
    x0, y0, x1, y1 = core.bounds
    x0, y0 = (
        min(x0, frame.width - frame.inset - frame.lattice),
        min(y0, frame.height - frame.inset - frame.lattice),
    )
    box = regions.from_box(x0, y0, max(x1, x0 + frame.lattice), max(y1, y0 + frame.lattice))
    return regions.clean(shapely.normalize(box))


def _round_trip(core: Region, frame: RingFrame) -> Region:
    """The core that results from writing ``core`` and reading it back."""
    return _snap(_inset(_read(core, frame), frame.inset), frame)


def _read(core: Region, frame: RingFrame) -> Region:
    """The region that is read of a core."""
    return regions.clip(_outset(core, frame.inset), frame.width, frame.height)


def _filled(region: Region, before: Region, radius: float, around: float) -> Region:
    """Fills notches too narrow for a disc of this radius (morphological closing), near what has moved."""
    where = region.symmetric_difference(before).buffer(around, quad_segs=2)
    closed = region.buffer(radius, quad_segs=4).buffer(-radius, quad_segs=4)
    return regions.clean(region.union(closed.intersection(where)))


def ring_to_region(ring: ArrayLike) -> Region:
    """The region that a ring (N, 2), image pixels, trains: even-odd filled, outset as much as it was inset.

    That is half a pixel, unless its mark says otherwise. Bridges are removed. A ring without area gives the
    line that it trains, two insets wide. A ring that is very long or crosses itself very often gives the
    pixels that it trains (``samdesk.formats.yolo.fill``).
    """
    points, by = inset.unmark(np.asarray(ring, dtype=np.float64).reshape(-1, 2))
    points = _unrounded(points, inset.lattice_px(by))
    rings = split_ring(points)
    if rings and fill.is_tangled(rings):
        return fill.painted(rings)
    core = fill.even_odd(rings) if rings else regions.EMPTY
    if regions.is_drawable(core):
        return _outset(core, by)
    if len(points) and fill.is_tangled([points]):
        return fill.painted([points])
    return _painted_line(points, by)


def ring_in_image(ring: NDArray[np.float64], width: int, height: int) -> Region:
    """``ring_to_region`` of the values of a line, relative to the image's size, clipped to the image."""
    return regions.clip(ring_to_region(np.clip(ring, 0, 1) * [width, height]), width, height)


def _painted_line(points: NDArray[np.float64], by: float) -> Region:
    """The closed polyline, widened to each side, with square caps."""
    edges = np.stack([points, np.roll(points, -1, axis=0)], axis=1)
    lines = [LineString(edge) for edge in edges if np.any(edge[0] != edge[1])]
    if not lines:
        pixels = [shapely.Point(point).buffer(by, cap_style="square") for point in points[:1]]
        return regions.clean(MultiPolygon(pixels))
    return regions.clean(shapely.buffer(MultiLineString(lines), by, cap_style="square"))


def _unrounded(points: NDArray[np.float64], step: float) -> NDArray[np.float64]:
    """Snaps points back to the lattice if they were on it before being rounded to text."""
    snapped: NDArray[np.float64] = np.round(points / step) * step
    return snapped if np.abs(points - snapped).max(initial=0.0) < step / 6 else points


def _inset(region: Region, by: float) -> Region:
    return _offset(region, -by, INSET_MITRE)


def _outset(region: Region, by: float) -> Region:
    return _offset(region, by, OUTSET_MITRE)


def _offset(region: Region, by: float, mitre_limit: float) -> Region:
    # Which of several collinear vertices are kept depends on a ring's start: hence normalize.
    with np.errstate(all="ignore"):  # for a needle GEOS divides by a length that may be 0, and goes on
        moved = shapely.buffer(shapely.normalize(region), by, join_style="mitre", mitre_limit=mitre_limit)
    return regions.clean(moved)


def _snap(region: Region, frame: RingFrame) -> Region:
    """Snaps a region to the lattice and clips it to the inset border of the image, in canonical order."""
    x0, y0, x1, y1 = region.bounds if not region.is_empty else (1.0, 1.0, 1.0, 1.0)
    by, right, bottom = frame.inset, frame.width - frame.inset, frame.height - frame.inset
    if x0 < by or y0 < by or x1 > right or y1 > bottom:
        inner = shapely.box(by, by, right, bottom)
        region = regions.clean(shapely.intersection(region, inner))
    snapped = rounded(region, frame)
    if shapely.is_valid(snapped) and not shapely.is_empty(snapped):
        snapped = shapely.remove_repeated_points(snapped)
    else:  # vertices have met others: what crosses then is noded
        snapped = shapely.set_precision(region, frame.lattice)
        snapped = regions.clean(shapely.set_precision(snapped, 0.0, mode="pointwise"))
    result = shapely.normalize(snapped)
    return result if isinstance(result, MultiPolygon) else regions.clean(result)


def rounded(geometries: Any, frame: RingFrame) -> Any:
    """A geometry, or an array of them, with every vertex on the lattice; perhaps no longer valid."""
    moved = shapely.set_precision(geometries, frame.lattice, mode="pointwise")
    # Resetting the precision keeps later operations from rounding to it.
    return shapely.set_precision(moved, 0.0, mode="pointwise")


def _core(region: Region, frame: RingFrame) -> Region:
    """The inset region; thin parts are inset less, so that they do not vanish."""
    cores = [_part_core(regions.from_polygons([part]), frame) for part in region.geoms]
    if len(cores) == 1:
        return cores[0]
    return _snap(regions.clean(shapely.union_all(cores)), frame)


def _part_core(part: Region, frame: RingFrame) -> Region:
    core = _snap(_inset(part, frame.inset), frame)
    if _outset(core, frame.inset).area >= THIN * part.area:
        return core
    candidates = [core, *(_snap(_inset(part, frame.inset * by), frame) for by in _THIN_INSETS)]
    candidates.append(_sliver(part, frame))
    return max(
        (c for c in candidates if not c.is_empty), key=lambda c: regions.iou(_outset(c, frame.inset), part)
    )


def _sliver(part: Region, frame: RingFrame) -> Region:
    """The long axis of a part as a polygon one lattice step wide, within the image."""
    x0, y0, x1, y1 = part.bounds
    centre, half = np.array([x0 + x1, y0 + y1]) / 2, _long_axis(part) / 2
    length = float(np.hypot(*half))
    half = half * max(0.0, 1 - frame.inset / length) if length > 0 else half
    ends = np.round(np.array([centre - half, centre + half]) / frame.lattice) * frame.lattice
    if not np.any(ends[0] != ends[1]):
        ends[1, 0] += frame.lattice
    flat = abs(ends[1, 0] - ends[0, 0]) >= abs(ends[1, 1] - ends[0, 1])
    step = np.array([0.0, frame.lattice]) if flat else np.array([frame.lattice, 0.0])
    limit = np.array([frame.width, frame.height]) - frame.inset
    ring = np.array([ends[0], ends[1], ends[1] + step, ends[0] + step])
    ring -= np.maximum(ring.max(axis=0) - limit, 0.0)
    ring += np.maximum(frame.inset - ring.min(axis=0), 0.0)
    sliver = regions.from_ring(ring)
    snapped = _snap(sliver, frame)
    return sliver if snapped.is_empty else snapped  # an image one pixel wide has no inside


def _long_axis(part: Region) -> NDArray[np.float64]:
    """The longer side of a part's minimum rotated rectangle, as a vector."""
    with np.errstate(all="ignore"):  # shapely divides by a width that may be 0
        corners = shapely.get_coordinates(shapely.oriented_envelope(part))
    if len(corners) < 3 or not np.isfinite(corners).all():
        return np.zeros(2)
    sides = corners[1:3] - corners[:2]
    longest: NDArray[np.float64] = sides[int(np.argmax(np.hypot(sides[:, 0], sides[:, 1])))]
    return longest
