"""From image tokens to masks: SAM's transposed convolutions as plain matrix products.

A transposed convolution of 2 x 2 with stride 2 gives each input cell four output cells of its own: no two
overlap. It is one product of (cells, in) by (in, 4 out). Done twice, the 64 x 64 cells become 256 x 256; a
mask is each cell's 32 channels times the 32 numbers of its mask token. The cells stay in the order in
which they came apart ("cell, then which of four, then which of four"), so that every step is a product of
plain rows, and only the finished masks are put in the order of rows and columns.

It goes on in parts of a thousand cells or two, whose channels stay in the processor's cache.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor

from samdesk.engine.runtime.kernels import gelu_, linear
from samdesk.engine.sam.decoder.cross_attention import Blocks
from samdesk.engine.sam.layers import Norm, joined

_TWICE = {2: torch.int32, 4: torch.int64}
"""What two numbers of so many bytes are moved as."""


def apart(features: Tensor, times: int) -> Tensor:
    """(1, K, S, S) in the order of cells that came apart so often: (cells, K), cells = S * S.

    The inverse of what ``Upscaler`` does to finished masks.
    """
    side = features.shape[-1] >> times
    split = features[0].permute(1, 2, 0)
    shape = [side, *[2] * times]
    split = split.reshape(*shape, *shape, -1)
    axes = [axis for step in range(times + 1) for axis in (step, times + 1 + step)]
    return split.permute(*axes, 2 * times + 2).flatten(0, -2).contiguous()


class Upscaler:
    """The ``output_upscaling`` of a mask decoder.

    Args:
        module: It: transposed convolution, norm, GELU, transposed convolution, GELU.
        dtype: The type to work in.
    """

    def __init__(self, module: Any, dtype: torch.dtype) -> None:
        first, norm, _, second, _ = module
        self._first = _as_matrix(first, dtype)
        self._second = _as_matrix(second, dtype)
        self._norm = Norm(norm, dtype)

    def __call__(
        self,
        images: Sequence[Blocks],
        weights: Tensor,
        middle: Tensor | None = None,
        fine: Tensor | None = None,
    ) -> Tensor:
        """(B, M, S, S) float32 logits, S = 4 sqrt(N).

        Args:
            images: In blocks of (b, n, C), B in all.
            weights: (B, M, 32): what each mask token makes of a cell's channels.
            middle: (4 N, 64) to add after the first step (SAM 2), as ``apart`` orders it.
            fine: (16 N, 32) to add after the second step.
        """
        each = [blocks for image in images for blocks in zip(*image, strict=True)]
        weights = weights.to(each[0][0].dtype).contiguous()
        masks = [self._masks(blocks, w, middle, fine) for blocks, w in zip(each, weights, strict=True)]
        ordered = [_in_rows(m) for m in masks]
        return ordered[0][None] if len(ordered) == 1 else torch.stack(ordered)

    def _masks(self, image: Blocks, weights: Tensor, middle: Tensor | None, fine: Tensor | None) -> Tensor:
        """(M, 16 N) of one object, of an image in blocks of (n, C) and (M, 32) weights."""
        found = []
        start = 0
        for cells in _parts(image):
            end = start + len(cells)
            x = linear(cells, *self._first).view(4 * len(cells), -1)
            if middle is not None:
                x = x.add_(middle[4 * start : 4 * end])
            x = gelu_(self._norm(x))
            if fine is None:
                x = linear(x, *self._second, gelu=True).view(16 * len(cells), -1)
            else:
                x = linear(x, *self._second).view(16 * len(cells), -1)
                x = gelu_(x.add_(fine[16 * start : 16 * end]))
            found.append(linear(weights, x))
            start = end
        return joined(found, 1)


def _parts(image: Blocks) -> list[Tensor]:
    """Some cells at once: a block's channels are twice as many bytes after the first step."""
    whole = image[0].device.type != "cpu"
    return [part for block in image for part in ((block,) if whole else torch.tensor_split(block, 2))]


def _in_rows(masks: Tensor) -> Tensor:
    """(M, 16 N) as the cells came apart: (M, S, S) float32, S = 4 sqrt(N).

    Two cells that lie side by side after the second step stay so: they are moved as one number.
    """
    side = round(masks.shape[1] ** 0.5) // 4
    pairs = masks.view(_TWICE[masks.element_size()])
    ordered = pairs.view(-1, side, side, 2, 2, 2).permute(0, 1, 3, 5, 2, 4).flatten(1)
    return ordered.view(masks.dtype).view(-1, 4 * side, 4 * side).float()


def _as_matrix(convolution: Any, dtype: torch.dtype) -> tuple[Tensor, Tensor]:
    """A 2 x 2 transposed convolution's (4 out, in) weight and (4 out,) bias: row, column, channel."""
    weight = convolution.weight.permute(2, 3, 1, 0).flatten(0, 2).contiguous()
    return weight.to(dtype), convolution.bias.repeat(4).to(dtype)
