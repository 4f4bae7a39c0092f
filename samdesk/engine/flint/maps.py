"""Rasterises prompts to maps, the input of Flint's prompt head."""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

CHANNELS = 8
STRIDE = 4
"""Input pixels per cell of the maps."""
_NARROW = 1.5
_WIDE = 8.0
"""Standard deviations of the two Gaussians of a point, cells."""


@dataclass(frozen=True, eq=False)
class CropPrompts:
    """Prompts of B objects in pixels of the network's input (a crop or the whole image), float32.

    Attributes:
        points: (B, N, 2) x, y.
        labels: (B, N): 1 positive, 0 negative, -1 no point (padding).
        boxes: (B, 4) xyxy; NaN for an object without a box.
        logits: (B, 1, h, w) previous mask logits on the grid of the maps; None if no object has any.
        has_logits: (B,) bool; None with ``logits``.
    """

    points: Tensor
    labels: Tensor
    boxes: Tensor
    logits: Tensor | None = None
    has_logits: Tensor | None = None


def prompt_maps(prompts: CropPrompts, size_hw: tuple[int, int]) -> Tensor:
    """Rasterises prompts to (B, 8, h, w) float32 maps on a grid of h x w cells.

    Channels: narrow and wide Gaussians of positive points, the same of negative points, coverage of each
    cell by the box, whether there is a box, tanh of half the previous mask's logits, whether there is a
    previous mask.
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
        has_logits = prompts.has_logits.float()[:, None, None]
        maps[:, 6] = torch.tanh(prompts.logits[:, 0].float() / 2) * has_logits
        maps[:, 7] = has_logits
    return maps


def _draw_points(maps: Tensor, prompts: CropPrompts, y: Tensor, x: Tensor) -> None:
    if not prompts.points.shape[1]:
        return
    cells = prompts.points / STRIDE
    dx2 = (x[None, None] - cells[..., :1]) ** 2  # (B, N, w)
    dy2 = (y[None, None] - cells[..., 1:]) ** 2  # (B, N, h)
    for channel, sigma in enumerate((_NARROW, _WIDE)):
        across = torch.exp(-dx2 / (2 * sigma * sigma))
        down = torch.exp(-dy2 / (2 * sigma * sigma))
        for first, label in ((0, 1), (2, 0)):
            which = (prompts.labels == label).float()[..., None]
            if bool(which.any()):
                spots = (down * which)[..., :, None] * across[..., None, :]
                maps[:, first + channel] = spots.amax(dim=1)


def _draw_boxes(maps: Tensor, boxes: Tensor, y: Tensor, x: Tensor) -> None:
    has_box = ~boxes.isnan().any(dim=1)
    finite = torch.nan_to_num(boxes)
    across = _coverage(finite[:, 0], finite[:, 2], x)
    down = _coverage(finite[:, 1], finite[:, 3], y)
    maps[:, 4] = down[:, :, None] * across[:, None, :] * has_box[:, None, None]
    maps[:, 5] = has_box[:, None, None].float()


def _coverage(low: Tensor, high: Tensor, centres: Tensor) -> Tensor:
    """Returns (B, n): the share of each unit cell around ``centres`` between ``low`` and ``high``."""
    left = torch.maximum(low[:, None], centres[None] - 0.5)
    right = torch.minimum(high[:, None], centres[None] + 0.5)
    return (right - left).clamp(0, 1)
