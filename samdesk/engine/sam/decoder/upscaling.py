"""Mask upscaling in SAM's mask decoder: transposed convolutions as plain matrix products.

A 2 x 2 transposed convolution with stride 2 maps each input cell to four output cells of its own, without
overlap: it is one matrix product of (cells, in) by (in, 4 out). Two of them turn 64 x 64 cells into 256 x
256; a mask is the dot product of each cell's 32 channels with the 32 hypernetwork weights of its mask
token. Cells stay in *nested order* (cell, then which of its four children, then which of theirs), so that
every step is a product of contiguous rows; only the finished masks are rearranged to row-major order.

On a CPU it runs in chunks of one or two thousand cells, whose channels stay in the cache.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from samdesk.engine.runtime.kernels import gelu_, linear
from samdesk.engine.sam.decoder.cross_attention import Blocks
from samdesk.engine.sam.layers import LayerNorm, concat

_PAIR_DTYPE = {2: torch.int32, 4: torch.int64}
"""Integer dtype with the size of two values, by the bytes of one value."""


def to_nested_order(features: Tensor, levels: int) -> Tensor:
    """Flattens (1, K, S, S) features to (S * S, K) rows in nested order.

    The inverse of what ``Upscaler`` does to finished masks.

    Args:
        features: (1, K, S, S).
        levels: How many times a coarse cell is split into 2 x 2, S = coarse side * 2 ** levels.
    """
    side = features.shape[-1] >> levels
    split = features[0].permute(1, 2, 0)
    shape = [side, *[2] * levels]
    split = split.reshape(*shape, *shape, -1)
    axes = [axis for level in range(levels + 1) for axis in (level, levels + 1 + level)]
    return split.permute(*axes, 2 * levels + 2).flatten(0, -2).contiguous()


class Upscaler:
    """A mask decoder's ``output_upscaling`` and its product with the hypernetworks' weights.

    Args:
        module: ``output_upscaling``: transposed convolution, norm, GELU, transposed convolution, GELU.
        dtype: Dtype to compute in.
    """

    def __init__(self, module: Any, dtype: torch.dtype) -> None:
        first, norm, _, second, _ = module
        self._first = _as_matrix(first, dtype)
        self._second = _as_matrix(second, dtype)
        self._norm = LayerNorm(norm, dtype)

    def __call__(
        self,
        images: Sequence[Blocks],
        weights: Tensor,
        stride8: Tensor | None = None,
        stride4: Tensor | None = None,
    ) -> Tensor:
        """Returns (B, M, S, S) float32 mask logits, S = 4 sqrt(N).

        Args:
            images: In blocks of (b, n, C), B in all.
            weights: (B, M, 32) hypernetwork output for each mask token.
            stride8: (4 N, 64) features to add after the first step (SAM 2), in nested order.
            stride4: (16 N, 32) features to add after the second step.
        """
        objects = [blocks for image in images for blocks in zip(*image, strict=True)]
        weights = weights.to(objects[0][0].dtype).contiguous()
        masks = [self._masks(blocks, w, stride8, stride4) for blocks, w in zip(objects, weights, strict=True)]
        ordered = [_to_row_major(m) for m in masks]
        return ordered[0][None] if len(ordered) == 1 else torch.stack(ordered)

    def _masks(
        self, image: Blocks, weights: Tensor, stride8: Tensor | None, stride4: Tensor | None
    ) -> Tensor:
        """Returns (M, 16 N) logits of one object in nested order.

        Args:
            image: In blocks of (n, C).
            weights: (M, 32).
            stride8: As in ``__call__``.
            stride4: As in ``__call__``.
        """
        logits = []
        start = 0
        for cells in _chunks(image):
            end = start + len(cells)
            x = linear(cells, *self._first).view(4 * len(cells), -1)
            if stride8 is not None:
                x = x.add_(stride8[4 * start : 4 * end])
            x = gelu_(self._norm(x))
            if stride4 is None:
                x = linear(x, *self._second, gelu=True).view(16 * len(cells), -1)
            else:
                x = linear(x, *self._second).view(16 * len(cells), -1)
                x = gelu_(x.add_(stride4[16 * start : 16 * end]))
            logits.append(linear(weights, x))
            start = end
        return concat(logits, 1)


def _chunks(image: Blocks) -> list[Tensor]:
    """Returns the chunks to work on: half blocks on a CPU, as the first step doubles a block's bytes."""
    whole = image[0].device.type != "cpu"
    return [chunk for block in image for chunk in ((block,) if whole else torch.tensor_split(block, 2))]


def _to_row_major(masks: Tensor) -> Tensor:
    """Rearranges (M, 16 N) from nested to row-major order: (M, S, S) float32, S = 4 sqrt(N).

    Horizontal neighbours of the last split stay neighbours: each pair is moved as one integer.
    """
    side = round(masks.shape[1] ** 0.5) // 4
    pairs = masks.view(_PAIR_DTYPE[masks.element_size()])
    ordered = pairs.view(-1, side, side, 2, 2, 2).permute(0, 1, 3, 5, 2, 4).flatten(1)
    return ordered.view(masks.dtype).view(-1, 4 * side, 4 * side).float()


def _as_matrix(convolution: Any, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """Returns a 2 x 2 transposed convolution's (4 out, in) weight and (4 out,) bias: row, column, channel."""
    weight = convolution.weight.permute(2, 3, 1, 0).flatten(0, 2).contiguous()
    return weight.to(dtype), convolution.bias.repeat(4).to(dtype)
