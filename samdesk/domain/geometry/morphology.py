"""Grows, shrinks, fills, smooths and simplifies regions.

Valid regions inside the image in and out. The image's edge is no outline: a region that the edge cuts
off neither grows beyond it nor draws back from it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import MultiPolygon, Polygon

from samdesk.domain.geometry import boolean, regions
from samdesk.domain.geometry.types import Region

_QUARTER = 8
"""Segments of a quarter circle around a convex vertex."""
_FIRST_STEP = 1.0
"""Pixels. The outline is moved by 1, 2, 4, ... pixels: each step rounds it for the next, which is much faster
where it is jagged."""
_STEP_WITHIN = 0.05
"""Maximum deviation that each step adds by leaving out vertices, pixels."""
_SAMPLES_PER_SIGMA = 2.0
_MOST_SAMPLES = 20_000
_SMOOTH_WITHIN = 0.05
"""Maximum deviation of a smoothed outline from the smooth curve, pixels."""
_ON_EDGE = 1e-6
_SMALLEST_STEP = 1e-3

Points = NDArray[np.float64]


def grow(region: Region, pixels: float, width: float, height: float) -> Region:
    """Moves the outline outwards by ``pixels``, or inwards where it is negative; corners become round.

    Returns:
        The region, clipped to the image; ``EMPTY`` if it shrinks to nothing. Growing may join parts and
        close holes, shrinking may split and drop parts.
    """
    if abs(pixels) < _SMALLEST_STEP or region.is_empty:
        return region
    if pixels > 0:
        return regions.clip(offset(region, pixels), width, height)
    x0, y0, x1, y1 = region.bounds
    if x0 > _ON_EDGE and y0 > _ON_EDGE and x1 < width - _ON_EDGE and y1 < height - _ON_EDGE:
        return offset(region, pixels)
    room = -2 * pixels
    frame = shapely.box(max(x0 - room, 0), max(y0 - room, 0), min(x1 + room, width), min(y1 + room, height))
    with np.errstate(all="ignore"):
        background = boolean.as_region(shapely.difference(frame, region))
    return boolean.subtract(region, offset(background, -pixels))


def offset(region: Region, pixels: float) -> Region:
    """As ``grow``, of a plane without an edge."""
    with np.errstate(all="ignore"):
        for step in _steps(pixels):
            moved = shapely.buffer(region, step, quad_segs=_QUARTER)
            region = regions.clean(shapely.simplify(moved, _STEP_WITHIN, preserve_topology=False))
    return boolean.as_region(region)


def _steps(pixels: float) -> list[float]:
    steps, step, left = [], _FIRST_STEP, abs(pixels)
    while left > 1.3 * step:
        steps.append(step)
        left, step = left - step, 2 * step
    return [float(np.copysign(s, pixels)) for s in (*steps, left)]


def fill_holes(region: Region, largest: float | None = None) -> Region:
    """Fills holes of at most ``largest`` square pixels; all of them by default."""
    filled = [
        boolean.with_holes(part, [hole for hole in part.interiors if not _is_small(hole, largest)])
        for part in region.geoms
    ]
    if sum(len(part.interiors) for part in filled) == hole_count(region):
        return region
    # A part inside a filled hole is now inside the other part.
    return boolean.as_region(shapely.union_all(filled))


def drop_specks(region: Region, largest: float) -> Region:
    """Drops parts of at most ``largest`` square pixels, holes not counted; the largest part stays."""
    if len(region.geoms) < 2:
        return region
    areas = shapely.area(shapely.get_parts(region))
    keep = areas > largest
    keep[int(np.argmax(areas))] = True
    return region if keep.all() else MultiPolygon(list(shapely.get_parts(region)[keep]))


def _is_small(hole: shapely.LinearRing, largest: float | None) -> bool:
    return largest is None or Polygon(hole).area <= largest


@dataclass(frozen=True, eq=False)
class Adjusted:
    """A smoothed or simplified region, and how it compares with the original.

    Attributes:
        region: The result.
        original: What it was made of.
    """

    region: Region
    original: Region

    @cached_property
    def vertices(self) -> int:
        """Vertices of the result."""
        return vertex_count(self.region)

    @cached_property
    def iou(self) -> float:
        """IoU of the result and the original, 0..1."""
        return 1.0 if self.region is self.original else regions.iou(self.region, self.original)


def vertex_count(region: Region) -> int:
    """Vertices of all rings, without the closing repeats."""
    return int(shapely.get_num_coordinates(region)) - len(region.geoms) - hole_count(region)


def hole_count(region: Region) -> int:
    """Holes of all parts."""
    return sum(len(part.interiors) for part in region.geoms)


def simplify(region: Region, tolerance: float) -> Adjusted:
    """Leaves out vertices: no old vertex is farther than ``tolerance`` pixels from the new outline.

    Parts and holes stay, as triangles at least.
    """
    if tolerance <= 0 or region.is_empty:
        return Adjusted(region, region)
    with np.errstate(all="ignore"):
        fewer = regions.clean(shapely.simplify(region, tolerance, preserve_topology=True))
    return Adjusted(fewer if regions.is_drawable(fewer) else region, region)


def smooth(region: Region, sigma: float, width: float, height: float) -> Adjusted:
    """Smooths the outline by a Gaussian of ``sigma`` pixels along it, without shrinking it on the whole.

    Rings too short to have a shape at that scale stay as they are. Vertices on the image's edge stay on it.
    """
    if sigma <= 0 or region.is_empty:
        return Adjusted(region, region)
    parts = [
        Polygon(
            *_smooth_rings(
                [np.asarray(r.coords)[:, :2] for r in (p.exterior, *p.interiors)], sigma, width, height
            )
        )
        for p in region.geoms
    ]
    with np.errstate(all="ignore"):
        bent = regions.clip(regions.clean(MultiPolygon(parts)), width, height)
        bent = regions.clean(shapely.simplify(bent, _SMOOTH_WITHIN, preserve_topology=False))
    return Adjusted(bent if regions.is_drawable(bent) else region, region)


def _smooth_rings(
    rings: list[Points], sigma: float, width: float, height: float
) -> tuple[Points, list[Points]]:
    shell, *holes = (_smooth_ring(ring, sigma, width, height) for ring in rings)
    return shell, holes


def _smooth_ring(ring: Points, sigma: float, width: float, height: float) -> Points:
    """A closed ring, resampled evenly and smoothed by ``2 G - G G``, which keeps its large forms."""
    lengths = np.hypot(*np.diff(ring, axis=0).T)
    at = np.concatenate([[0.0], np.cumsum(lengths)])
    if at[-1] < 6 * sigma:
        return ring
    samples = int(np.clip(at[-1] / sigma * _SAMPLES_PER_SIGMA * 2, 16, _MOST_SAMPLES))
    where = np.arange(samples) * (at[-1] / samples)
    even = np.column_stack([np.interp(where, at, ring[:, axis]) for axis in (0, 1)])
    frequency = np.fft.rfftfreq(samples, at[-1] / samples)
    gauss = np.exp(-2 * (np.pi * sigma * frequency) ** 2)
    kept = (2 * gauss - gauss * gauss)[:, None]
    smoothed = np.fft.irfft(np.fft.rfft(even, axis=0) * kept, n=samples, axis=0)
    for axis, end in ((0, width), (1, height)):
        for edge in (0.0, float(end)):
            smoothed[np.abs(even[:, axis] - edge) <= _ON_EDGE, axis] = edge
    return np.clip(smoothed, 0.0, [width, height])
