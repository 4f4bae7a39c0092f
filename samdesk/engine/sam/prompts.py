"""Conversion of prompts and masks between image pixels and a SAM network's input and output."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from samdesk.domain.geometry.cells import LOGITS_SIDE, cell_size, finite, linear
from samdesk.domain.geometry.contours import stability_score
from samdesk.domain.geometry.types import FloatArray, Frame
from samdesk.domain.prompts import MaskCandidate, MaskPrompt

INPUT_SIDE = 1024
"""Side of the square input of every SAM network, pixels."""
_ONE_THREAD = 1 << 18
"""Multiplications in a product of matrices up to which OpenBLAS uses one thread."""
_OUTSIDE = -10.0
"""Logit of cells outside a mask prompt's frame."""


def to_input(xy: FloatArray, frame: Frame, scale: tuple[float, float]) -> FloatArray:
    """Maps (..., 2) image pixels to pixels of the network's input, float32.

    Args:
        xy: x, y in image pixels. The prompt encoder adds half an input pixel, as Meta's does.
        frame: Part of the image that the network's input covers.
        scale: Input pixels per image pixel, horizontally and vertically.
    """
    return ((np.asarray(xy, np.float64) - (frame.x0, frame.y0)) * scale).astype(np.float32)


def mask_on_frame(
    mask: MaskPrompt, frame: Frame, side: int = LOGITS_SIDE, *, image_hw: tuple[int, int] | None = None
) -> FloatArray:
    """Resamples a mask prompt's logits to (side, side) float32 over ``frame``.

    A new cell is the mean of the old logits it covers, or, if it is smaller than an old cell, their bilinear
    value at its centre. Cells outside the old frame are -10.

    Args:
        mask: Logits of any size over a frame.
        frame: Part of the image that the network's input covers.
        side: Cells along each side of the result.
        image_hw: Height and width of the image, pixels. If given, cells have the size SAM gives them: it
            resizes an image to a whole number of input pixels (see ``cells.cell_size``).
    """
    logits = np.ascontiguousarray(mask.logits, np.float32)
    if mask.frame == frame and logits.shape == (side, side):
        return logits
    rows, columns = logits.shape
    width, height = _cell(logits.shape, mask.frame, image_hw)
    new_width, new_height = _cell((side, side), frame, image_hw)
    below, right = (frame.y0 - mask.frame.y0) / height, (frame.x0 - mask.frame.x0) / width
    down = _resampling(rows, side, below, new_height / height)
    across = _resampling(columns, side, right, new_width / width)
    resampled = np.full((side, side), _OUTSIDE, np.float32)
    covered = np.asarray(finite(logits[down.old, across.old]) - _OUTSIDE, np.float32)
    resampled[down.new, across.new] += _product(_product(down.weights, covered), across.weights.T)
    return resampled


def _product(a: NDArray[np.float32], b: NDArray[np.float32]) -> NDArray[np.float32]:
    """``a @ b``, some rows of ``a`` at a time, so that OpenBLAS does not share the work among threads.

    They spin while they wait: 0.1 ms of work took 25 ms beside a busy process.
    """
    rows = max(1, _ONE_THREAD // max(b.size, 1))
    return np.concatenate([a[start : start + rows] @ b for start in range(0, max(len(a), 1), rows)])


def _cell(shape: tuple[int, ...], frame: Frame, image_hw: tuple[int, int] | None) -> tuple[float, float]:
    """Returns width and height of a cell, image pixels."""
    if image_hw is None:
        return frame.width / shape[1], frame.height / shape[0]
    return cell_size(shape, frame, image_hw)


@dataclass(frozen=True, eq=False)
class _Resampling:
    """Linear resampling along one axis, limited to the cells that overlap.

    Attributes:
        new: New cells that overlap old ones.
        old: Old cells that overlap new ones.
        weights: (new, old) float32.
    """

    new: slice
    old: slice
    weights: NDArray[np.float32]


def _resampling(old: int, new: int, start: float, step: float) -> _Resampling:
    """Returns the weights of ``new`` cells from ``old`` ones: area means, or bilinear values if upsampling.

    Args:
        old: Number of old cells.
        new: Number of new cells.
        start: Where the new cells start, in old cells.
        step: Size of a new cell, in old cells.
    """
    if step > 1 + 1e-9:
        # The cumulative share of each old cell is the integral of a hat function.
        edges = np.clip(start + step * np.arange(new + 1), 0, old) - 0.5
        along = np.clip((edges[:, None] - np.arange(-1, old + 1)).astype(np.float32), -1, 1)
        share = np.diff(along - along * np.abs(along) / 2, axis=0) / np.float32(step)
        weights = share[:, 1:-1]
        weights[:, 0] += share[:, 0]  # constant up to the frame's edges
        weights[:, -1] += share[:, -1]
    else:
        centres = start + step * (np.arange(new) + 0.5)
        inside = (centres > 0) & (centres < old)
        weights = linear(centres - 0.5, old) * inside[:, None]
    rows, columns = _extent(weights.any(axis=1)), _extent(weights.any(axis=0))
    return _Resampling(rows, columns, np.asarray(weights[rows, columns], np.float32))


def _extent(used: NDArray[np.bool_]) -> slice:
    at = np.flatnonzero(used)
    return slice(int(at[0]), int(at[-1]) + 1) if len(at) else slice(0, 0)


def candidates(
    logits: FloatArray, scores: FloatArray, frame: Frame, image_hw: tuple[int, int]
) -> list[MaskCandidate]:
    """Wraps (N, 256, 256) logits and (N,) predicted IoUs as candidates, in the same order."""
    return [
        MaskCandidate(mask, frame, image_hw=image_hw, score=float(score), stability=stability_score(mask))
        for mask, score in zip(logits, scores, strict=True)
    ]
