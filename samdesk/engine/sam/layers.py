"""Layers shared by the image encoders and the mask decoder, in the dtype they compute in."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from samdesk.engine.runtime.kernels import linear

_CPU_ROWS = 2048
"""Cells per chunk of an MLP on a CPU, so that the activations stay in its cache; elsewhere all at once."""


def weight_and_bias(module: Any, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Returns a layer's weight and bias in ``dtype``."""
    return module.weight.to(dtype), module.bias.to(dtype)


def concat(tensors: Sequence[Tensor], dim: int = 0) -> Tensor:
    """Concatenates tensors along an axis; a single tensor is returned as it is, without a copy."""
    return tensors[0] if len(tensors) == 1 else torch.cat(list(tensors), dim)


class LayerNorm:
    """Layer norm over the channels, which are the last axis.

    Args:
        module: Norm over channels to take the weights from, whatever axis it works on.
        dtype: Dtype to compute in.
    """

    def __init__(self, module: Any, dtype: torch.dtype) -> None:
        weight, bias = weight_and_bias(module, dtype)
        self._arguments = weight.shape, weight, bias, module.eps

    def __call__(self, x: Tensor) -> Tensor:
        """Normalises (..., C)."""
        return functional.layer_norm(x, *self._arguments)


class Mlp:
    """Residual pre-norm MLP: ``x + second(gelu(first(norm(x))))`` for each cell.

    Args:
        norm: Layer norm.
        first: Linear layer from C to the hidden channels.
        second: Linear layer back to C.
        dtype: Dtype to compute in.
    """

    def __init__(self, norm: Any, first: Any, second: Any, dtype: torch.dtype) -> None:
        self._norm = LayerNorm(norm, dtype)
        self._first, self._second = weight_and_bias(first, dtype), weight_and_bias(second, dtype)

    def __call__(self, x: Tensor) -> Tensor:
        """Maps (H, W, C) to (H, W, C)."""
        cells = x.flatten(0, 1)
        chunks = torch.split(cells, _CPU_ROWS if x.device.type == "cpu" else len(cells))
        return concat([self._forward(chunk) for chunk in chunks]).view_as(x)

    def _forward(self, cells: Tensor) -> Tensor:
        hidden = linear(self._norm(cells), *self._first, gelu=True)
        return linear(hidden, *self._second).add_(cells)


def window_partition(x: Tensor, side: int) -> Tensor:
    """Splits (H, W, C) into windows (N, side, side, C), row by row, zero-padded at the right and bottom."""
    height, width, channels = x.shape
    down, across = -(-height // side), -(-width // side)
    x = functional.pad(x, (0, 0, 0, across * side - width, 0, down * side - height))
    return x.view(down, side, across, side, channels).transpose(1, 2).reshape(-1, side, side, channels)


def window_unpartition(x: Tensor, height: int, width: int) -> Tensor:
    """Joins windows (N, side, side, C) to (height, width, C), without the padding of ``window_partition``."""
    side = x.shape[1]
    across = -(-width // side)
    x = x.view(-1, across, side, side, x.shape[-1]).transpose(1, 2)
    return x.reshape(-1, across * side, x.shape[-1])[:height, :width]


def attention(q: Tensor, k: Tensor, v: Tensor, scale: float, bias: Tensor | None = None) -> Tensor:
    """Scaled dot-product attention for a small number of keys.

    Args:
        q: (B, H, M, D) queries.
        k: (B, H, N, D) keys.
        v: (B, H, N, D) values.
        scale: Factor of the scores.
        bias: Added to the (B, H, M, N) scores, broadcast.

    Returns:
        (B, H, M, D).
    """
    if q.device.type == "cpu" and q.dtype == torch.bfloat16:  # torch's fused kernel is slower for few keys
        scores = torch.matmul(q, k.mT).mul_(scale)
        scores = scores if bias is None else scores.add_(bias)
        return torch.matmul(scores.softmax(-1), v)
    return functional.scaled_dot_product_attention(q, k, v, attn_mask=bias, scale=scale)
