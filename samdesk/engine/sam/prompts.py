"""Prompts and masks between image pixels and what a SAM network takes and gives."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from samdesk.domain.geometry.cells import LOGITS_SIDE, cell_size, finite, linear
from samdesk.domain.geometry.contours import stability_score
from samdesk.domain.geometry.types import FloatArray, Frame
from samdesk.domain.prompts import MaskCandidate, MaskPrompt

INPUT_SIDE = 1024
"""Side of the square every SAM network takes, pixels."""
_OUTSIDE = -10.0
"""Logit of what a mask prompt says nothing about."""


def to_input(xy: FloatArray, frame: Frame, scale: tuple[float, float]) -> FloatArray:
    """Image pixels (..., 2) to pixels of the network's input square, float32.

    Args:
        xy: Image pixels. They are scaled as they are; Meta's prompt encoder adds half an input pixel.
        frame: What the network looked at.
        scale: Input pixels an image pixel, across and down.
    """
    return ((np.asarray(xy, np.float64) - (frame.x0, frame.y0)) * scale).astype(np.float32)


def mask_on_frame(
    mask: MaskPrompt, frame: Frame, side: int = LOGITS_SIDE, *, image_hw: tuple[int, int] | None = None
) -> FloatArray:
    """The prompt's logits as (side, side) float32 over ``frame``, resampled if it is another one.

    A cell of the new frame is the mean of the old logits under it, or, where it is the smaller one,
    their bilinear value at its centre. What lies outside the old frame is -10.

    Args:
        mask: Logits of any size over a frame.
        frame: What the network looks at.
        side: Cells along each side of the answer.
        image_hw: Of the image, pixels: then both frames' cells are as large as SAM made them, who takes
            whole pixels of its input for an image (see ``cells.cell_size``).
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
    answer = np.full((side, side), _OUTSIDE, np.float32)
    seen = finite(logits[down.old, across.old]) - _OUTSIDE
    answer[down.new, across.new] += down.weights @ seen @ across.weights.T
    return answer


def _cell(shape: tuple[int, ...], frame: Frame, image_hw: tuple[int, int] | None) -> tuple[float, float]:
    """Width and height of a cell, image pixels."""
    if image_hw is None:
        return frame.width / shape[1], frame.height / shape[0]
    return cell_size(shape, frame, image_hw)


@dataclass(frozen=True, eq=False)
class _Resampling:
    """How new cells along an axis are made of old ones; where they do not meet, neither is in it.

    Attributes:
        new: The new cells it makes.
        old: The old cells it takes.
        weights: (new, old) float32.
    """

    new: slice
    old: slice
    weights: NDArray[np.float32]


def _resampling(old: int, new: int, start: float, step: float) -> _Resampling:
    """Means over ``new`` cells of ``step`` old ones each, from ``start`` old cells on; values if smaller."""
    if step > 1 + 1e-9:
        # Each old cell's share grows from 0 to 1 along the axis, as a hat's area does.
        edges = np.clip(start + step * np.arange(new + 1), 0, old) - 0.5
        along = np.clip((edges[:, None] - np.arange(-1, old + 1)).astype(np.float32), -1, 1)
        share = np.diff(along - along * np.abs(along) / 2, axis=0) / np.float32(step)
        weights = share[:, 1:-1]
        weights[:, 0] += share[:, 0]  # level up to the frame's edges
        weights[:, -1] += share[:, -1]
    else:
        centres = start + step * (np.arange(new) + 0.5)
        inside = (centres > 0) & (centres < old)
        weights = linear(centres - 0.5, old) * inside[:, None]
    made, taken = _extent(weights.any(axis=1)), _extent(weights.any(axis=0))
    return _Resampling(made, taken, np.asarray(weights[made, taken], np.float32))


def _extent(used: NDArray[np.bool_]) -> slice:
    at = np.flatnonzero(used)
    return slice(int(at[0]), int(at[-1]) + 1) if len(at) else slice(0, 0)


def candidates(
    logits: FloatArray, scores: FloatArray, frame: Frame, image_hw: tuple[int, int]
) -> list[MaskCandidate]:
    """(N, 256, 256) logits and (N,) predicted IoUs as candidates, in the same order."""
    return [
        MaskCandidate(mask, frame, image_hw=image_hw, score=float(score), stability=stability_score(mask))
        for mask, score in zip(logits, scores, strict=True)
    ]
