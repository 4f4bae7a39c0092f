"""Prompts and masks between image pixels and what a SAM network takes and gives."""

from __future__ import annotations

import math

import numpy as np

from samdesk.domain.contours import stability_score
from samdesk.domain.cv import cv2
from samdesk.domain.geometry import FloatArray, Frame
from samdesk.domain.prompts import MaskCandidate, MaskPrompt

INPUT_SIDE = 1024
"""Side of the square every SAM network takes, pixels."""
MASK_SIDE = 256
"""Side of the masks it gives and takes, cells."""
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


def mask_on_frame(mask: MaskPrompt, frame: Frame, side: int = MASK_SIDE) -> FloatArray:
    """The prompt's logits as (side, side) float32 over ``frame``, resampled if it is another one."""
    logits = np.ascontiguousarray(mask.logits, np.float32)
    if mask.frame == frame and logits.shape == (side, side):
        return logits
    rows, columns = logits.shape
    # Cells of the prompt per cell of the target; more than one: sample finer and average.
    step_x = frame.width / side * columns / mask.frame.width
    step_y = frame.height / side * rows / mask.frame.height
    fine = min(8, max(1, math.ceil(max(step_x, step_y))))
    grid = (np.arange(side * fine, dtype=np.float64) + 0.5) / (side * fine)
    x = (frame.x0 + grid * frame.width - mask.frame.x0) / mask.frame.width * columns - 0.5
    y = (frame.y0 + grid * frame.height - mask.frame.y0) / mask.frame.height * rows - 0.5
    map_x, map_y = np.meshgrid(x.astype(np.float32), y.astype(np.float32))
    sampled = cv2.remap(
        logits, map_x, map_y, cv2.INTER_LINEAR, borderMode=cv2.BORDER_CONSTANT, borderValue=_OUTSIDE
    )
    return np.asarray(cv2.resize(sampled, (side, side), interpolation=cv2.INTER_AREA), np.float32)


def candidates(
    logits: FloatArray, scores: FloatArray, frame: Frame, image_hw: tuple[int, int]
) -> list[MaskCandidate]:
    """(N, 256, 256) logits and (N,) predicted IoUs as candidates, in the same order."""
    return [
        MaskCandidate(mask, frame, image_hw=image_hw, score=float(score), stability=stability_score(mask))
        for mask, score in zip(logits, scores, strict=True)
    ]
