"""Between a model's low-resolution logits and regions or rasters of the image.

Logits are (256, 256) float32 over a ``Frame``; cell centres are at +0.5 of a cell; above 0 is object.
The reference is Meta's ``Sam.postprocess_masks`` (segment-anything): a padded square is upsampled
bilinearly to four times the grid (1024), cut to the resized image and resampled to the image; a
stretched frame (SAM 2) goes to the image in one step.
"""

from __future__ import annotations

from typing import Any

import numpy as np
import shapely
from contourpy import FillType, LineType, SerialContourGenerator, ZInterp
from numpy.typing import NDArray

from samdesk.domain import regions
from samdesk.domain.cv import cv2
from samdesk.domain.geometry import BoolArray, FloatArray, Frame, Region

GRID = 256
_MODEL_STEP = 4
"""Meta's model input is this many times finer than the logits."""

_SMALL_CELLS = 64 * 64
"""Masks whose bounds have fewer cells are contoured on a grid four times finer, others twice."""

_TOLERANCE_CELLS = 0.04
_TOLERANCE_PX = 0.1
"""Simplification moves the outline by at most the larger of the two."""


_NO_MASK = np.zeros((), dtype=np.bool_)


def logits_to_region(logits: FloatArray, frame: Frame, image_hw: tuple[int, int]) -> Region:
    """The mask as a region in image pixels, cut off at the image.

    Contours the bilinear surface inside the mask's bounds only, so the cost depends on the mask and
    not on the image. The outline keeps within ``max(0.1 px, 0.04 cells)`` of the contour.
    """
    window = _positive_window(logits)
    if window is None:
        return regions.EMPTY
    row0, row1, col0, col1 = window
    factor = 4 if (row1 - row0) * (col1 - col0) <= _SMALL_CELLS else 2
    # One replicated cell around: beyond the last cell centre the surface goes on level, as Meta's does.
    patch = np.pad(np.asarray(logits, dtype=np.float32), 1, mode="edge")[row0 : row1 + 2, col0 : col1 + 2]
    fine = _upsample(patch, factor)
    step = 1.0 / factor
    cell_x, cell_y = _cell_size(logits.shape, frame, image_hw)
    # The first sample is the centre of cell (row0 - 1, col0 - 1).
    region = _filled(fine, offset=(col0 - 0.5, row0 - 0.5), step=step)
    xy_scale = np.array([cell_x, cell_y])
    origin = np.array([frame.x0, frame.y0])
    region = shapely.transform(region, lambda xy: xy * xy_scale + origin)
    tolerance = max(_TOLERANCE_PX, _TOLERANCE_CELLS * min(cell_x, cell_y))
    return regions.clip(_simplified(region, tolerance), image_hw[1], image_hw[0])


def _simplified(region: Region, tolerance: float) -> Region:
    fewer = shapely.simplify(region, tolerance, preserve_topology=False)
    if not shapely.is_valid(fewer) or fewer.is_empty:  # rare; keeping rings apart takes several times as long
        fewer = shapely.simplify(region, tolerance, preserve_topology=True)
    return regions.clean(fewer)


def _positive_window(logits: FloatArray) -> tuple[int, int, int, int] | None:
    """Rows and columns (half open) of the cells that the contour passes through."""
    positive = logits > 0
    rows = np.flatnonzero(positive.any(axis=1))
    if len(rows) == 0:
        return None
    cols = np.flatnonzero(positive.any(axis=0))
    height, width = logits.shape
    return (
        max(int(rows[0]) - 1, 0),
        min(int(rows[-1]) + 2, height),
        max(int(cols[0]) - 1, 0),
        min(int(cols[-1]) + 2, width),
    )


def _upsample(patch: NDArray[np.float32], factor: int) -> NDArray[np.float32]:
    """Bilinear samples between the samples of a patch: (n - 1) * factor + 1 a side, ends kept."""
    for _ in range(factor.bit_length() - 1):
        height, width = patch.shape
        fine = np.empty((2 * height - 1, 2 * width - 1), dtype=np.float32)
        fine[::2, ::2] = patch
        fine[::2, 1::2] = (patch[:, :-1] + patch[:, 1:]) * 0.5
        fine[1::2] = (fine[:-1:2] + fine[2::2]) * 0.5
        patch = fine
    return patch


def _filled(values: NDArray[np.float32], offset: tuple[float, float], step: float) -> Region:
    """Where a grid of samples is above 0, in cells of the logits."""
    # A sample of exactly 0 is not object; left at 0 it would make outlines touch there. Nor is nan.
    z = np.where((values > 0) | (values < 0), values, np.float32(-1e-6)).astype(np.float64)
    height, width = values.shape
    x, y = np.meshgrid(offset[0] + step * np.arange(width), offset[1] + step * np.arange(height))
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
    points, ring_offsets, part_offsets = (chunk[0] for chunk in chunks)
    if points is None:
        return regions.EMPTY
    offsets = (ring_offsets, part_offsets, np.array([0, len(part_offsets) - 1]))
    region: Region = shapely.from_ragged_array(shapely.GeometryType.MULTIPOLYGON, points, offsets)[0]
    return region


def _cell_size(shape: tuple[int, ...], frame: Frame, image_hw: tuple[int, int]) -> tuple[float, float]:
    """Width and height of a cell in image pixels.

    A padded frame's image was resized to whole pixels of the model's input, so the shorter side's
    scale differs a little from the longer's.
    """
    rows, cols = shape
    if frame.tall is not None:
        return frame.width / cols, frame.height / rows
    resized_h, resized_w = _resized(shape, frame, image_hw)
    cut_h, cut_w = _cut(frame, image_hw)
    return cut_w / resized_w * _MODEL_STEP, cut_h / resized_h * _MODEL_STEP


def _cut(frame: Frame, image_hw: tuple[int, int]) -> tuple[float, float]:
    """Height and width of the image part that a frame shows, image pixels."""
    height = min(image_hw[0] - frame.y0, frame.height)
    width = min(image_hw[1] - frame.x0, frame.width)
    return max(height, 1e-6), max(width, 1e-6)


def _resized(shape: tuple[int, ...], frame: Frame, image_hw: tuple[int, int]) -> tuple[int, int]:
    """Height and width of that part in pixels of the model's (padded, square) input."""
    scale = shape[1] * _MODEL_STEP / frame.side
    cut_h, cut_w = _cut(frame, image_hw)
    return max(int(cut_h * scale + 0.5), 1), max(int(cut_w * scale + 0.5), 1)


def logits_to_raster(logits: FloatArray, frame: Frame, image_hw: tuple[int, int]) -> BoolArray:
    """The mask as (H, W) bool of the image: Meta's upsample and threshold; False outside the frame."""
    height, width = image_hw
    rows, cols = logits.shape
    if frame.tall is not None:
        down = _axis(rows, None, frame.y0, frame.height, height)
        across = _axis(cols, None, frame.x0, frame.width, width)
    else:
        cut_h, cut_w = _cut(frame, image_hw)
        resized_h, resized_w = _resized(logits.shape, frame, image_hw)
        down = _axis(rows, resized_h, frame.y0, cut_h, height)
        across = _axis(cols, resized_w, frame.x0, cut_w, width)
    mask = np.zeros(image_hw, dtype=np.bool_)
    (top, weights_y), (left, weights_x) = down, across
    values = weights_y @ (np.asarray(logits, dtype=np.float32) @ weights_x.T)
    mask[top : top + len(weights_y), left : left + len(weights_x)] = values > 0
    return mask


def _axis(
    cells: int, resized: int | None, start: float, length: float, pixels: int
) -> tuple[int, NDArray[np.float32]]:
    """The first pixel that a frame covers, and the weights (covered pixels, cells) that sample them."""
    first = max(int(np.ceil(start - 0.5)), 0)
    last = min(int(np.ceil(start + length - 0.5)), pixels)
    along = (np.arange(first, max(last, first)) + 0.5 - start) / length
    if resized is None:
        return first, _linear(along * cells - 0.5, cells)
    model = cells * _MODEL_STEP
    upsampled = _linear((np.arange(model) + 0.5) / _MODEL_STEP - 0.5, cells)[:resized]
    return first, np.asarray(_linear(along * resized - 0.5, resized) @ upsampled, dtype=np.float32)


def _linear(positions: NDArray[np.floating[Any]], samples: int) -> NDArray[np.float32]:
    """Weights (positions, samples) of linear interpolation, level beyond the ends."""
    clipped = np.clip(positions, 0, samples - 1)
    lower = np.minimum(clipped.astype(np.int64), max(samples - 2, 0))
    fraction = (clipped - lower).astype(np.float32)
    weights = np.zeros((len(positions), samples), dtype=np.float32)
    index = np.arange(len(positions))
    weights[index, lower] = 1 - fraction
    weights[index, np.minimum(lower + 1, samples - 1)] += fraction
    return weights


def region_to_logits(region: Region, frame: Frame, image_hw: tuple[int, int]) -> FloatArray:
    """(256, 256) float32 over the frame: the region's antialiased coverage scaled to -10..10.

    Opens any annotation in SAM as a mask prompt.
    """
    cell_x, cell_y = _cell_size((GRID, GRID), frame, image_hw)
    scale = np.array([_COVERAGE_STEP / cell_x, _COVERAGE_STEP / cell_y])
    origin = np.array([frame.x0, frame.y0])
    fine = shapely.transform(region, lambda xy: (xy - origin) * scale)
    side = GRID * _COVERAGE_STEP
    raster = regions.rasterize(fine, side, side).astype(np.float32)
    coverage = cv2.resize(raster, (GRID, GRID), interpolation=cv2.INTER_AREA)
    logits: FloatArray = np.asarray(coverage * 20 - 10, dtype=np.float32)
    return logits


_COVERAGE_STEP = 8
"""Coverage is counted on this many by this many points a cell."""


def stability_score(logits: FloatArray, offset: float = 1.0) -> float:
    """IoU of the masks thresholded at +offset and -offset (Meta's stability score), 0..1."""
    union = np.count_nonzero(logits > -offset)
    return float(np.count_nonzero(logits > offset) / union) if union else 0.0
