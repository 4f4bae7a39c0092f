"""SAM 2's image encoder (Hiera trunk and FPN neck), optimised for inference.

Differences from the stock modules, all exact up to the order of summation:

* Activations are (H, W, C), so that 1 x 1 convolutions are linear layers. Windows are independent within a
  block, so a block runs in bands of whole windows, which stay in the CPU's cache.
* Global attention on a CPU computes a chunk of rows of the score matrix at a time, as plain matrix products;
  torch's fused attention takes three times as long there.
* The two finer pyramid levels are a 1 x 1 convolution of the trunk's output, followed by another one in the
  mask decoder: both are composed into one. The neck's positional encodings, which image prediction does not
  use, are not computed.
* The positional encoding is resized once, not for each image.

Sources: Ryali et al., "Hiera" (2023); Ravi et al., "SAM 2" (2024). The weights come unchanged from the
modules that Ultralytics builds.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from samdesk.base.jobs import Pause
from samdesk.engine.protocols import EngineError
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

_SIDE = 256
"""Side of the first stage's feature map, cells, for SAM 2's input of 1024 pixels."""
_BAND_CELLS = 2048
"""Approximate number of cells in a band of whole windows on a CPU; elsewhere one band holds all."""
_FUSED_MAX_KEYS = 256
"""On a CPU, attention with more keys than this is computed in chunks of scores."""
_CHUNK_SCORES = 1 << 19
"""Number of scores in a chunk."""
_TOP_DOWN_LEVELS = [2, 3]
"""Pyramid levels with a top-down connection from the next coarser one."""


class HieraEncoder:
    """SAM 2's image encoder, including the decoder's convolutions of the high-resolution features.

    Args:
        module: Ultralytics' ``SAM2Model`` on its device, float32; it is not changed.
        dtype: Dtype to compute in.

    Raises:
        EngineError: The feature pyramid has an unsupported layout.
    """

    def __init__(self, module: Any, dtype: torch.dtype) -> None:
        trunk, neck = module.image_encoder.trunk, module.image_encoder.neck
        if list(neck.fpn_top_down_levels) != _TOP_DOWN_LEVELS or len(neck.convs) != 4:
            raise EngineError("This SAM 2 model has an unsupported feature pyramid. Choose another model.")
        stem = trunk.patch_embed.proj
        self._stem = stem.weight.to(dtype).contiguous(memory_format=torch.channels_last), stem.bias.to(dtype)
        self._stem_geometry = stem.stride[0], stem.padding
        self._position = trunk._get_pos_embed((_SIDE, _SIDE))[0].to(dtype).contiguous()
        self._blocks = [_HieraBlock(block, dtype) for block in trunk.blocks]
        self._ends = set(trunk.stage_ends)
        self._neck = _HieraNeck(module, dtype)
        self._dtype = dtype

    def __call__(self, pixels: Tensor, pause: Pause) -> tuple[Tensor, Tensor, Tensor]:
        """Returns the (1, 256, 64, 64) embedding and the features of stride 4 and 8 for the decoder.

        The latter are (1, 32, 256, 256) and (1, 64, 128, 128).

        Args:
            pixels: (1, 3, 1024, 1024).
            pause: Called between blocks.
        """
        x = pixels[0].to(self._dtype).permute(1, 2, 0).contiguous()
        stride, pad = self._stem_geometry
        x = conv2d(x, *self._stem, stride=stride, pad=pad).add_(self._position)
        levels = []
        for number, block in enumerate(self._blocks):
            pause()
            x = block(x)
            if number in self._ends:
                levels.append(x)
        pause()
        return self._neck(levels)


class _HieraBlock:
    """``MultiScaleBlock`` on (H, W, C): windowed or global attention, optional query pooling, MLP."""

    def __init__(self, module: Any, dtype: torch.dtype) -> None:
        self._window: int = module.window_size
        self._pools = module.pool is not None
        self._norm = LayerNorm(module.norm1, dtype)
        self._shortcut = weight_and_bias(module.proj, dtype) if module.dim != module.dim_out else None
        self._attention = _HieraAttention(module.attn, self._pools, dtype)
        first, second = module.mlp.layers
        self._mlp = Mlp(module.norm2, first, second, dtype)

    def __call__(self, x: Tensor) -> Tensor:
        height, width, _ = x.shape
        rows = height
        if self._window and x.device.type == "cpu":
            rows = max(1, _BAND_CELLS // (width * self._window)) * self._window
        return concat([self._forward(x[start : start + rows]) for start in range(0, height, rows)])

    def _forward(self, x: Tensor) -> Tensor:
        """Computes a band of whole windows, or the whole map."""
        normed = self._norm(x)
        if self._shortcut is not None:
            x = linear(normed, *self._shortcut)
            x = _max_pool(x) if self._pools else x
        return self._mlp(x + self._attend(normed, *x.shape[:2]))

    def _attend(self, x: Tensor, height: int, width: int) -> Tensor:
        """Returns (height, width, C), half the size of ``x`` if queries are pooled."""
        if not self._window:
            return self._attention(x[None])[0]
        return window_unpartition(self._attention(window_partition(x, self._window)), height, width)


def _max_pool(x: Tensor) -> Tensor:
    """Max pooling of (..., H, W, C) by 2 x 2."""
    rows = torch.maximum(x[..., 0::2, :, :], x[..., 1::2, :, :])
    return torch.maximum(rows[..., 0::2, :], rows[..., 1::2, :])


class _HieraAttention:
    """``MultiScaleAttention`` on (windows, h, w, C) with optional query pooling."""

    def __init__(self, module: Any, pools: bool, dtype: torch.dtype) -> None:
        self._heads: int = module.num_heads
        self._pools = pools
        self._qkv, self._out = weight_and_bias(module.qkv, dtype), weight_and_bias(module.proj, dtype)

    def __call__(self, x: Tensor) -> Tensor:
        windows, height, width, _ = x.shape
        queries, keys, values = linear(x, *self._qkv).chunk(3, -1)
        if self._pools:
            queries = _max_pool(queries)
            height, width = queries.shape[1:3]
        q, k, v = (
            y.reshape(windows, -1, self._heads, y.shape[-1] // self._heads).transpose(1, 2)
            for y in (queries, keys, values)
        )
        attended = _dispatch_attention(q, k, v).transpose(1, 2).reshape(windows, height, width, -1)
        return linear(attended, *self._out)


def _dispatch_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Attention of (B, H, M, D) queries to (B, H, N, D) keys: (B, H, M, D); in chunks if faster."""
    if q.device.type == "cpu" and k.shape[2] > _FUSED_MAX_KEYS:
        heads = zip(q.flatten(0, 1), k.flatten(0, 1), v.flatten(0, 1), strict=True)
        return torch.stack([_chunked_attention(*head) for head in heads]).view_as(q)
    return attention(q, k, v, q.shape[-1] ** -0.5)


def _chunked_attention(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Attention of one head, (M, D), a chunk of rows of the score matrix at a time."""
    q, k, v = (q * q.shape[-1] ** -0.5).contiguous(), k.contiguous(), v.T.contiguous()
    chunks = torch.split(q, max(1, _CHUNK_SCORES // len(k)))
    return concat([linear(linear(chunk, k).softmax(-1), v) for chunk in chunks])


class _HieraNeck:
    """The FPN levels that are used, composed with the decoder's ``conv_s0`` and ``conv_s1``."""

    def __init__(self, module: Any, dtype: torch.dtype) -> None:
        *lateral, middle, fine = (c.conv for c in module.image_encoder.neck.convs)
        decoder = module.sam_mask_decoder
        self._finer = [
            _compose(first, second, dtype)
            for first, second in ((fine, decoder.conv_s0), (middle, decoder.conv_s1))
        ]
        (coarsest, coarsest_bias), (weight, bias) = (_as_linear_layer(c) for c in lateral)
        self._coarsest = coarsest.to(dtype), coarsest_bias.to(dtype)
        # Image prediction is the first frame of a video: it has no memory, so "no memory" is added.
        self._coarse = weight.to(dtype), (bias + module.no_mem_embed.flatten()).to(dtype)

    def __call__(self, levels: list[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """Combines the trunk's levels, finest first; see ``HieraEncoder.__call__`` for the result."""
        fine, middle, coarse, coarsest = levels
        above = linear(coarsest, *self._coarsest)
        height, width, channels = above.shape
        above = above[:, None, :, None].expand(height, 2, width, 2, channels)
        image = linear(coarse, *self._coarse) + above.reshape(2 * height, 2 * width, channels)
        finer = (linear(x, *layer) for x, layer in zip((fine, middle), self._finer, strict=True))
        image, fine, middle = (x.permute(2, 0, 1)[None] for x in (image, *finer))
        return image, fine, middle


def _as_linear_layer(convolution: Any) -> tuple[Tensor, Tensor]:
    """Returns a 1 x 1 convolution's (out, in) weight and its bias, float32."""
    return convolution.weight.flatten(1).float(), convolution.bias.float()


def _compose(first: Any, second: Any, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Composes two consecutive 1 x 1 convolutions into one linear layer."""
    (weight, bias), (weight2, bias2) = _as_linear_layer(first), _as_linear_layer(second)
    return (weight2 @ weight).to(dtype), (weight2 @ bias + bias2).to(dtype)
