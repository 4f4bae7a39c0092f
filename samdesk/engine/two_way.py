"""The two-way transformer of SAM's mask decoder, for inference: the few look at the many, and back.

A decoder has T tokens (about ten: what is asked) and N = 4096 image tokens of C = 256 channels. Stock code
projects all N image tokens to keys, values and queries for every prompt. Here nothing is projected that
need not be. Per head, with d channels each, an attention's scores are

    (Wq x + bq) . (Wk y + bk)

and its output is Wo (softmax(scores) (Wv y + bv)) + bo. What follows from that:

1. *Fold the projection into the few.* For tokens q looking at the image Y + P (P: positional encoding),
   q . (Wk (y + p) + bk) = (Wk' q) . y + q . (Wk p) + q . bk. The first term is a product with Y itself
   (T heads rows, fewer than the channels of a projection), the second uses Wk P, which never changes, and
   the third is the same for every image token, so that softmax loses it. Likewise the values:
   softmax(s) (Y Wv' + bv) = (softmax(s) Y) Wv' + bv, as the rows of softmax(s) sum to 1.
2. *Fold the output projection into the few.* Where the image looks at tokens, the output is a sum over
   tokens: Wo (A (v Wv' + bv)) + bo = A (Wo (v Wv' + bv)) + bo. One product of (N, heads T) by (heads T, C).
3. *Keep what no prompt changes.* In the first layer Y is the image embedding: its keys and values, and its
   queries when it looks at tokens, belong to the embedding (``FirstLayer``).

All of it is exact but for the order of sums. Sources: Kirillov et al., "Segment Anything" (2023), appendix A;
Meta's ``TwoWayTransformer``, whose weights are taken as they are.

Shapes: B objects, T tokens, N image tokens, C channels, H heads, D channels a head of a cross attention.
Tokens are float32; the image side is in the type of ``position``. The tokens of all objects go together (they
are so few that a call costs more than its sums); the images go in parts, (b, N, C) each: on a CPU one object
a part, as a batched product there is a loop around a slower one and copies do not pay; else all in one.
"""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from samdesk.engine.products import by_object, by_object_onto

_CELLS = 2048
"""Image tokens at once on a CPU."""


@dataclass(frozen=True, eq=False)
class FirstLayer:
    """What the first layer makes of an image whatever is asked, in the type of the image side.

    Attributes:
        keys: (H, D, N) of the image that tokens look at.
        values: (H, N, D) likewise.
        queries: (H, D, N) of the image that looks at tokens, scaled.
    """

    keys: Tensor
    values: Tensor
    queries: Tensor


def _float(tensor: Tensor) -> Tensor:
    return tensor.detach().float()


class _Cross:
    """The weights of one cross attention, by head.

    Args:
        attention: Meta's ``Attention`` module.
        position: (N, C) positional encoding of the image.
    """

    def __init__(self, attention: Any, position: Tensor) -> None:
        self.heads: int = attention.num_heads
        self.depth = attention.q_proj.out_features // self.heads
        self.scale = 1 / math.sqrt(self.depth)
        self.type = position.dtype
        self.q_weight, self.q_bias = _float(attention.q_proj.weight), _float(attention.q_proj.bias)
        self.k_weight, self.k_bias = _float(attention.k_proj.weight), _float(attention.k_proj.bias)
        self.v_weight, self.v_bias = _float(attention.v_proj.weight), _float(attention.v_proj.bias)
        self.out_weight, self.out_bias = _float(attention.out_proj.weight), _float(attention.out_proj.bias)

    def by_head(self, projected: Tensor) -> Tensor:
        """(B, T, H D) to (B, H, T, D)."""
        return projected.view(*projected.shape[:2], self.heads, self.depth).transpose(1, 2)

    def of_image(self, image: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """(N, C) projected: (H, D, N) in the type of the image side."""
        projected = functional.linear(image.float(), weight, bias)
        return projected.T.reshape(self.heads, self.depth, -1).contiguous().to(self.type)

    def split(self, weight: Tensor) -> Tensor:
        """(H D, C) to (H, D, C)."""
        return weight.view(self.heads, self.depth, -1)

    def against(self, few: Tensor, many: Tensor) -> Tensor:
        """(B, H, T, D) of tokens times (H, D, N) of the image, the same one for all: (B, H, T, N)."""
        objects, _, count, _ = few.shape
        rows = few.transpose(0, 1).flatten(1, 2).to(self.type)
        return torch.bmm(rows, many).view(self.heads, objects, count, -1).transpose(0, 1)


class TokensToImage(_Cross):
    """Tokens look at the image. The weights are those of one ``cross_attn_token_to_image``."""

    def __init__(self, attention: Any, position: Tensor) -> None:
        super().__init__(attention, position)
        self._at = self.of_image(position, self.k_weight)
        self._k_by_head = self.split(self.k_weight)
        self._v_by_head = self.split(self.v_weight).mT.contiguous()

    def prepare(self, image: Tensor, position: Tensor) -> tuple[Tensor, Tensor]:
        """Keys (H, D, N) and values (H, N, D) of an (N, C) image."""
        keys = self.of_image(image.float() + position.float(), self.k_weight, self.k_bias)
        return keys, self.of_image(image, self.v_weight, self.v_bias).mT.contiguous()

    def __call__(self, tokens: Tensor, images: list[Tensor]) -> Tensor:
        """(B, T, C) tokens with their encoding, images without: (B, T, C). Step 1 above."""
        queries = self._queries(tokens)
        folded = (queries @ self._k_by_head).flatten(1, 2).to(self.type)
        at = self.against(queries, self._at)
        part = len(images[0])
        pairs = zip(torch.split(folded, part), torch.split(at, part), images, strict=True)
        seen = torch.cat([_seen(f, a, image) for f, a, image in pairs]).float()
        return self._out(seen.view(len(seen), self.heads, -1, seen.shape[-1]) @ self._v_by_head, self.v_bias)

    def first(self, tokens: Tensor, known: FirstLayer) -> Tensor:
        """(B, T, C) tokens with their encoding, all of one image: (B, T, C). Step 3 above."""
        scores = self.against(self._queries(tokens), known.keys).transpose(0, 1).flatten(1, 2)
        seen = torch.bmm(scores.softmax(-1), known.values).float()
        return self._out(seen.view(self.heads, *tokens.shape[:2], -1).transpose(0, 1))

    def _queries(self, tokens: Tensor) -> Tensor:
        return self.by_head(functional.linear(tokens, self.q_weight, self.q_bias)) * self.scale

    def _out(self, values: Tensor, bias: Tensor | None = None) -> Tensor:
        """(B, H, T, D) to (B, T, C)."""
        joined = values.transpose(1, 2).flatten(2)
        return functional.linear(joined if bias is None else joined + bias, self.out_weight, self.out_bias)


class ImageToTokens(_Cross):
    """The image looks at tokens. The weights are those of one ``cross_attn_image_to_token`` and its norm."""

    def __init__(self, attention: Any, norm: Any, position: Tensor) -> None:
        super().__init__(attention, position)
        self._norm = norm.weight.to(self.type), norm.bias.to(self.type), norm.eps
        self._at = self.of_image(position, self.q_weight)
        self._q_by_head, self._q_bias_by_head = self.split(self.q_weight), self.split(self.q_bias[:, None])
        self._out_by_head = self.out_weight.T.reshape(self.heads, self.depth, -1).contiguous()

    def prepare(self, image: Tensor, position: Tensor) -> Tensor:
        """Queries (H, D, N) of an (N, C) image, scaled."""
        both = image.float() + position.float()
        return self.of_image(both, self.q_weight * self.scale, self.q_bias * self.scale)

    def __call__(self, tokens: Tensor, values: Tensor, images: list[Tensor]) -> list[Tensor]:
        """(B, T, C) tokens with and without their encoding: the images are changed where they are."""
        keys = self._keys(tokens) * self.scale
        folded = (keys @ self._q_by_head).flatten(1, 2).to(self.type)
        at = self.against(keys, self._at) + (keys @ self._q_bias_by_head).to(self.type)
        out, bias, part = self._folded(values), self.out_bias.to(self.type), len(images[0])
        pairs = zip(
            torch.split(folded, part), torch.split(at, part), torch.split(out, part), images, strict=True
        )
        return [self._told(by_object(f, x).view(a.shape).add_(a), o, x, bias, x) for f, a, o, x in pairs]

    def first(
        self, tokens: Tensor, values: Tensor, images: list[Tensor], known: FirstLayer, plus: Tensor
    ) -> list[Tensor]:
        """Likewise for the first layer, into new images; ``plus`` (C,) is added everywhere."""
        scores = self.against(self._keys(tokens), known.queries)
        out, bias, part = self._folded(values), (self.out_bias + plus).to(self.type), len(images[0])
        pairs = zip(torch.split(scores, part), torch.split(out, part), images, strict=True)
        return [self._told(s, o, x, bias, torch.empty_like(x, memory_format=torch.contiguous_format))
                for s, o, x in pairs]  # fmt: skip

    def _told(self, scores: Tensor, told: Tensor, image: Tensor, bias: Tensor, out: Tensor) -> Tensor:
        """An image with what its cells see in the tokens, normed: step 2 above.

        Each cell only needs itself. On a CPU some go at a time, and into the image itself where that is
        allowed: what is written, read and written again then stays in the processor's cache.

        Args:
            scores: (b, H, T, N).
            told: (b, H T, C).
            image: (b, N, C).
            bias: (C,).
            out: (b, N, C) to write to.
        """
        weights, told = scores.softmax(2).flatten(1, 2), told.mT
        cells = image.shape[1]
        part = _CELLS if image.device.type == "cpu" else cells
        for start in range(0, cells, part):
            rows = slice(start, start + part)
            new = by_object_onto(image[:, rows], weights[..., rows].mT, told, bias)
            out[:, rows] = functional.layer_norm(new, new.shape[-1:], *self._norm)
        return out

    def _keys(self, tokens: Tensor) -> Tensor:
        return self.by_head(functional.linear(tokens, self.k_weight, self.k_bias))

    def _folded(self, values: Tensor) -> Tensor:
        """What each token tells, by head: (B, T, C) to (B, H T, C)."""
        by_head = self.by_head(functional.linear(values, self.v_weight, self.v_bias))
        folded = (by_head @ self._out_by_head).flatten(1, 2)
        return folded.to(self.type)


def _seen(folded: Tensor, at: Tensor, image: Tensor) -> Tensor:
    """What tokens see in an image, by head: (b, H T, C)."""
    scores = by_object(folded, image).view(at.shape).add_(at)
    return by_object(scores.softmax(-1).flatten(1, 2), image.mT)


class TwoWayTransformer:
    """Meta's module of that name, for inference.

    Args:
        module: It, with its weights.
        position: (N, C) positional encoding of the image, in the type of the image side.
    """

    def __init__(self, module: Any, position: Tensor) -> None:
        self._position = position
        self._layers = list(module.layers)
        self._to_image = [TokensToImage(b.cross_attn_token_to_image, position) for b in module.layers]
        self._to_tokens = [
            ImageToTokens(b.cross_attn_image_to_token, b.norm4, position) for b in module.layers
        ]
        self._last = TokensToImage(module.final_attn_token_to_image, position)
        self._last_norm = module.norm_final_attn

    def prepare(self, image: Tensor) -> FirstLayer:
        """What the first layer makes of an (N, C) image (with its no-mask embedding)."""
        keys, values = self._to_image[0].prepare(image, self._position)
        return FirstLayer(keys, values, self._to_tokens[0].prepare(image, self._position))

    def __call__(
        self, tokens: Tensor, images: list[Tensor], known: FirstLayer | None, plus: Tensor
    ) -> tuple[Tensor, list[Tensor]]:
        """The tokens (B, T, C) and the images after all layers.

        Args:
            tokens: (B, T, C) float32.
            images: (b, N, C) each, B in all. Without ``known`` they are changed where they are.
            known: ``prepare`` of the one image that they all are and ``plus``; None where they are others.
            plus: (C,) float32 that belongs to the image everywhere, with ``known``; else it is not used.
        """
        queries = tokens
        for number, block in enumerate(self._layers):
            queries = _looked_around(block, queries, None if number == 0 else tokens)
            first = number == 0 and known is not None
            look = self._to_image[number]
            seen = look.first(queries + tokens, known) if first and known else look(queries + tokens, images)
            queries = block.norm2(queries + seen)
            queries = block.norm3(queries + block.mlp(queries))
            back = self._to_tokens[number]
            images = (
                back.first(queries + tokens, queries, images, known, plus)
                if first and known
                else back(queries + tokens, queries, images)
            )
        queries = self._last_norm(queries + self._last(queries + tokens, images))
        return queries, images


def _looked_around(block: Any, queries: Tensor, position: Tensor | None) -> Tensor:
    """The tokens after looking at each other; the first layer has no encoding and takes the place of them."""
    attention = block.self_attn
    at = queries if position is None else queries + position
    depth = attention.q_proj.out_features // attention.num_heads
    q, k, v = (
        project(x).view(*x.shape[:2], attention.num_heads, depth).transpose(1, 2)
        for project, x in ((attention.q_proj, at), (attention.k_proj, at), (attention.v_proj, queries))
    )
    seen = functional.scaled_dot_product_attention(q, k, v).transpose(1, 2).flatten(2)
    out: Tensor = attention.out_proj(seen)
    found: Tensor = block.norm1(out if position is None else queries + out)
    return found
