"""Linear layers, batched matrix products and convolutions with the fastest kernel of the device.

On a CPU torch multiplies float32 matrices with MKL, which is slow on processors that are not Intel's: oneDNN,
which torch includes too, takes half the time there (4096 x 256 x 256 on 2 cores of an AMD EPYC: 1.2 ms
instead of 2.6 ms) and the same elsewhere. In bf16 torch uses oneDNN itself, but cannot fuse GELU.
"""

from __future__ import annotations

from functools import cache
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

_SMALL = 16
"""With fewer rows, of the larger of the two matrices, calling oneDNN costs more than it saves."""


@cache
def _one_dnn() -> Any:
    """The linear operator of oneDNN with a fused operation, as torch's compiler calls it; else None."""
    try:
        fused = torch.ops.mkldnn._linear_pointwise
        probe = torch.ones(_SMALL, 4)
        fused(probe, probe, None, "none", [], "")
        fused.binary(probe, torch.ones(_SMALL, _SMALL), probe, None, "add")
    except (AttributeError, RuntimeError):  # a torch without oneDNN; NotImplementedError is one
        return None
    return fused


@cache
def _fused_convolution() -> Any:
    """The convolution operator of oneDNN with a fused operation; else None."""
    try:
        fused = torch.ops.mkldnn._convolution_pointwise
        probe = torch.ones(1, 1, 3, 3)
        fused(probe, probe, None, [1, 1], [1, 1], [1, 1], 1, "gelu", [], "none")
    except (AttributeError, RuntimeError):
        return None
    return fused


def _fits(x: Tensor) -> bool:
    return x.device.type == "cpu" and x.dtype != torch.float16 and x.numel() // x.shape[-1] >= _SMALL


def linear(x: Tensor, weight: Tensor, bias: Tensor | None = None, *, gelu: bool = False) -> Tensor:
    """``x @ weight.T + bias`` for (..., K) and (N, K): (..., N); followed by the exact GELU with ``gelu``."""
    if _fits(max(x, weight, key=Tensor.numel)) and (fused := _one_dnn()) is not None:
        found: Tensor = fused(x, weight, bias, "gelu" if gelu else "none", [], "none" if gelu else "")
        return found
    found = functional.linear(x, weight, bias)
    return functional.gelu(found) if gelu else found


def gelu_(x: Tensor) -> Tensor:
    """The exact GELU, in place; torch has no public function for that."""
    found: Tensor = torch.ops.aten.gelu_(x)
    return found


def bmm_transposed(a: Tensor, b: Tensor) -> Tensor:
    """``a @ b.mT`` for (B, M, K) and (B, N, K): (B, M, N)."""
    return linear(a[0], b[0])[None] if len(a) == 1 else torch.bmm(a, b.mT)


def baddbmm_transposed(base: Tensor, a: Tensor, b: Tensor) -> Tensor:
    """``base + a @ b.mT`` for (B, M, N), (B, M, K) and (B, N, K): a new tensor."""
    if len(a) > 1 or not _fits(a) or (fused := _one_dnn()) is None:
        return torch.baddbmm(base, a, b.mT)
    if a.dtype == torch.bfloat16 and a.stride(-1) != 1:  # oneDNN would copy it to be contiguous
        return torch.addmm(base[0], a[0], b[0].mT)[None]
    found: Tensor = fused.binary(a[0], base[0], b[0], None, "add")
    return found[None]


def conv2d(
    x: Tensor, weight: Tensor, bias: Tensor | None, *, stride: int = 1, pad: tuple[int, int] | None = None,
    gelu: bool = False,
) -> Tensor:  # fmt: skip
    """A convolution of (H, W, C) by (K, C or 1, 3, 3): (H', W', K), then the exact GELU with ``gelu``.

    A weight with one input channel makes it a depthwise convolution.

    Args:
        x: (H, W, C).
        weight: (K, C or 1, 3, 3), in channels-last memory format.
        bias: (K,).
        stride: Vertically and horizontally.
        pad: Rows and columns of zero padding; by default those that keep the size at stride 1.
        gelu: Whether the exact GELU follows.
    """
    groups = len(weight) if weight.shape[1] == 1 else 1
    pad = pad or (weight.shape[2] // 2, weight.shape[3] // 2)
    nchw = x[None].permute(0, 3, 1, 2)  # in this order: else torch does not recognise channels-last
    if x.device.type == "cpu" and gelu and (fused := _fused_convolution()) is not None:
        strides, ones = [stride, stride], [1, 1]
        found = fused(nchw, weight, bias, list(pad), strides, ones, groups, "gelu", [], "none")
    else:
        found = functional.conv2d(nchw, weight, bias, stride, pad, groups=groups)
        found = functional.gelu(found) if gelu else found
    rows: Tensor = found.permute(0, 2, 3, 1)[0]
    return rows.contiguous()
