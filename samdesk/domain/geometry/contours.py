"""Between a model's low-resolution logits and regions of the image.

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
from samdesk.domain.geometry.cells import LOGITS_SIDE, cell_size, usable
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
"""Outlines of parts and of holes that a region of logits has at most."""
MOST_POINTS = 8000
"""Crossings of its outlines with the grid of logits. A large object has about 1,000."""

_TOLERANCE_CELLS = 0.04
_TOLERANCE_PX = 0.1
"""The outline is off by at most the larger of the two, most of it by simplification."""
_SLIVER = 1e-6
"""Cells cut off at the image are no narrower than this, in cells."""

_COVERAGE_STEP = 8
"""Coverage is counted on this many by this many points a cell."""


def logits_to_region(logits: FloatArray, frame: Frame, image_hw: tuple[int, int]) -> Region:
    """The mask as a region in image pixels, cut off at the image.

    Contours the bilinear surface inside the mask's bounds only, so the cost depends on the mask and
    not on the image. The outline keeps within ``max(0.1 px, 0.04 cells)`` of the contour, but for cells
    in which two outlines nearly meet: there they may be joined the other way.

    The region of noise is bounded, and so is the time it takes: of more than ``MOST_RINGS`` outlines of
    parts and holes the smallest are dropped, and what has more than ``MOST_POINTS`` even then is drawn
    from logits averaged over 2 by 2 cells, or 4 by 4.
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
    """From the frame to the image, whose edges it keeps to exactly.

    Only now: which points simplification leaves out would else depend on where in the image a mask is.
    """
    if frame.x0 == frame.y0 == 0:
        return region
    origin, end = np.array([frame.x0, frame.y0]), np.array([image_hw[1], image_hw[0]])
    moved: Region = shapely.transform(region, lambda xy: np.clip(xy + origin, 0.0, end))
    return moved


@dataclass(frozen=True, eq=False)
class _Patch:
    """Samples of the logits around the mask, and where in the frame they are.

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
    """The cells that the contour passes through, cut off at the frame and at the image."""
    positive = np.asarray(logits > 0)
    height, width = positive.shape
    across = _span(np.flatnonzero(positive.any(axis=0)), width, cell[0], (frame.x0, image_hw[1]))
    down = _span(np.flatnonzero(positive.any(axis=1)), height, cell[1], (frame.y0, image_hw[0]))
    if across is None or down is None:
        return None
    (columns, x), (rows, y) = across, down
    (left, right), (top, bottom) = _reach(columns, width), _reach(rows, height)
    values = np.asarray(usable(logits[top:bottom, left:right]), dtype=np.float64)
    values = _sampled(_sampled(values, rows - top).T, columns - left).T
    return _Patch(clear_of_zero(np.ascontiguousarray(values)), x, y)


def _span(
    drawn: NDArray[np.int64], cells: int, size: float, image: tuple[float, int]
) -> tuple[NDArray[np.float64], NDArray[np.float64]] | None:
    """Where to sample along one axis: centres of cells, and the two ends.

    Args:
        drawn: Indices of the cells where the mask has anything.
        cells: How many there are.
        size: Of a cell, image pixels.
        image: Where the frame starts, and where the image ends, image pixels.

    Returns:
        The samples counted from the first cell's centre, and in image pixels from the frame's start; None:
        nothing to see.
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
    """The cells (half open) between whose centres samples lie."""
    return max(int(np.floor(at[0])), 0), min(int(np.ceil(at[-1])) + 1, cells)


def _sampled(values: NDArray[np.float64], at: NDArray[np.float64]) -> NDArray[np.float64]:
    """Rows of values: between two of them at the ends, whole ones in between; level beyond."""
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
    """The rings in image pixels from the frame's corner."""
    columns, rows = rings.points.T
    x = np.interp(columns, np.arange(len(patch.x)), patch.x)
    y = np.interp(rows, np.arange(len(patch.y)), patch.y)
    return Rings(np.column_stack([x, y]), rings.starts, rings.shells)


def _coarser(logits: FloatArray) -> FloatArray:
    """Means of 2 by 2 cells; an odd last row or column counts twice."""
    odd = [(0, length % 2) for length in logits.shape]
    even = np.pad(np.asarray(usable(logits), dtype=np.float64), odd, mode="edge")
    means: FloatArray = (even[::2, ::2] + even[1::2, ::2] + even[::2, 1::2] + even[1::2, 1::2]) / 4
    return means


def region_to_logits(region: Region, frame: Frame, image_hw: tuple[int, int]) -> FloatArray:
    """(256, 256) float32 over the frame: the region's antialiased coverage scaled to -10..10.

    Opens any annotation in SAM as a mask prompt.
    """
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
    """IoU of the masks thresholded at +offset and -offset (Meta's stability score), 0..1."""
    union = np.count_nonzero(logits > -offset)
    return float(np.count_nonzero(logits > offset) / union) if union else 0.0
