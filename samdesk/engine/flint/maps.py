"""Rasterises prompts to maps, the input of Flint's prompt head: numpy arrays, or tensors on their device."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np

CHANNELS = 8
STRIDE = 4
"""Input pixels per cell of the maps."""
_NARROW = 1.5
_WIDE = 8.0
"""Standard deviations of the two Gaussians of a point, cells."""


@dataclass(frozen=True, eq=False)
class CropPrompts:
    """Prompts of B objects in pixels of the network's input (a crop or the whole image), float32.

    All are numpy arrays, or all are torch tensors on one device.

    Attributes:
        points: (B, N, 2) x, y.
        labels: (B, N): 1 positive, 0 negative, -1 no point (padding).
        boxes: (B, 4) xyxy; NaN for an object without a box.
        logits: (B, 1, h, w) previous mask logits on the grid of the maps; None if no object has any.
        has_logits: (B,) bool; None with ``logits``.
    """

    points: Any
    labels: Any
    boxes: Any
    logits: Any = None
    has_logits: Any = None


def prompt_maps(prompts: CropPrompts, size_hw: tuple[int, int]) -> Any:
    """Rasterises prompts to (B, 8, h, w) float32 maps on a grid of h x w cells.

    Channels: narrow and wide Gaussians of positive points, the same of negative points, coverage of each
    cell by the box, whether there is a box, tanh of half the previous mask's logits, whether there is a
    previous mask.

    Returns:
        A numpy array or a tensor, as the prompts are.
    """
    height, width = size_hw
    xp, device = _library(prompts.boxes)
    y, x = (xp.arange(n, dtype=xp.float32, **device) + 0.5 for n in (height, width))
    maps = xp.zeros((len(prompts.boxes), CHANNELS, height, width), dtype=xp.float32, **device)
    _draw_points(xp, maps, prompts, y, x)
    _draw_boxes(xp, maps, prompts.boxes / STRIDE, y, x)
    if prompts.logits is not None and prompts.has_logits is not None:
        has_logits = prompts.has_logits[:, None, None] * xp.ones_like(maps[:, 7])
        maps[:, 6] = xp.tanh(xp.asarray(prompts.logits[:, 0], dtype=xp.float32) / 2) * has_logits
        maps[:, 7] = has_logits
    return maps


def _library(array: Any) -> tuple[Any, dict[str, Any]]:
    """The library of an array, numpy or torch, and what its functions need to make others beside it."""
    if isinstance(array, np.ndarray):
        return np, {}
    import torch

    return torch, {"device": array.device}


def _draw_points(xp: Any, maps: Any, prompts: CropPrompts, y: Any, x: Any) -> None:
    if not prompts.points.shape[1]:
        return
    cells = prompts.points / STRIDE
    dx2 = (x[None, None] - cells[..., :1]) ** 2  # (B, N, w)
    dy2 = (y[None, None] - cells[..., 1:]) ** 2  # (B, N, h)
    for channel, sigma in enumerate((_NARROW, _WIDE)):
        across = xp.exp(-dx2 / (2 * sigma * sigma))
        down = xp.exp(-dy2 / (2 * sigma * sigma))
        for first, label in ((0, 1), (2, 0)):
            which = (prompts.labels == label)[..., None]
            if bool(which.any()):
                spots = (down * which)[..., :, None] * across[..., None, :]
                maps[:, first + channel] = xp.amax(spots, 1)


def _draw_boxes(xp: Any, maps: Any, boxes: Any, y: Any, x: Any) -> None:
    has_box = ~xp.isnan(boxes).any(1)
    finite = xp.nan_to_num(boxes)
    across = _coverage(xp, finite[:, 0], finite[:, 2], x)
    down = _coverage(xp, finite[:, 1], finite[:, 3], y)
    maps[:, 4] = down[:, :, None] * across[:, None, :] * has_box[:, None, None]
    maps[:, 5] = has_box[:, None, None]


def _coverage(xp: Any, low: Any, high: Any, centres: Any) -> Any:
    """Returns (B, n): the share of each unit cell around ``centres`` between ``low`` and ``high``."""
    left = xp.maximum(low[:, None], centres[None] - 0.5)
    right = xp.minimum(high[:, None], centres[None] + 0.5)
    return xp.clip(right - left, 0, 1)
