"""SAM 2's image encoder (Hiera and its feature pyramid) for inference: the same numbers in less time.

What differs from the stock modules, all of it exact but for the order of sums:

* All is kept as (H, W, C), whose 1 x 1 convolutions are linear layers. Windows hear nothing of each other
  within a block, so that a block runs in bands of whole windows, which stay in the processor's cache.
* Where all cells look at all others, a CPU does some rows of the scores at a time, as plain products;
  torch's fused attention takes three times as long there.
* The two finer levels of the pyramid are nothing but a 1 x 1 convolution of the trunk, of which the mask
  decoder takes another one: both are one. What the pyramid encodes of positions, nobody asks for.
* The positional encoding is resized once, not for each photo.

Sources: Ryali et al., "Hiera" (2023); Ravi et al., "SAM 2" (2024), whose weights are taken as they are from
the modules Ultralytics builds.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor

from samdesk.base.jobs import Pause
from samdesk.engine.protocols import EngineError
from samdesk.engine.runtime.kernels import convolved, linear
from samdesk.engine.sam.layers import Mlp, Norm, from_windows, joined, pair, seen, windows

_SIDE = 256
"""Cells a side of the first stage, for SAM 2's input of 1024 pixels."""
_BAND = 2048
"""Cells of whole windows at once on a CPU, about; elsewhere all."""
_FEW = 256
"""With more keys than so, a CPU goes through the scores in parts."""
_SCORES = 1 << 19
"""Scores in such a part."""
_TOP_DOWN = [2, 3]
"""The pyramid's levels that hear of the coarser ones."""


class HieraEncoder:
    """The encoder.

    Args:
        module: Ultralytics' ``SAM2Model`` on its device, float32; it is not changed.
        dtype: The type to work in.

    Raises ``EngineError`` for a pyramid of another kind.
    """

    def __init__(self, module: Any, dtype: torch.dtype) -> None:
        trunk, neck = module.image_encoder.trunk, module.image_encoder.neck
        if list(neck.fpn_top_down_levels) != _TOP_DOWN or len(neck.convs) != 4:
            raise EngineError("This SAM 2 has a feature pyramid not known here. Choose another model.")
        stem = trunk.patch_embed.proj
        self._stem = stem.weight.to(dtype).contiguous(memory_format=torch.channels_last), stem.bias.to(dtype)
        self._stem_geometry = stem.stride[0], stem.padding
        self._position = trunk._get_pos_embed((_SIDE, _SIDE))[0].to(dtype).contiguous()
        self._blocks = [_Block(block, dtype) for block in trunk.blocks]
        self._ends = set(trunk.stage_ends)
        self._neck = _Neck(module, dtype)
        self._dtype = dtype

    def __call__(self, pixels: Tensor, pause: Pause) -> tuple[Tensor, Tensor, Tensor]:
        """(1, 256, 64, 64) embedding, (1, 32, 256, 256) and (1, 64, 128, 128) for the decoder.

        Args:
            pixels: (1, 3, 1024, 1024).
            pause: Called between two layers.
        """
        x = pixels[0].to(self._dtype).permute(1, 2, 0).contiguous()
        stride, pad = self._stem_geometry
        x = convolved(x, *self._stem, stride=stride, pad=pad).add_(self._position)
        levels = []
        for number, block in enumerate(self._blocks):
            pause()
            x = block(x)
            if number in self._ends:
                levels.append(x)
        pause()
        return self._neck(levels)


class _Block:
    """A ``MultiScaleBlock`` on (H, W, C): attention in windows or everywhere, an MLP; it may pool."""

    def __init__(self, module: Any, dtype: torch.dtype) -> None:
        self._window: int = module.window_size
        self._pools = module.pool is not None
        self._norm = Norm(module.norm1, dtype)
        self._shortcut = pair(module.proj, dtype) if module.dim != module.dim_out else None
        self._attention = _Attention(module.attn, self._pools, dtype)
        wide, narrow = module.mlp.layers
        self._mlp = Mlp(module.norm2, wide, narrow, dtype)

    def __call__(self, x: Tensor) -> Tensor:
        height, width, _ = x.shape
        rows = height
        if self._window and x.device.type == "cpu":
            rows = max(1, _BAND // (width * self._window)) * self._window
        return joined([self._band(x[start : start + rows]) for start in range(0, height, rows)])

    def _band(self, x: Tensor) -> Tensor:
        """Some whole windows' rows, or all."""
        normed = self._norm(x)
        if self._shortcut is not None:
            x = linear(normed, *self._shortcut)
            x = _pooled(x) if self._pools else x
        return self._mlp(x + self._attended(normed, *x.shape[:2]))

    def _attended(self, x: Tensor, height: int, width: int) -> Tensor:
        """(height, width, C), smaller than ``x`` where queries are pooled."""
        if not self._window:
            return self._attention(x[None])[0]
        return from_windows(self._attention(windows(x, self._window)), height, width)


def _pooled(x: Tensor) -> Tensor:
    """(..., H, W, C): the larger of each two by two."""
    rows = torch.maximum(x[..., 0::2, :, :], x[..., 1::2, :, :])
    return torch.maximum(rows[..., 0::2, :], rows[..., 1::2, :])


class _Attention:
    """A ``MultiScaleAttention`` on (windows, h, w, C), whose queries may be pooled."""

    def __init__(self, module: Any, pools: bool, dtype: torch.dtype) -> None:
        self._heads: int = module.num_heads
        self._pools = pools
        self._in, self._out = pair(module.qkv, dtype), pair(module.proj, dtype)

    def __call__(self, x: Tensor) -> Tensor:
        windows, height, width, _ = x.shape
        queries, keys, values = linear(x, *self._in).chunk(3, -1)
        if self._pools:
            queries = _pooled(queries)
            height, width = queries.shape[1:3]
        q, k, v = (
            y.reshape(windows, -1, self._heads, y.shape[-1] // self._heads).transpose(1, 2)
            for y in (queries, keys, values)
        )
        found = _attended(q, k, v).transpose(1, 2).reshape(windows, height, width, -1)
        return linear(found, *self._out)


def _attended(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """Softmax attention of (B, H, M, D) queries on (B, H, N, D) keys: (B, H, M, D)."""
    if q.device.type == "cpu" and k.shape[2] > _FEW:
        heads = zip(q.flatten(0, 1), k.flatten(0, 1), v.flatten(0, 1), strict=True)
        return torch.stack([_seen_in_parts(*head) for head in heads]).view_as(q)
    return seen(q, k, v, q.shape[-1] ** -0.5)


def _seen_in_parts(q: Tensor, k: Tensor, v: Tensor) -> Tensor:
    """One head's, (M, D), some rows of the scores at a time."""
    q, k, v = (q * q.shape[-1] ** -0.5).contiguous(), k.contiguous(), v.T.contiguous()
    parts = torch.split(q, max(1, _SCORES // len(k)))
    return joined([linear(linear(part, k).softmax(-1), v) for part in parts])


class _Neck:
    """The feature pyramid as far as it is asked for, with the decoder's convolutions of its finer levels."""

    def __init__(self, module: Any, dtype: torch.dtype) -> None:
        *lateral, middle, fine = (c.conv for c in module.image_encoder.neck.convs)
        decoder = module.sam_mask_decoder
        self._finer = [
            _both(first, second, dtype)
            for first, second in ((fine, decoder.conv_s0), (middle, decoder.conv_s1))
        ]
        (coarsest, coarsest_bias), (weight, bias) = (_matrix(c) for c in lateral)
        self._coarsest = coarsest.to(dtype), coarsest_bias.to(dtype)
        # Trained on videos: the first frame has no memory, and this says so.
        self._coarse = weight.to(dtype), (bias + module.no_mem_embed.flatten()).to(dtype)

    def __call__(self, levels: list[Tensor]) -> tuple[Tensor, Tensor, Tensor]:
        """Of the trunk's levels, the finest first."""
        fine, middle, coarse, coarsest = levels
        above = linear(coarsest, *self._coarsest)
        height, width, channels = above.shape
        above = above[:, None, :, None].expand(height, 2, width, 2, channels)
        image = linear(coarse, *self._coarse) + above.reshape(2 * height, 2 * width, channels)
        finer = (linear(x, *pair) for x, pair in zip((fine, middle), self._finer, strict=True))
        image, fine, middle = (x.permute(2, 0, 1)[None] for x in (image, *finer))
        return image, fine, middle


def _matrix(convolution: Any) -> tuple[Tensor, Tensor]:
    """A 1 x 1 convolution's weight as a matrix, and its bias, float32."""
    return convolution.weight.flatten(1).float(), convolution.bias.float()


def _both(first: Any, second: Any, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Two 1 x 1 convolutions, one after the other, as one."""
    (weight, bias), (then, then_bias) = _matrix(first), _matrix(second)
    return (then @ weight).to(dtype), (then @ bias + then_bias).to(dtype)
