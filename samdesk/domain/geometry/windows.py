"""Rasterises several regions at once, each in a window of its own: most of one takes Python, not pixels."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
import shapely
from numpy.typing import NDArray

from samdesk.domain.geometry.types import BoolArray, Region

_MOST_PIXELS = 4_000_000
"""Rasterised at once."""


def masks(
    edges: NDArray[np.float64], owners: NDArray[np.int64], windows: NDArray[np.int64]
) -> Iterator[BoolArray]:
    """Yields the mask of each window, (rows, columns), with the rule of ``regions.rasterize``.

    Args:
        edges: (N, 4) x0, y0, x1, y1 of closed rings.
        owners: (N,) the window of each, ascending.
        windows: (M, 4) left, top, right, bottom, pixels; those without pixels give empty masks.
    """
    sides = np.maximum(windows[:, 2:] - windows[:, :2], 0)
    for start, end in _parts(sides):
        some = slice(*np.searchsorted(owners, [start, end]).tolist())
        whose = owners[some] - start
        moved = edges[some] - np.tile(windows[start:end, :2], 2)[whose]
        heights, widths = sides[start:end, 1], sides[start:end, 0]
        filled, starts = fill_windows(moved, whose, heights, widths)
        for at, rows, columns in zip(starts.tolist(), heights.tolist(), widths.tolist(), strict=True):
            yield filled[at : at + rows * (columns + 1)].reshape(rows, columns + 1)[:, :columns]


def _parts(sides: NDArray[np.int64]) -> Iterator[tuple[int, int]]:
    """Splits windows into runs of at most ``_MOST_PIXELS``, or of one window."""
    start = pixels = 0
    for number, count in enumerate((sides[:, 0] * sides[:, 1]).tolist()):
        if number > start and pixels + count > _MOST_PIXELS:
            yield start, number
            start, pixels = number, 0
        pixels += count
    if len(sides):
        yield start, len(sides)


def edges_of(regions: Sequence[Region]) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Every edge of every ring of several regions as (N, 4) x0, y0, x1, y1, and whose it is, (N,)."""
    parts, part_of = shapely.get_parts(np.asarray(regions, dtype=object), return_index=True)
    rings, ring_of = shapely.get_rings(parts, return_index=True)
    coords, coord_of = shapely.get_coordinates(rings, return_index=True)
    inside_ring = coord_of[:-1] == coord_of[1:]
    edges = np.hstack([coords[:-1], coords[1:]])[inside_ring]
    return edges, part_of[ring_of[coord_of[:-1][inside_ring]]]


def fill_windows(
    edges: NDArray[np.float64],
    owners: NDArray[np.int64],
    heights: NDArray[np.int64],
    widths: NDArray[np.int64],
) -> tuple[BoolArray, NDArray[np.int64]]:
    """Even-odd fill of the closed rings of several windows at once.

    Args:
        edges: (N, 4) x0, y0, x1, y1 in pixels of their window.
        owners: (N,) the window of each.
        heights: (M,) rows of each window.
        widths: (M,) columns likewise.

    Returns:
        The rows of all windows, one after another, each with one pixel more that is not set; and where each
        window starts.
    """
    sizes = heights * (widths + 1)
    starts = np.cumsum(sizes) - sizes
    xa, ya, xb, yb = edges.T
    rows = heights[owners]
    first = np.clip(np.ceil(np.minimum(ya, yb) - 0.5), 0, rows).astype(np.int64)
    count = np.clip(np.ceil(np.maximum(ya, yb) - 0.5), 0, rows).astype(np.int64) - first
    crossing = np.flatnonzero(count > 0)
    first, count = first[crossing], count[crossing]
    which = np.repeat(crossing, count)
    within = np.arange(len(which)) - np.repeat(np.cumsum(count) - count, count)
    row = np.repeat(first, count) + within
    slope = (xb[crossing] - xa[crossing]) / (yb[crossing] - ya[crossing])
    x = xa[which] + (row + 0.5 - ya[which]) * np.repeat(slope, count)
    owner = owners[which]
    width = widths[owner]
    column = np.clip(np.ceil(x - 0.5), 0, width).astype(np.int64)
    toggles = np.zeros(int(sizes.sum()), dtype=np.uint8)
    np.bitwise_xor.at(toggles, starts[owner] + row * (width + 1) + column, np.uint8(1))
    # A row of a closed ring toggles an even number of times: the next one starts anew.
    filled: BoolArray = np.bitwise_xor.accumulate(toggles).view(np.bool_)
    return filled, starts
