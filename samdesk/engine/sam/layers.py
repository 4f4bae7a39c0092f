"""The layers that our encoders and decoder have in common, in the type they work in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from samdesk.engine.runtime.kernels import linear

_ROWS = 2048
"""Cells at once in an MLP on a CPU: what is made of them stays in its cache. Elsewhere all."""


def pair(module: Any, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """A layer's weight and bias."""
    return module.weight.to(dtype), module.bias.to(dtype)


def joined(parts: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Parts put together along an axis; one alone is not copied."""
    return parts[0] if len(parts) == 1 else torch.cat(list(parts), dim)


class Norm:
    """A layer norm of the channels, the last axis.

    Args:
        module: Its weights: any norm of channels, wherever they were.
        dtype: The type to work in.
    """

    def __init__(self, module: Any, dtype: torch.dtype) -> None:
        weight, bias = pair(module, dtype)
        self._own = weight.shape, weight, bias, module.eps

    def __call__(self, x: Tensor) -> Tensor:
        """(..., C)."""
        return functional.layer_norm(x, *self._own)


class Mlp:
    """``x + narrow(gelu(wide(norm(x))))`` of each cell by itself.

    Args:
        norm: The layer norm.
        wide: The linear layer to more channels.
        narrow: The one back.
        dtype: The type to work in.
    """

    def __init__(self, norm: Any, wide: Any, narrow: Any, dtype: torch.dtype) -> None:
        self._norm = Norm(norm, dtype)
        self._wide, self._narrow = pair(wide, dtype), pair(narrow, dtype)

    def __call__(self, x: Tensor) -> Tensor:
        """(H, W, C)."""
        cells = x.flatten(0, 1)
        parts = torch.split(cells, _ROWS if x.device.type == "cpu" else len(cells))
        return joined([self._part(part) for part in parts]).view_as(x)

    def _part(self, cells: Tensor) -> Tensor:
        wide = linear(self._norm(cells), *self._wide, gelu=True)
        return linear(wide, *self._narrow).add_(cells)


def windows(x: Tensor, side: int) -> Tensor:
    """(H, W, C) cut into (N, side, side, C), row by row; filled up with zeros at the right and bottom."""
    height, width, channels = x.shape
    down, across = -(-height // side), -(-width // side)
    x = functional.pad(x, (0, 0, 0, across * side - width, 0, down * side - height))
    return x.view(down, side, across, side, channels).transpose(1, 2).reshape(-1, side, side, channels)


def from_windows(x: Tensor, height: int, width: int) -> Tensor:
    """The inverse of ``windows`` for an image of this size: (height, width, C)."""
    side = x.shape[1]
    across = -(-width // side)
    x = x.view(-1, across, side, side, x.shape[-1]).transpose(1, 2)
    return x.reshape(-1, across * side, x.shape[-1])[:height, :width]


def seen(q: Tensor, k: Tensor, v: Tensor, scale: float, bias: Tensor | None = None) -> Tensor:
    """Softmax attention of (B, H, M, D) queries on a few keys, (B, H, N, D): (B, H, M, D).

    ``bias`` is added to the scores.
    """
    if q.device.type == "cpu" and q.dtype == torch.bfloat16:  # torch's fused one is slower for so few
        scores = torch.matmul(q, k.mT).mul_(scale)
        scores = scores if bias is None else scores.add_(bias)
        return torch.matmul(scores.softmax(-1), v)
    return functional.scaled_dot_product_attention(q, k, v, attn_mask=bias, scale=scale)
