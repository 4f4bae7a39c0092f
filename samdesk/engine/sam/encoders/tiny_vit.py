"""MobileSAM's image encoder (TinyViT) for inference: the same numbers in a fraction of the time.

What differs from the stock module, all of it exact but for the order of sums:

* Batch norms are folded into the convolutions before them: norm(conv(x)) is a convolution with scaled
  weights and a bias.
* All is kept as rows of cells with their channels side by side, (cells, C): a 1 x 1 convolution is then a
  linear layer with its GELU fused, a layer norm needs no turning, and windows are cut in whole rows.
* The first stage has four times the cells and channels of any other: its blocks run in bands of rows, so that
  a band stays in the processor's cache (in whole it is read from memory seven times a block).
* SAM pads a photo with zeros to a square. In the convolutional first stage what is farther from the photo
  than convolutions reach is what it is for a photo of nothing at all: that is computed once for all photos.
  (Later stages have windows, by which all cells hear of each other.)

Sources: Wu et al., "TinyViT" (2022); Zhang et al., "Faster Segment Anything" (2023), whose weights are taken
as they are from the module Ultralytics builds.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from samdesk.base.jobs import Pause, no_pause
from samdesk.engine.runtime.kernels import convolved, linear
from samdesk.engine.sam.layers import Mlp, Norm, from_windows, joined, pair, seen, windows

_BAND = 16
"""Rows of the first stage at once on a CPU; a GPU takes all."""
_REACH = 4
"""Cells (of the first stage's last 128 a side) beyond the photo that its convolutions reach, at most."""


class TinyVitEncoder:
    """The encoder.

    Args:
        module: Ultralytics' ``TinyViT``, with its weights, in float32.
        dtype: The type to work in.
    """

    def __init__(self, module: Any, dtype: torch.dtype) -> None:
        self.dtype = dtype
        first, *others = module.layers
        embed = module.patch_embed.seq
        self._stem = [_folded(embed[0], dtype), _folded(embed[2], dtype)]
        self._convolutions = [_Bottleneck(block, dtype) for block in first.blocks]
        self._merge = _Merging(first.downsample, dtype)
        self._stages = [
            ([_Block(b, dtype) for b in layer.blocks], layer.downsample and _Merging(layer.downsample, dtype))
            for layer in others
        ]
        self._neck = _Neck(module.neck, dtype)
        self._blank: Tensor | None = None

    def __call__(self, pixels: Tensor, content_hw: tuple[int, int], pause: Pause = no_pause) -> Tensor:
        """(1, 256, 64, 64) in ``dtype``.

        Args:
            pixels: (1, 3, 1024, 1024), the photo at the top left, zeros elsewhere.
            content_hw: Height and width of the photo there; (1024, 1024) is always right.
            pause: Called between two layers.
        """
        x = self._first_stage(pixels.to(self.dtype), content_hw, pause)
        for blocks, merge in self._stages:
            for block in blocks:
                pause()
                x = block(x)
            if merge is not None:
                x = merge(x)
        pause()
        return self._neck(x)

    def _first_stage(self, pixels: Tensor, content_hw: tuple[int, int], pause: Pause) -> Tensor:
        """(S, S, C) after the first stage's merging; beyond the photo what it is of nothing at all."""
        side = pixels.shape[-1]
        rows, columns = (min(-(-n // 8) + _REACH, side // 8) for n in content_hw)
        if (rows, columns) == (side // 8, side // 8):
            return self._convolved(pixels, pause)
        if self._blank is None:
            self._blank = self._convolved(torch.zeros_like(pixels), pause)
        # What is cut off is as far away again as what is kept.
        height, width = (min(8 * (n + _REACH), side) for n in (rows, columns))
        x = self._blank.clone()
        x[:rows, :columns] = self._convolved(pixels[..., :height, :width], pause)[:rows, :columns]
        return x

    def _convolved(self, pixels: Tensor, pause: Pause) -> Tensor:
        """(H / 8, W / 8, C) of (1, 3, H, W)."""
        x = pixels[0].permute(1, 2, 0).contiguous()
        x = convolved(x, *self._stem[0], stride=2, gelu=True)
        x = convolved(x, *self._stem[1], stride=2)
        for block in self._convolutions:
            pause()
            x = block(x)
        pause()
        return self._merge(x)


def _folded(block: Any, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """The weight and bias of a convolution (``c``) with its batch norm (``bn``) folded in."""
    norm = block.bn
    scale = norm.weight.float() / (norm.running_var.float() + norm.eps).sqrt()
    weight = block.c.weight.float() * scale[:, None, None, None]
    bias = norm.bias.float() - norm.running_mean.float() * scale
    return weight.to(dtype).contiguous(memory_format=torch.channels_last), bias.to(dtype)


def _as_linear(weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """A 1 x 1 convolution's weight as a matrix."""
    return weight.flatten(1).contiguous(), bias


class _Bottleneck:
    """An inverted bottleneck (``MBConv``) on (H, W, C)."""

    def __init__(self, module: Any, dtype: torch.dtype) -> None:
        self._wide = _as_linear(*_folded(module.conv1, dtype))
        self._depthwise = _folded(module.conv2, dtype)
        self._narrow = _as_linear(*_folded(module.conv3, dtype))

    def __call__(self, x: Tensor) -> Tensor:
        bands = []
        for start, end in _bands(x):
            wide = _around(x, self._wide, start - 1, end + 1)
            wide = convolved(wide, *self._depthwise, pad=(0, 1), gelu=True)
            bands.append(functional.gelu(linear(wide, *self._narrow).add_(x[start:end])))
        return joined(bands)


def _bands(x: Tensor) -> list[tuple[int, int]]:
    """First and last row (half open) of each band."""
    rows = _BAND if x.device.type == "cpu" else len(x)
    return [(start, min(start + rows, len(x))) for start in range(0, len(x), rows)]


def _around(x: Tensor, wide: tuple[Tensor, Tensor], start: int, end: int) -> Tensor:
    """Rows ``start`` to ``end`` made wider; zeros where the image has none, as at its sides."""
    first, last = max(start, 0), min(end, len(x))
    rows = linear(x[first:last], *wide, gelu=True)
    if first == start and last == end:
        return rows
    return functional.pad(rows, (0, 0, 0, 0, first - start, end - last))


class _Merging:
    """``PatchMerging`` on (H, W, C): more channels, and half the cells a side where the module says so."""

    def __init__(self, module: Any, dtype: torch.dtype) -> None:
        self._first = _as_linear(*_folded(module.conv1, dtype))
        self._depthwise = _folded(module.conv2, dtype)
        self._stride: int = module.conv2.c.stride[0]
        self._last = _as_linear(*_folded(module.conv3, dtype))

    def __call__(self, x: Tensor) -> Tensor:
        bands = []
        for start, end in _bands(x):
            # With stride 2 the last row of a band does not reach beyond it.
            wide = _around(x, self._first, start - 1, end + (self._stride == 1))
            wide = convolved(wide, *self._depthwise, stride=self._stride, pad=(0, 1), gelu=True)
            bands.append(linear(wide, *self._last))
        return joined(bands)


class _Block:
    """A ``TinyViTBlock`` on (H, W, C): attention in windows, a small convolution, an MLP."""

    def __init__(self, module: Any, dtype: torch.dtype) -> None:
        self._window: int = module.window_size
        self._attention = _Attention(module.attn, dtype)
        self._local = _folded(module.local_conv, dtype)
        self._mlp = Mlp(module.mlp.norm, module.mlp.fc1, module.mlp.fc2, dtype)

    def __call__(self, x: Tensor) -> Tensor:
        cut = windows(x, self._window)
        found = self._attention(cut.flatten(1, 2)).view_as(cut)
        x = x + from_windows(found, *x.shape[:2])
        return self._mlp(convolved(x, *self._local))


class _Attention:
    """Attention with a bias for each distance, on (windows, cells, C)."""

    def __init__(self, module: Any, dtype: torch.dtype) -> None:
        self._heads: int = module.num_heads
        self._depth: int = module.key_dim
        self._scale: float = module.scale
        self._norm = Norm(module.norm, dtype)
        self._in, self._out = pair(module.qkv, dtype), pair(module.proj, dtype)
        self._bias = module.attention_biases[:, module.attention_bias_idxs].to(dtype)[None]

    def __call__(self, x: Tensor) -> Tensor:
        qkv = linear(self._norm(x), *self._in).view(*x.shape[:2], self._heads, -1).transpose(1, 2)
        q, k, v = torch.split(qkv, [self._depth, self._depth, qkv.shape[-1] - 2 * self._depth], -1)
        found = seen(q, k, v, self._scale, self._bias)
        return linear(found.transpose(1, 2).flatten(2), *self._out)


class _Neck:
    """From (64, 64, C) to SAM's (1, 256, 64, 64)."""

    def __init__(self, module: Any, dtype: torch.dtype) -> None:
        first, norm, second, last_norm = module
        self._first = first.weight.to(dtype).flatten(1).contiguous()
        self._norm, self._last_norm = Norm(norm, dtype), Norm(last_norm, dtype)
        self._second = second.weight.to(dtype).contiguous(memory_format=torch.channels_last)

    def __call__(self, x: Tensor) -> Tensor:
        x = convolved(self._norm(linear(x, self._first)), self._second, None)
        return self._last_norm(x).permute(2, 0, 1)[None]
