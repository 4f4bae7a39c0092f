"""The cross attentions of SAM's mask decoder, for inference: the few look at the many, and back.

A decoder has T tokens (about ten: what is asked) and N = 4096 image tokens of C = 256 channels. Stock code
projects all N image tokens to keys, values and queries for every prompt. Here nothing is projected that
need not be. Per head, with D channels each, an attention's scores are

    (Wq x + bq) . (Wk y + bk) / sqrt(D)

and its output is Wo (softmax(scores) (Wv y + bv)) + bo. What follows from that:

1. *Fold the projection into the few.* For tokens q looking at the image Y + P (P: positional encoding),
   q . (Wk (y + p) + bk) = (Wk' q) . y + q . (Wk p) + q . bk. The first term is a product with Y itself
   (H T rows, fewer than the channels of a projection), the second uses Wk P, which never changes, and
   the third is the same for every image token, so that softmax loses it. Likewise the values:
   softmax(s) (Y Wv') = (softmax(s) Y) Wv'.
2. *Fold the output projection into the few.* Where the image looks at tokens, the output is a sum over
   tokens: Wo (A (v Wv')) = A (Wo (v Wv')). One product of (N, H T) by (H T, C).
3. *Biases are for free.* The rows of A sum to 1 in each of H heads. So bv becomes a part of the output's
   bias, bo + Wo bv; and where the image looks at tokens, that is told by the tokens themselves, 1/H of it
   in each head.

All of it is exact but for the order of sums. Sources: Kirillov et al., "Segment Anything" (2023), appendix A;
Meta's ``Attention``, whose weights are taken as they are.

Shapes: B objects, T tokens, R = B T rows of tokens, N image tokens, C channels, H heads, D channels a head.
Tokens are float32, those of all objects together (they are so few that a call costs more than its sums), and
by head (H, R, ...) once they are projected. The image side is in the type of ``position``. Images go in
parts of b objects: on a CPU one each, as a batched product there is a loop around a slower one and copies do
not pay; else all in one. A part's image is in *blocks* of n of its cells, (b, n, C) each: what is written,
read and written again then stays in a processor's cache.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.nn import functional

from samdesk.engine.runtime.kernels import by_object, by_object_onto
from samdesk.engine.sam.layers import Norm, joined

_BLOCK_BYTES = 2 << 20
"""A block's size on a CPU; elsewhere an image is one block."""

Blocks: TypeAlias = Sequence[Tensor]
"""An image, (b, n, C) each, N cells in all."""


class Attention:
    """The weights of one cross attention, float32.

    Args:
        module: Meta's ``Attention``.

    Attributes:
        heads: H.
        depth: D.
        q: (H D, C) weight and (H D,) bias of the queries' projection.
        k: Of the keys'.
        v: Of the values'.
        out: (C, H D) and (C,): of the output's, with what the values' bias becomes after it.
    """

    def __init__(self, module: Any) -> None:
        self.heads: int = module.num_heads
        self.depth: int = module.q_proj.out_features // self.heads
        projections = (module.q_proj, module.k_proj, module.v_proj, module.out_proj)
        pairs = [(x.weight.detach().float(), x.bias.detach().float()) for x in projections]
        self.q, self.k, self.v, (out, bias) = pairs
        self.out = out, bias + out @ self.v[1]

    @property
    def scale(self) -> float:
        """What scores are multiplied by."""
        return 1 / math.sqrt(self.depth)

    def rows(self, projected: Tensor) -> Tensor:
        """(R, H D) by head: (H, R, D)."""
        return projected.view(len(projected), self.heads, self.depth).transpose(0, 1)

    def weights(self, weight: Tensor) -> Tensor:
        """(H D, C) by head: (H, D, C)."""
        return weight.view(self.heads, self.depth, -1)

    def out_weights(self) -> Tensor:
        """The output's weight by head: (H, D, C)."""
        return self.weights(self.out[0].T.contiguous())

    def of_image(self, image: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """(N, C) projected, by head: (H, D, N) float32."""
        return self.weights(functional.linear(image.float(), weight, bias).T.contiguous())

    def of_positions(self, position: Tensor, weight: Tensor, bias: Tensor | None = None) -> list[Tensor]:
        """``of_image`` of the positional encoding, (H, D, n) a block, in its type."""
        projected = self.of_image(position, weight, bias).to(position.dtype)
        return [projected[..., cells].contiguous() for cells in blocks(position)]

    def output(self, seen: Tensor) -> Tensor:
        """(H, R, D) of what tokens saw, projected: (R, C)."""
        return functional.linear(seen.transpose(0, 1).flatten(1), *self.out)


def scaled(pair: tuple[Tensor, Tensor], scale: float) -> tuple[Tensor, Tensor]:
    """A weight and a bias, multiplied."""
    return pair[0] * scale, pair[1] * scale


def in_parts(rows: Tensor, parts: Sequence[object]) -> Sequence[Tensor]:
    """(H, R, K) of all objects: one (H, b T, K) for each part of the images."""
    return (rows,) if len(parts) == 1 else rows.chunk(len(parts), 1)


def blocks(position: Tensor) -> list[slice]:
    """Which of N cells are in which block, for an (N, C) positional encoding where and as the images are."""
    cells, channels = position.shape
    at_once = cells if position.device.type != "cpu" else _BLOCK_BYTES // (channels * position.element_size())
    return [slice(start, start + at_once) for start in range(0, cells, at_once)]


def by_objects(rows: Tensor, objects: int) -> Tensor:
    """(H, b T, K) as (b, H T, K)."""
    if objects == 1:
        return rows.flatten(0, 1)[None]
    return rows.reshape(len(rows), objects, -1, rows.shape[-1]).transpose(0, 1).flatten(1, 2)


def by_heads(rows: Tensor, heads: int) -> Tensor:
    """(b, H T, K) as (H, b T, K)."""
    if len(rows) == 1:
        return rows.view(heads, -1, rows.shape[-1])
    return rows.view(len(rows), heads, -1, rows.shape[-1]).transpose(0, 1).flatten(1, 2)


def over_tokens(scores: Tensor, heads: int) -> Tensor:
    """Softmax of (b, H T, N) over the T tokens of each head."""
    return scores.view(len(scores), heads, -1, scores.shape[-1]).softmax(2).flatten(1, 2)


class TokensToImage:
    """Tokens look at the image. The weights are those of one ``cross_attn_token_to_image``.

    Args:
        module: Meta's ``Attention``.
        position: (N, C) positional encoding of the image.
    """

    def __init__(self, module: Any, position: Tensor) -> None:
        own = self._own = Attention(module)
        self._q = scaled(own.q, own.scale)
        self._k = own.weights(own.k[0])
        self._v = own.weights(own.v[0]).mT.contiguous()
        self._at = own.of_positions(position, own.k[0])
        self._type = position.dtype

    def __call__(self, tokens: Tensor, images: Sequence[Blocks]) -> Tensor:
        """(R, C) tokens with their encoding, images without: (R, C) to add to the tokens. Step 1 above."""
        queries = self._own.rows(functional.linear(tokens, *self._q))
        folded, queries = (x.to(self._type) for x in (torch.bmm(queries, self._k), queries))
        parts = zip(in_parts(folded, images), in_parts(queries, images), images, strict=True)
        seen = joined([self._seen(*part) for part in parts], 1)
        return self._own.output(torch.bmm(seen.float(), self._v))

    def _seen(self, folded: Tensor, queries: Tensor, image: Blocks) -> Tensor:
        """(H, b T, C) and (H, b T, D) of tokens: the mean (H, b T, C) of the image's cells they look at."""
        scores = joined(against(image, folded, queries, self._at), -1)
        weights = torch.split(scores.softmax(-1), image[0].shape[1], -1)
        seen = [by_object(w, block.mT) for w, block in zip(weights, image, strict=True)]
        return by_heads(torch.stack(seen).sum(0) if len(seen) > 1 else seen[0], self._own.heads)


def against(image: Blocks, folded: Tensor, rows: Tensor, at: Sequence[Tensor]) -> list[Tensor]:
    """Scores (b, H T, n) of each block: tokens folded, (H, b T, C), with cells; (H, b T, D) with positions.

    ``at`` has the positions' projections, (H, D, n) a block.
    """
    objects = len(image[0])
    few = by_objects(folded, objects)
    positions = (by_objects(torch.bmm(rows, there), objects) for there in at)
    return [by_object_onto(place, few, block) for place, block in zip(positions, image, strict=True)]


class ImageToTokens:
    """The image looks at tokens. The weights are those of one ``cross_attn_image_to_token`` and its norm.

    Args:
        module: Meta's ``Attention``.
        norm: The layer norm after it.
        position: (N, C) positional encoding of the image.
    """

    def __init__(self, module: Any, norm: Any, position: Tensor) -> None:
        own = self._own = Attention(module)
        self._k = scaled(own.k, own.scale)
        self._q = own.weights(own.q[0])
        self._at = own.of_positions(position, *own.q)
        self._tell = Telling(own, norm, own.out[1], position.dtype)
        self._type = position.dtype

    def __call__(self, tokens: Tensor, values: Tensor, images: Sequence[Blocks]) -> list[Blocks]:
        """(R, C) tokens with and without their encoding: the images after it."""
        keys = self._own.rows(functional.linear(tokens, *self._k))
        folded, keys = (x.to(self._type) for x in (torch.bmm(keys, self._q), keys))
        parts = [in_parts(x, images) for x in (folded, keys, self._tell.told(values))]
        return [self._changed(*part) for part in zip(*parts, images, strict=True)]

    def _changed(self, folded: Tensor, keys: Tensor, told: Tensor, image: Blocks) -> Blocks:
        told = by_objects(told, len(image[0]))
        scores = against(image, folded, keys, self._at)
        weights = (over_tokens(x, self._own.heads) for x in scores)
        return [self._tell(w, told, block) for w, block in zip(weights, image, strict=True)]


class Telling:
    """What the image makes of the tokens it looks at: output projection, sum and norm. Steps 2 and 3 above.

    Args:
        attention: Its weights.
        norm: The layer norm.
        bias: (C,) that every cell gets.
        dtype: The type of the image side.
    """

    def __init__(self, attention: Attention, norm: Any, bias: Tensor, dtype: torch.dtype) -> None:
        self._own = attention
        self._out = attention.out_weights()
        self._bias = (bias / attention.heads)[None, None]
        self._norm = Norm(norm, dtype)
        self._dtype = dtype

    def told(self, values: Tensor) -> Tensor:
        """(R, C) tokens: what each tells a cell that looks at nothing else, by head, (H, R, C)."""
        rows = self._own.rows(functional.linear(values, self._own.v[0]))
        return torch.baddbmm(self._bias, rows, self._out).to(self._dtype)

    def __call__(self, weights: Tensor, told: Tensor, image: Tensor) -> Tensor:
        """Each cell with what it sees in K tokens, normed: (b, n, C).

        Args:
            weights: (b, K, n).
            told: (b, K, C).
            image: (b, n, C).
        """
        return self._norm(by_object_onto(image, weights.mT, told.mT))
