"""Closed contour rings of a sample grid at level 0, as flat arrays: many cost hardly more than one.

Coordinates are those of the grid: x the column, y the row of a sample. Between four samples lies the
bilinear surface through them, ``f = z00 + q u + r v + s u v`` with u and v from the first of them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from contourpy import FillType, LineType, SerialContourGenerator, ZInterp
from numpy.typing import NDArray

from samdesk.domain.geometry import regions
from samdesk.domain.geometry.types import Region

_NO_MASK = np.zeros((), dtype=np.bool_)
BENT_WITHIN = 0.01
"""Maximum distance of a bent ring from the curve, in samples."""
_STRAIGHT = 0.008
"""Chords within this distance of the curve, in samples, are not refined."""
_BENDS = np.arange(1, 6)[:, None] / 6
"""Positions of the points added to other chords; the sharpest hyperbola needs five."""

Points = NDArray[np.float64]
Indices = NDArray[np.int64]


@dataclass(frozen=True, eq=False)
class Rings:
    """Rings of one or more parts, each shell followed by its holes.

    Attributes:
        points: (N, 2) x, y of all rings, each closed: its last point repeats its first.
        starts: (R + 1,) where each ring begins among the points, and N.
        shells: (P + 1,) where each part begins among the rings, and R.
    """

    points: Points
    starts: Indices
    shells: Indices

    def __len__(self) -> int:
        return len(self.starts) - 1

    def region(self) -> Region:
        """The rings as a region; valid if they are."""
        offsets = (self.starts, self.shells, np.array([0, len(self.shells) - 1]))
        region: Region = shapely.from_ragged_array(shapely.GeometryType.MULTIPOLYGON, self.points, offsets)[0]
        return region


def clear_of_zero(z: Points) -> Points:
    """Moves samples away from 0, so that rings do not touch there; 0 itself counts as negative."""
    size = np.abs(z)
    least = max(1e-6 * float(size.max()), 1e-30)
    if float(size.min()) >= least:
        return z
    return np.where(size < least, np.where(z > 0, least, -least), z)


def around_positive(z: Points) -> Rings | None:
    """Marching squares at level 0 around (rows, columns) samples, none of them 0; None if none is positive.

    In a cell whose corners alternate, the mean of the corners decides which of them are connected.
    """
    height, width = z.shape
    x, y = np.meshgrid(np.arange(width, dtype=np.float64), np.arange(height, dtype=np.float64))
    # The class itself: ``contour_generator`` spends more on looking for masked samples than it contours.
    generator = SerialContourGenerator(
        x,
        y,
        z,
        _NO_MASK,
        corner_mask=True,
        line_type=LineType.SeparateCode,
        fill_type=FillType.ChunkCombinedOffsetOffset,
        quad_as_tri=False,
        z_interp=ZInterp.Linear,
    )
    # One chunk: vertices of all rings, where each ring starts, where each part starts among the rings.
    chunks: tuple[Any, ...] = tuple(generator.filled(0.0, np.inf))
    points, starts, shells = (chunk[0] for chunk in chunks)
    return None if points is None else Rings(points, starts.astype(np.int64), shells.astype(np.int64))


def largest(rings: Rings, most: int) -> Rings:
    """Keeps the ``most`` rings with the largest areas: drops small parts and fills small holes.

    Whatever lies inside a ring is smaller than it, so nothing remains in a filled hole.
    """
    if len(rings) <= most:
        return rings
    keep = np.zeros(len(rings), dtype=np.bool_)
    keep[np.argsort(-_areas(rings), kind="stable")[:most]] = True
    lengths = np.diff(rings.starts)
    is_shell = np.zeros(len(rings), dtype=np.bool_)
    is_shell[rings.shells[:-1]] = True
    return Rings(
        rings.points[np.repeat(keep, lengths)],
        np.concatenate([[0], np.cumsum(lengths[keep])]),
        np.append(np.flatnonzero(is_shell[keep]), most),
    )


def _areas(rings: Rings) -> Points:
    x, y = rings.points.T
    cross = np.append(x[:-1] * y[1:] - x[1:] * y[:-1], 0.0)
    cross[rings.starts[1:] - 1] = 0.0  # from the end of a ring to the start of the next
    areas: Points = np.abs(np.add.reduceat(cross, rings.starts[:-1]))
    return areas


def bent(rings: Rings, z: Points) -> Rings:
    """The rings with more points where the surface leaves the chords from each point to the next.

    In a cell the surface is 0 along a hyperbola. Its slopes ``fu = q + s v`` and ``fv = r + s u`` are s times
    what v and u are from the hyperbola's centre, so their product is the same all along it. Points that
    divide a chord's ends geometrically in both bend evenly. The one in the middle is the farthest from
    the chord: from the chord's middle ``s du du / 2 (sqrt|fv0| + sqrt|fv1|)^2`` in u, alike in v.

    Ends on two branches, where the mean of a cell's corners and the height of its saddle differ in
    sign, keep their chord.
    """
    start, d = rings.points[:-1], np.diff(rings.points, axis=0)
    column, row, (q, r, s) = _surface(z, start + d / 2)
    (dx, dy), (x, y) = d.T, start.T
    fu, fv = q + s * (y - row), r + s * (x - column)
    fu_end, fv_end = fu + s * dy, fv + s * dx
    off_x, off_y = _middle(fv, fv_end, s * dx * dx), _middle(fu, fu_end, s * dy * dy)
    bends = np.abs(off_x * dy - off_y * dx) > _STRAIGHT * np.hypot(dx, dy)
    bends &= (fu * fu_end > 0) & (fv * fv_end > 0)  # both ends on one branch
    bends[rings.starts[1:-1] - 1] = False  # from the end of a ring to the start of the next
    which = np.flatnonzero(bends)
    if not len(which):
        return rings
    fu, fu_end, fv, fv_end, q, r, s = (v[which] for v in (fu, fu_end, fv, fv_end, q, r, s))
    x = column[which] + (fv * (fv_end / fv) ** _BENDS - r) / s
    y = row[which] + (fu * (fu_end / fu) ** _BENDS - q) / s
    return _inserted(rings, which, np.stack([x, y], axis=-1))


def _surface(z: Points, at: Points) -> tuple[Indices, Indices, tuple[Points, Points, Points]]:
    """Column and row of the cells that points are in, and q, r and s of the surface there."""
    x, y = at.T
    column = np.minimum(x.astype(np.int64), z.shape[1] - 2)
    row = np.minimum(y.astype(np.int64), z.shape[0] - 2)
    corner, flat = row * z.shape[1] + column, z.ravel()
    z00, z01 = flat[corner], flat[corner + 1]
    z10, z11 = flat[corner + z.shape[1]], flat[corner + z.shape[1] + 1]
    return column, row, (z01 - z00, z10 - z00, z00 - z01 - z10 + z11)


def _middle(slope: Points, slope_end: Points, twist: Points) -> Points:
    """How far the curve's middle is from the chord's, along one axis."""
    size = np.sqrt(np.abs(slope)) + np.sqrt(np.abs(slope_end))
    middle: Points = np.copysign(twist, -slope * twist) / np.maximum(2 * size * size, 1e-300)
    return middle


def _inserted(rings: Rings, after: Indices, more: Points) -> Rings:
    """The rings with (M, n, 2) points more after those of some (n,) indices."""
    most = len(more)
    later = np.zeros(len(rings.points) + 1, dtype=np.int64)
    later[after + 1] = most
    later = np.cumsum(later) + np.arange(len(later))  # where a point goes
    points = np.empty((later[-1], 2))
    points[later[:-1]] = rings.points
    points[later[after] + np.arange(1, most + 1)[:, None]] = more
    return Rings(points, later[rings.starts], rings.shells)


def simplified(rings: Rings, tolerance: float) -> Region:
    """The rings as a valid region with fewer points, none of it farther than ``tolerance`` from a ring.

    Each ring is simplified by itself (Douglas and Peucker), unless it would vanish. If two would then
    cross, which happens only in noise, all are simplified less.
    """
    lines = shapely.from_ragged_array(shapely.GeometryType.LINESTRING, rings.points, (rings.starts,))
    for least in (tolerance, tolerance / 8):
        fewer = shapely.simplify(lines, least, preserve_topology=False)
        fewer = np.where(shapely.get_num_coordinates(fewer) < 4, lines, fewer)
        starts = np.concatenate([[0], np.cumsum(shapely.get_num_coordinates(fewer))])
        region = Rings(shapely.get_coordinates(fewer), starts, rings.shells).region()
        if shapely.is_valid(region):
            return region
    return regions.clean(rings.region())
