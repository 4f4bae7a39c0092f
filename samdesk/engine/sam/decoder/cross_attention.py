"""Cross attention between prompt tokens and image tokens in SAM's mask decoder, optimised for inference.

The decoder has T tokens (about ten: output tokens and prompts) and N = 4096 image tokens of C = 256 channels.
Stock code projects all N image tokens to keys, values and queries for every prompt; here most of these
projections are avoided. Per head, with D channels each, the scores of an attention are

    (Wq x + bq) . (Wk y + bk) / sqrt(D)

and its output is Wo (softmax(scores) (Wv y + bv)) + bo. Hence:

1. *Fold the image-side projection into the tokens.* For tokens q attending to the image Y + P (P: positional
   encoding), q . (Wk (y + p) + bk) = (Wk' q) . y + q . (Wk p) + q . bk. The first term is a product with Y
   itself (H T rows, fewer than the channels of a projection), the second uses the constant Wk P, and the
   third is the same for every image token, so that softmax cancels it. Likewise the values:
   softmax(s) (Y Wv') = (softmax(s) Y) Wv'.
2. *Fold the output projection into the tokens.* Where the image attends to the tokens, the output is a sum
   over tokens: Wo (A (v Wv')) = A (Wo (v Wv')). One product of (N, H T) by (H T, C).
3. *Biases cost nothing.* The rows of A sum to 1 in each of the H heads. So bv becomes part of the output
   bias, bo + Wo bv; and where the image attends to the tokens, 1/H of that bias is added to the tokens'
   projected values in each head.

All of it is exact up to the order of summation. Sources: Kirillov et al., "Segment Anything" (2023),
appendix A; Meta's ``Attention``, whose weights are used unchanged.

Shapes: B objects, T tokens, R = B T token rows, N image tokens, C channels, H heads, D channels per head.
Tokens are float32, the rows of all objects in one tensor (they are so few that a call costs more than its
arithmetic), and head-first (H, R, ...) once projected. Image tensors have the dtype of ``position``. Images
come in parts of b objects: one object each on a CPU, where a batched product is a loop over a slower one and
copies do not pay off; else all objects in one part. The image of a part is split along its cells into
*blocks* (b, n, C), so that a block is still in the CPU's cache when it is used again.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import Any, TypeAlias

import torch
from torch import Tensor
from torch.nn import functional

from samdesk.engine.runtime.kernels import baddbmm_transposed, bmm_transposed
from samdesk.engine.sam.layers import LayerNorm, concat

_BLOCK_BYTES = 2 << 20
"""Size of a block on a CPU; elsewhere an image is one block."""

Blocks: TypeAlias = Sequence[Tensor]
"""Image tokens in blocks of (b, n, C) each, N cells in all."""


class AttentionWeights:
    """Weights of a cross attention, float32.

    Args:
        module: Meta's ``Attention``.

    Attributes:
        heads: H.
        depth: D.
        q: (H D, C) weight and (H D,) bias of the query projection.
        k: The same of the key projection.
        v: The same of the value projection.
        out: (C, H D) weight and (C,) bias of the output projection; the value bias is folded in.
    """

    def __init__(self, module: Any) -> None:
        self.heads: int = module.num_heads
        self.depth: int = module.q_proj.out_features // self.heads
        projections = (module.q_proj, module.k_proj, module.v_proj, module.out_proj)
        layers = [(x.weight.detach().float(), x.bias.detach().float()) for x in projections]
        self.q, self.k, self.v, (out, bias) = layers
        self.out = out, bias + out @ self.v[1]

    @property
    def scale(self) -> float:
        """Factor of the scores, 1 / sqrt(D)."""
        return 1 / math.sqrt(self.depth)

    def split_heads(self, projected: Tensor) -> Tensor:
        """Reshapes (R, H D) to (H, R, D)."""
        return projected.view(len(projected), self.heads, self.depth).transpose(0, 1)

    def weight_by_head(self, weight: Tensor) -> Tensor:
        """Reshapes (H D, C) to (H, D, C)."""
        return weight.view(self.heads, self.depth, -1)

    def output_weight_by_head(self) -> Tensor:
        """Returns the output projection's weight as (H, D, C)."""
        return self.weight_by_head(self.out[0].T.contiguous())

    def project_image(self, image: Tensor, weight: Tensor, bias: Tensor | None = None) -> Tensor:
        """Projects (N, C) image tokens to (H, D, N) float32."""
        return self.weight_by_head(functional.linear(image.float(), weight, bias).T.contiguous())

    def project_position(self, position: Tensor, weight: Tensor, bias: Tensor | None = None) -> list[Tensor]:
        """Projects the (N, C) positional encoding to one (H, D, n) per block, in its dtype."""
        projected = self.project_image(position, weight, bias).to(position.dtype)
        return [projected[..., cells].contiguous() for cells in block_slices(position)]

    def project_output(self, attended: Tensor) -> Tensor:
        """Applies the output projection to (H, R, D): (R, C)."""
        return functional.linear(attended.transpose(0, 1).flatten(1), *self.out)


def scale_layer(layer: tuple[Tensor, Tensor], scale: float) -> tuple[Tensor, Tensor]:
    """Multiplies a layer's weight and bias by a factor."""
    return layer[0] * scale, layer[1] * scale


def split_parts(rows: Tensor, parts: Sequence[object]) -> Sequence[Tensor]:
    """Splits (H, R, K) of all objects into one (H, b T, K) per part of the images."""
    return (rows,) if len(parts) == 1 else rows.chunk(len(parts), 1)


def block_slices(position: Tensor) -> list[slice]:
    """Returns the cells of each block, given the (N, C) positional encoding on the images' device."""
    cells, channels = position.shape
    size = cells if position.device.type != "cpu" else _BLOCK_BYTES // (channels * position.element_size())
    return [slice(start, start + size) for start in range(0, cells, size)]


def objects_first(rows: Tensor, objects: int) -> Tensor:
    """Rearranges (H, b T, K) to (b, H T, K)."""
    if objects == 1:
        return rows.flatten(0, 1)[None]
    return rows.reshape(len(rows), objects, -1, rows.shape[-1]).transpose(0, 1).flatten(1, 2)


def heads_first(rows: Tensor, heads: int) -> Tensor:
    """Rearranges (b, H T, K) to (H, b T, K)."""
    if len(rows) == 1:
        return rows.view(heads, -1, rows.shape[-1])
    return rows.view(len(rows), heads, -1, rows.shape[-1]).transpose(0, 1).flatten(1, 2)


def softmax_over_tokens(scores: Tensor, heads: int) -> Tensor:
    """Softmax of (b, H T, N) scores over the T tokens of each head."""
    return scores.view(len(scores), heads, -1, scores.shape[-1]).softmax(2).flatten(1, 2)


class TokenToImageAttention:
    """Attention of the tokens to the image (``cross_attn_token_to_image``).

    Args:
        module: Meta's ``Attention``.
        position: (N, C) positional encoding of the image.
    """

    def __init__(self, module: Any, position: Tensor) -> None:
        weights = self._weights = AttentionWeights(module)
        self._q = scale_layer(weights.q, weights.scale)
        self._k = weights.weight_by_head(weights.k[0])
        self._v = weights.weight_by_head(weights.v[0]).mT.contiguous()
        self._position_keys = weights.project_position(position, weights.k[0])
        self._dtype = position.dtype

    def __call__(self, tokens: Tensor, images: Sequence[Blocks]) -> Tensor:
        """Returns the (R, C) residual of the tokens (step 1 of the module's description).

        Args:
            tokens: (R, C) tokens with their positional encoding.
            images: Images without positional encoding.
        """
        queries = self._weights.split_heads(functional.linear(tokens, *self._q))
        folded, queries = (x.to(self._dtype) for x in (torch.bmm(queries, self._k), queries))
        parts = zip(split_parts(folded, images), split_parts(queries, images), images, strict=True)
        attended = concat([self._attend(*part) for part in parts], 1)
        return self._weights.project_output(torch.bmm(attended.float(), self._v))

    def _attend(self, folded: Tensor, queries: Tensor, image: Blocks) -> Tensor:
        """Returns the (H, b T, C) attention-weighted means of the image's cells.

        Args:
            folded: (H, b T, C) queries times the key weight.
            queries: (H, b T, D).
            image: The image of this part.
        """
        scores = concat(attention_scores(image, folded, queries, self._position_keys), -1)
        weights = torch.split(scores.softmax(-1), image[0].shape[1], -1)
        sums = [bmm_transposed(w, block.mT) for w, block in zip(weights, image, strict=True)]
        return heads_first(torch.stack(sums).sum(0) if len(sums) > 1 else sums[0], self._weights.heads)


def attention_scores(
    image: Blocks, folded: Tensor, projected: Tensor, positions: Sequence[Tensor]
) -> list[Tensor]:
    """Returns the scores between tokens and image cells, (b, H T, n) per block.

    Args:
        image: Image tokens without positional encoding.
        folded: (H, b T, C) tokens with the image-side projection folded in, to multiply with the cells.
        projected: (H, b T, D) tokens to multiply with the projected positional encoding.
        positions: Projected positional encoding, (H, D, n) per block.
    """
    objects = len(image[0])
    folded = objects_first(folded, objects)
    base = (objects_first(torch.bmm(projected, position), objects) for position in positions)
    return [baddbmm_transposed(scores, folded, block) for scores, block in zip(base, image, strict=True)]


class ImageToTokenAttention:
    """Attention of the image to the tokens (``cross_attn_image_to_token``) with its residual and layer norm.

    Args:
        module: Meta's ``Attention``.
        norm: Layer norm after it.
        position: (N, C) positional encoding of the image.
    """

    def __init__(self, module: Any, norm: Any, position: Tensor) -> None:
        weights = self._weights = AttentionWeights(module)
        self._k = scale_layer(weights.k, weights.scale)
        self._q = weights.weight_by_head(weights.q[0])
        self._position_queries = weights.project_position(position, *weights.q)
        self._update = ImageUpdate(weights, norm, weights.out[1], position.dtype)
        self._dtype = position.dtype

    def __call__(self, tokens: Tensor, values: Tensor, images: Sequence[Blocks]) -> list[Blocks]:
        """Returns the updated images.

        Args:
            tokens: (R, C) tokens with their positional encoding.
            values: (R, C) tokens without it.
            images: Images without positional encoding.
        """
        keys = self._weights.split_heads(functional.linear(tokens, *self._k))
        folded, keys = (x.to(self._dtype) for x in (torch.bmm(keys, self._q), keys))
        parts = [split_parts(x, images) for x in (folded, keys, self._update.project_values(values))]
        return [self._attend(*part) for part in zip(*parts, images, strict=True)]

    def _attend(self, folded: Tensor, keys: Tensor, values: Tensor, image: Blocks) -> Blocks:
        values = objects_first(values, len(image[0]))
        scores = attention_scores(image, folded, keys, self._position_queries)
        weights = (softmax_over_tokens(x, self._weights.heads) for x in scores)
        return [self._update(w, values, block) for w, block in zip(weights, image, strict=True)]


class ImageUpdate:
    """Output of an image-to-token attention: weighted sum of projected values, residual sum and layer norm.

    Steps 2 and 3 of the module's description.

    Args:
        attention: Weights of the attention.
        norm: Layer norm.
        bias: (C,) added to every cell.
        dtype: Dtype of the image.
    """

    def __init__(self, attention: AttentionWeights, norm: Any, bias: Tensor, dtype: torch.dtype) -> None:
        self._weights = attention
        self._out = attention.output_weight_by_head()
        self._bias = (bias / attention.heads)[None, None]
        self._norm = LayerNorm(norm, dtype)
        self._dtype = dtype

    def project_values(self, tokens: Tensor) -> Tensor:
        """Applies value and output projection to (R, C) tokens, by head: (H, R, C), in the image's dtype."""
        rows = self._weights.split_heads(functional.linear(tokens, self._weights.v[0]))
        return torch.baddbmm(self._bias, rows, self._out).to(self._dtype)

    def __call__(self, weights: Tensor, values: Tensor, image: Tensor) -> Tensor:
        """Returns the normalised sum of image and attention output, (b, n, C).

        Args:
            weights: (b, K, n) attention weights, K = H T (more with a mask prompt).
            values: (b, K, C) projected values.
            image: (b, n, C).
        """
        return self._norm(baddbmm_transposed(image, weights.mT, values.mT))
