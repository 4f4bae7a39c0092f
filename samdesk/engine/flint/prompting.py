"""Converts prompts in image pixels to arrays in pixels of the network's input."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from samdesk.domain.geometry.types import Frame
from samdesk.domain.prompts import PromptSet
from samdesk.engine.flint.maps import STRIDE, CropPrompts
from samdesk.engine.sam.prompts import mask_on_frame


def crop_prompts(prompts: Sequence[PromptSet], frames: Sequence[Frame], side: int) -> CropPrompts:
    """Converts the prompts of B objects, each on its own crop, to numpy arrays.

    Args:
        prompts: Prompts of each object.
        frames: Part of the image that each crop covers.
        side: Side of the crops, pixels.
    """
    count = max(len(p.points) for p in prompts)
    points = np.zeros((len(prompts), count, 2), np.float32)
    labels = np.full((len(prompts), count), -1.0, np.float32)
    boxes = np.full((len(prompts), 4), np.nan, np.float32)
    cells = side // STRIDE
    logits = np.zeros((len(prompts), 1, cells, cells), np.float32)
    for row, (one, frame) in enumerate(zip(prompts, frames, strict=True)):
        scale = side / frame.side
        for column, point in enumerate(one.points):
            points[row, column] = (point.x - frame.x0) * scale, (point.y - frame.y0) * scale
            labels[row, column] = float(point.positive)
        if one.box is not None:
            x0, y0, x1, y1 = one.box.xyxy
            corners = np.array([min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)])
            boxes[row] = (corners - [frame.x0, frame.y0] * 2) * scale
        if one.mask is not None:
            logits[row, 0] = mask_on_frame(one.mask, frame, cells)
    has_logits = np.array([p.mask is not None for p in prompts])
    if not has_logits.any():
        return CropPrompts(points, labels, boxes)
    return CropPrompts(points, labels, boxes, logits, has_logits)
