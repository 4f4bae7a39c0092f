"""MobileSAM's image encoder (TinyViT), optimised for inference.

Differences from the stock module, all exact up to the order of summation:

* Batch norms are folded into the preceding convolutions.
* Activations are channels-last, (H, W, C): a 1 x 1 convolution is a linear layer with a fused GELU, a layer
  norm needs no transpose, and windows are taken from whole rows.
* The first stage has four times the cells and channels of any other: its blocks run in bands of rows, which
  stay in the CPU's cache (the whole map would be read from memory seven times per block).
* SAM zero-pads an image to a square. In the convolutional first stage, cells whose receptive field contains
  padding only equal those of an all-zero input, which are computed once for all images. (Later stages have
  window attention, which spreads the image's content to all cells.) Not on a GPU: it takes the square in
  less time than choosing kernels for another shape takes.

Sources: Wu et al., "TinyViT" (2022); Zhang et al., "Faster Segment Anything" (2023). The weights come
unchanged from the module that Ultralytics builds.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from samdesk.base.jobs import Pause, no_pause
from samdesk.engine.runtime.kernels import conv2d, linear
from samdesk.engine.sam.layers import (
    LayerNorm,
    Mlp,
    attention,
    concat,
    weight_and_bias,
    window_partition,
    window_unpartition,
)

_BAND_ROWS = 16
"""Rows per band of the first stage on a CPU; a GPU takes all at once."""
_REACH = 4
"""How far the first stage's convolutions reach beyond the image, in cells of its output (128 x 128)."""


class TinyVitEncoder:
    """MobileSAM's image encoder.

    Args:
        module: Ultralytics' ``TinyViT``, with its weights, in float32.
        dtype: Dtype to compute in.
    """

    def __init__(self, module: Any, dtype: torch.dtype) -> None:
        self.dtype = dtype
        first, *others = module.layers
        embed = module.patch_embed.seq
        self._stem = [_fold_batch_norm(embed[0], dtype), _fold_batch_norm(embed[2], dtype)]
        self._convolutions = [_MBConv(block, dtype) for block in first.blocks]
        self._merge = _PatchMerging(first.downsample, dtype)
        self._stages = [
            (
                [_TinyVitBlock(b, dtype) for b in layer.blocks],
                layer.downsample and _PatchMerging(layer.downsample, dtype),
            )
            for layer in others
        ]
        self._neck = _TinyVitNeck(module.neck, dtype)
        self._blank: Tensor | None = None

    def __call__(self, pixels: Tensor, content_hw: tuple[int, int], pause: Pause = no_pause) -> Tensor:
        """Encodes to (1, 256, 64, 64) in ``dtype``.

        Args:
            pixels: (1, 3, 1024, 1024), the image at the top left, zeros elsewhere.
            content_hw: Height and width of the image in ``pixels``; (1024, 1024) is always correct.
            pause: Called between blocks.
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
        """Returns the first stage's (S, S, C) output; beyond the image, that of an all-zero input."""
        side = pixels.shape[-1]
        rows, columns = (min(-(-n // 8) + _REACH, side // 8) for n in content_hw)
        if pixels.device.type != "cpu" or (rows, columns) == (side // 8, side // 8):
            return self._conv_stage(pixels, pause)
        if self._blank is None:
            self._blank = self._conv_stage(torch.zeros_like(pixels), pause)
        # The input is cropped one more reach beyond what is kept: its edge must have no effect on that.
        height, width = (min(8 * (n + _REACH), side) for n in (rows, columns))
        x = self._blank.clone()
        x[:rows, :columns] = self._conv_stage(pixels[..., :height, :width], pause)[:rows, :columns]
        return x

    def _conv_stage(self, pixels: Tensor, pause: Pause) -> Tensor:
        """Maps (1, 3, H, W) to (H / 8, W / 8, C)."""
        x = pixels[0].permute(1, 2, 0).contiguous()
        x = conv2d(x, *self._stem[0], stride=2, gelu=True)
        x = conv2d(x, *self._stem[1], stride=2)
        for block in self._convolutions:
            pause()
            x = block(x)
        pause()
        return self._merge(x)


def _fold_batch_norm(block: Any, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Returns weight and bias of a convolution (``c``) with its batch norm (``bn``) folded in."""
    norm = block.bn
    scale = norm.weight.float() / (norm.running_var.float() + norm.eps).sqrt()
    weight = block.c.weight.float() * scale[:, None, None, None]
    bias = norm.bias.float() - norm.running_mean.float() * scale
    return weight.to(dtype).contiguous(memory_format=torch.channels_last), bias.to(dtype)


def _as_linear(weight: Tensor, bias: Tensor) -> tuple[Tensor, Tensor]:
    """Converts a 1 x 1 convolution to a linear layer: (out, in) weight and bias."""
    return weight.flatten(1).contiguous(), bias


class _MBConv:
    """Inverted bottleneck (``MBConv``) on (H, W, C)."""

    def __init__(self, module: Any, dtype: torch.dtype) -> None:
        self._expand = _as_linear(*_fold_batch_norm(module.conv1, dtype))
        self._depthwise = _fold_batch_norm(module.conv2, dtype)
        self._project = _as_linear(*_fold_batch_norm(module.conv3, dtype))

    def __call__(self, x: Tensor) -> Tensor:
        bands = []
        for start, end in _bands(x):
            hidden = _expand_rows(x, self._expand, start - 1, end + 1)
            hidden = conv2d(hidden, *self._depthwise, pad=(0, 1), gelu=True)
            bands.append(functional.gelu(linear(hidden, *self._project).add_(x[start:end])))
        return concat(bands)


def _bands(x: Tensor) -> list[tuple[int, int]]:
    """Returns the (start, end) rows of each band, half open."""
    rows = _BAND_ROWS if x.device.type == "cpu" else len(x)
    return [(start, min(start + rows, len(x))) for start in range(0, len(x), rows)]


def _expand_rows(x: Tensor, layer: tuple[Tensor, Tensor], start: int, end: int) -> Tensor:
    """Applies a linear layer and GELU to rows ``start`` to ``end``; rows outside the map are zero."""
    first, last = max(start, 0), min(end, len(x))
    rows = linear(x[first:last], *layer, gelu=True)
    if first == start and last == end:
        return rows
    return functional.pad(rows, (0, 0, 0, 0, first - start, end - last))


class _PatchMerging:
    """``PatchMerging`` on (H, W, C): more channels, with the module's stride of 1 or 2."""

    def __init__(self, module: Any, dtype: torch.dtype) -> None:
        self._expand = _as_linear(*_fold_batch_norm(module.conv1, dtype))
        self._depthwise = _fold_batch_norm(module.conv2, dtype)
        self._stride: int = module.conv2.c.stride[0]
        self._project = _as_linear(*_fold_batch_norm(module.conv3, dtype))

    def __call__(self, x: Tensor) -> Tensor:
        bands = []
        for start, end in _bands(x):
            # With stride 2 the kernel does not reach below the band's last row.
            hidden = _expand_rows(x, self._expand, start - 1, end + (self._stride == 1))
            hidden = conv2d(hidden, *self._depthwise, stride=self._stride, pad=(0, 1), gelu=True)
            bands.append(linear(hidden, *self._project))
        return concat(bands)


class _TinyVitBlock:
    """``TinyViTBlock`` on (H, W, C): window attention, a local depthwise convolution, an MLP."""

    def __init__(self, module: Any, dtype: torch.dtype) -> None:
        self._window: int = module.window_size
        self._attention = _TinyVitAttention(module.attn, dtype)
        self._local = _fold_batch_norm(module.local_conv, dtype)
        self._mlp = Mlp(module.mlp.norm, module.mlp.fc1, module.mlp.fc2, dtype)

    def __call__(self, x: Tensor) -> Tensor:
        windows = window_partition(x, self._window)
        attended = self._attention(windows.flatten(1, 2)).view_as(windows)
        x = x + window_unpartition(attended, *x.shape[:2])
        return self._mlp(conv2d(x, *self._local))


class _TinyVitAttention:
    """Self-attention with relative position biases on (windows, cells, C)."""

    def __init__(self, module: Any, dtype: torch.dtype) -> None:
        self._heads: int = module.num_heads
        self._depth: int = module.key_dim
        self._scale: float = module.scale
        self._norm = LayerNorm(module.norm, dtype)
        self._qkv, self._out = weight_and_bias(module.qkv, dtype), weight_and_bias(module.proj, dtype)
        self._bias = module.attention_biases[:, module.attention_bias_idxs].to(dtype)[None]

    def __call__(self, x: Tensor) -> Tensor:
        qkv = linear(self._norm(x), *self._qkv).view(*x.shape[:2], self._heads, -1).transpose(1, 2)
        q, k, v = torch.split(qkv, [self._depth, self._depth, qkv.shape[-1] - 2 * self._depth], -1)
        attended = attention(q, k, v, self._scale, self._bias)
        return linear(attended.transpose(1, 2).flatten(2), *self._out)


class _TinyVitNeck:
    """Projects (64, 64, C) to SAM's (1, 256, 64, 64)."""

    def __init__(self, module: Any, dtype: torch.dtype) -> None:
        first, norm, second, last_norm = module
        self._first = first.weight.to(dtype).flatten(1).contiguous()
        self._norm, self._last_norm = LayerNorm(norm, dtype), LayerNorm(last_norm, dtype)
        self._second = second.weight.to(dtype).contiguous(memory_format=torch.channels_last)

    def __call__(self, x: Tensor) -> Tensor:
        x = conv2d(self._norm(linear(x, self._first)), self._second, None)
        return self._last_norm(x).permute(2, 0, 1)[None]
