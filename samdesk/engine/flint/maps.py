"""Prompts as maps: what the user said, drawn on the grid that the decoder works on."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

CHANNELS = 8
STRIDE = 4
"""Input pixels a cell of the maps."""
_NARROW = 1.5
_WIDE = 8.0
"""Standard deviations of the spots that points draw, cells."""


@dataclass(frozen=True, eq=False)
class LookPrompts:
    """Prompts of B objects in pixels of a look, float32.

    Attributes:
        points: (B, N, 2) x, y.
        labels: (B, N): 1 positive, 0 negative, -1 no point (padding).
        boxes: (B, 4) xyxy; an object without a box has NaN.
        logits: (B, 1, h, w) previous mask logits on the grid of the maps; None: none of them has any.
        has_logits: (B,) bool; None with ``logits``.
    """

    points: Tensor
    labels: Tensor
    boxes: Tensor
    logits: Tensor | None = None
    has_logits: Tensor | None = None


def prompt_maps(prompts: LookPrompts, size_hw: tuple[int, int]) -> Tensor:
    """(B, 8, h, w) float32 maps on a grid of h x w cells.

    The channels: spots and wide hills of positive points, the same of negative points, how much of a
    cell the box covers, whether there is a box, the previous mask as tanh of half its logits, whether
    there is one.
    """
    height, width = size_hw
    objects = prompts.boxes.shape[0]
    device = prompts.boxes.device
    y = torch.arange(height, dtype=torch.float32, device=device) + 0.5
    x = torch.arange(width, dtype=torch.float32, device=device) + 0.5
    maps = torch.zeros(objects, CHANNELS, height, width, device=device)
    _draw_points(maps, prompts, y, x)
    _draw_boxes(maps, prompts.boxes / STRIDE, y, x)
    if prompts.logits is not None and prompts.has_logits is not None:
        there = prompts.has_logits.float()[:, None, None]
        maps[:, 6] = torch.tanh(prompts.logits[:, 0].float() / 2) * there
        maps[:, 7] = there
    return maps


def _draw_points(maps: Tensor, prompts: LookPrompts, y: Tensor, x: Tensor) -> None:
    if not prompts.points.shape[1]:
        return
    at = prompts.points / STRIDE
    dx2 = (x[None, None] - at[..., :1]) ** 2  # (B, N, w)
    dy2 = (y[None, None] - at[..., 1:]) ** 2  # (B, N, h)
    for channel, sigma in enumerate((_NARROW, _WIDE)):
        across = torch.exp(-dx2 / (2 * sigma * sigma))
        down = torch.exp(-dy2 / (2 * sigma * sigma))
        for first, label in ((0, 1), (2, 0)):
            which = (prompts.labels == label).float()[..., None]
            if bool(which.any()):
                spots = (down * which)[..., :, None] * across[..., None, :]
                maps[:, first + channel] = spots.amax(dim=1)


def _draw_boxes(maps: Tensor, boxes: Tensor, y: Tensor, x: Tensor) -> None:
    there = ~boxes.isnan().any(dim=1)
    safe = torch.nan_to_num(boxes)
    across = _covered(safe[:, 0], safe[:, 2], x)
    down = _covered(safe[:, 1], safe[:, 3], y)
    maps[:, 4] = down[:, :, None] * across[:, None, :] * there[:, None, None]
    maps[:, 5] = there[:, None, None].float()


def _covered(low: Tensor, high: Tensor, at: Tensor) -> Tensor:
    """(B, n): how much of each unit cell around ``at`` lies between ``low`` and ``high``."""
    left = torch.maximum(low[:, None], at[None] - 0.5)
    right = torch.minimum(high[:, None], at[None] + 0.5)
    return (right - left).clamp(0, 1)
