"""Converts between a model's low-resolution logits and regions of the image.

Logits are (256, 256) float32 over a ``Frame``; cell centres are at +0.5 of a cell; above 0 is object.
The outline is that of the bilinear surface through the cell centres, which is what Meta's upsampling
draws (see ``rasters``).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray

from samdesk.base.cv import cv2
from samdesk.domain.geometry import regions
from samdesk.domain.geometry.cells import LOGITS_SIDE, cell_size, finite
from samdesk.domain.geometry.rings import (
    BENT_WITHIN,
    Rings,
    around_positive,
    bent,
    clear_of_zero,
    largest,
    simplified,
)
from samdesk.domain.geometry.types import FloatArray, Frame, Region

MOST_RINGS = 1000
"""Maximum rings (outlines of parts and holes) of a region made of logits."""
MOST_POINTS = 8000
"""Maximum crossings of its outlines with the grid of logits. A large object has about 1,000."""

_TOLERANCE_CELLS = 0.04
_TOLERANCE_PX = 0.1
"""The outline deviates by at most the larger of the two, mostly from simplification."""
_SLIVER = 1e-6
"""Minimum width of a cell clipped at the image's edge, in cells."""

_COVERAGE_STEP = 8
"""Coverage is sampled at this many points along each side of a cell."""


def logits_to_region(logits: FloatArray, frame: Frame, image_hw: tuple[int, int]) -> Region:
    """The mask as a region in image pixels, clipped to the image.

    Contours the bilinear surface inside the mask's bounds only, so the cost depends on the mask and
    not on the image. The outline stays within ``max(0.1 px, 0.04 cells)`` of the contour, except in
    cells where two outlines nearly meet: there they may be joined the other way.

    The size of the result, and the time it takes, are bounded even for noise: beyond ``MOST_RINGS``
    rings the smallest are dropped, and if there are still more than ``MOST_POINTS``, the logits are
    averaged over 2 by 2 cells, then 4 by 4.
    """
    cell = cell_size(logits.shape, frame, image_hw)
    while True:
        patch = _patch(logits, cell, frame, image_hw)
        rings = None if patch is None else around_positive(patch.z)
        if patch is None or rings is None:
            return regions.EMPTY
        rings = largest(rings, MOST_RINGS)
        if len(rings.points) <= MOST_POINTS:
            break
        logits, cell = _coarser(logits), (cell[0] * 2, cell[1] * 2)
    tolerance = max(_TOLERANCE_PX, _TOLERANCE_CELLS * min(cell)) - BENT_WITHIN * min(cell)
    region = simplified(_placed(bent(rings, patch.z), patch), tolerance)
    return _moved(region, frame, image_hw)


def _moved(region: Region, frame: Frame, image_hw: tuple[int, int]) -> Region:
    """Translates a region from the frame to the image and clips it exactly at the image's edges.

    Done last: simplification would otherwise depend on the position of the mask in the image.
    """
    if frame.x0 == frame.y0 == 0:
        return region
    origin, end = np.array([frame.x0, frame.y0]), np.array([image_hw[1], image_hw[0]])
    moved: Region = shapely.transform(region, lambda xy: np.clip(xy + origin, 0.0, end))
    return moved


@dataclass(frozen=True, eq=False)
class _Patch:
    """Samples of the logits around the mask, and their positions in the frame.

    Attributes:
        z: (rows, columns) values, none of them 0.
        x: (columns,) image pixels from the frame's left edge.
        y: (rows,) image pixels from its top.
    """

    z: NDArray[np.float64]
    x: NDArray[np.float64]
    y: NDArray[np.float64]


def _patch(
    logits: FloatArray, cell: tuple[float, float], frame: Frame, image_hw: tuple[int, int]
) -> _Patch | None:
    """The cells that the contour passes through, clipped to the frame and to the image."""
    positive = np.asarray(logits > 0)
    height, width = positive.shape
    across = _span(np.flatnonzero(positive.any(axis=0)), width, cell[0], (frame.x0, image_hw[1]))
    down = _span(np.flatnonzero(positive.any(axis=1)), height, cell[1], (frame.y0, image_hw[0]))
    if across is None or down is None:
        return None
    (columns, x), (rows, y) = across, down
    (left, right), (top, bottom) = _reach(columns, width), _reach(rows, height)
    values = np.asarray(finite(logits[top:bottom, left:right]), dtype=np.float64)
    values = _sampled(_sampled(values, rows - top).T, columns - left).T
    return _Patch(clear_of_zero(np.ascontiguousarray(values)), x, y)


def _span(
    drawn: NDArray[np.int64], cells: int, size: float, image: tuple[float, int]
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """The sample positions along one axis: cell centres, and the two ends.

    Args:
        drawn: Indices of the cells that contain part of the mask.
        cells: Number of cells.
        size: Size of a cell, image pixels.
        image: Start of the frame and end of the image, image pixels.

    Returns:
        The positions in cells from the first cell's centre, and in image pixels from the frame's start;
        None if nothing is visible.
    """
    if len(drawn) == 0:
        return None
    first, last, (start, pixels) = int(drawn[0]) - 1, int(drawn[-1]) + 1, image
    low = max(float(first), -0.5, -start / size - 0.5)
    high = min(float(last), cells - 0.5, (pixels - start) / size - 0.5)
    if high - low < _SLIVER:
        return None
    centres = np.arange(np.floor(low + _SLIVER) + 1, np.ceil(high - _SLIVER))
    at = np.concatenate([[low], centres, [high]])
    return at, np.clip((at + 0.5) * size, -start, pixels - start)


def _reach(at: NDArray[np.float64], cells: int) -> tuple[int, int]:
    """The half-open range of cells whose centres enclose the samples."""
    return max(int(np.floor(at[0])), 0), min(int(np.ceil(at[-1])) + 1, cells)


def _sampled(values: NDArray[np.float64], at: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows of values: interpolated at both ends, unchanged in between; constant beyond."""
    centre = int(at[1]) if len(at) > 2 else 0
    return np.concatenate(
        [_between(values, at[0]), values[centre : centre + len(at) - 2], _between(values, at[-1])]
    )


def _between(values: NDArray[np.float64], at: float) -> NDArray[np.float64]:
    within = min(max(at, 0.0), len(values) - 1.0)
    row = int(within)
    if row == within:
        return values[row : row + 1]
    return values[row : row + 1] * (row + 1 - within) + values[row + 1 : row + 2] * (within - row)


def _placed(rings: Rings, patch: _Patch) -> Rings:
    """The rings in image pixels relative to the frame's origin."""
    columns, rows = rings.points.T
    x = np.interp(columns, np.arange(len(patch.x)), patch.x)
    y = np.interp(rows, np.arange(len(patch.y)), patch.y)
    return Rings(np.column_stack([x, y]), rings.starts, rings.shells)


def _coarser(logits: FloatArray) -> FloatArray:
    """Means of 2 by 2 cells; an odd last row or column counts twice."""
    odd = [(0, length % 2) for length in logits.shape]
    even = np.pad(np.asarray(finite(logits), dtype=np.float64), odd, mode="edge")
    means: FloatArray = (even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]) / 4
    return means


def region_to_logits(region: Region, frame: Frame, image_hw: tuple[int, int]) -> FloatArray:
    """A region as mask prompt logits: (256, 256) float32 over the frame, its coverage scaled to -10..10."""
    cell = cell_size((LOGITS_SIDE, LOGITS_SIDE), frame, image_hw)
    scale = _COVERAGE_STEP / np.array(cell)
    origin = np.array([frame.x0, frame.y0])
    fine = shapely.transform(region, lambda xy: (xy - origin) * scale)
    side = LOGITS_SIDE * _COVERAGE_STEP
    raster = regions.rasterize(fine, side, side).astype(np.float32)
    coverage = cv2.resize(raster, (LOGITS_SIDE, LOGITS_SIDE), interpolation=cv2.INTER_AREA)
    logits: FloatArray = np.asarray(coverage * 20 - 10, dtype=np.float32)
    return logits


def stability_score(logits: FloatArray, offset: float = 1.0) -> float:
    """Meta's stability score: the IoU of the masks thresholded at +offset and -offset, 0..1."""
    union = np.count_nonzero(logits > -offset)
    return float(np.count_nonzero(logits > offset) / union) if union else 0.0
