"""From prompts in image pixels to what the network takes, and back to candidates."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch

from samdesk.domain.geometry.types import Frame
from samdesk.domain.prompts import PromptSet
from samdesk.engine.flint.maps import STRIDE, LookPrompts
from samdesk.engine.sam.prompts import mask_on_frame


def look_prompts(
    prompts: Sequence[PromptSet], frames: Sequence[Frame], side: int, device: str
) -> LookPrompts:
    """The prompts of B objects, each on its own look.

    Args:
        prompts: One an object.
        frames: What each look shows.
        side: Of the looks, pixels.
        device: Where the tensors go.
    """
    most = max(len(p.points) for p in prompts)
    points = np.zeros((len(prompts), most, 2), np.float32)
    labels = np.full((len(prompts), most), -1.0, np.float32)
    boxes = np.full((len(prompts), 4), np.nan, np.float32)
    cells = side // STRIDE
    logits = np.zeros((len(prompts), 1, cells, cells), np.float32)
    for row, (given, frame) in enumerate(zip(prompts, frames, strict=True)):
        scale = side / frame.side
        for column, point in enumerate(given.points):
            points[row, column] = (point.x - frame.x0) * scale, (point.y - frame.y0) * scale
            labels[row, column] = float(point.positive)
        if given.box is not None:
            x0, y0, x1, y1 = given.box.xyxy
            corners = np.array([min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)])
            boxes[row] = (corners - [frame.x0, frame.y0] * 2) * scale
        if given.mask is not None:
            logits[row, 0] = mask_on_frame(given.mask, frame, cells)
    has = torch.tensor([p.mask is not None for p in prompts], device=device)
    at, kinds, sides, masks = (torch.from_numpy(a).to(device) for a in (points, labels, boxes, logits))
    return LookPrompts(at, kinds, sides, masks, has) if bool(has.any()) else LookPrompts(at, kinds, sides)
