"""The first layer's cross attentions in SAM's mask decoder, with the image's keys, values and queries cached.

The first layer's image is the encoder's output Y (with the no-mask embedding), the same for every prompt. Its
keys, values and queries are therefore computed once per image and kept with the embedding (``CachedKV``).

A mask prompt adds a linear map of a few channels to each cell, Y + M W' with M (N, K), K = 17: the 16
channels of the mask prompt encoder, and one of ones for its bias and to remove the no-mask embedding.
Whatever is linear in Y follows: the keys are those of Y plus M (Wk W)', and so on. So a mask prompt costs
three products of 17 channels instead of projections of 256.

Exact up to the order of summation. Shapes as in ``cross_attention``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from samdesk.engine.runtime.kernels import baddbmm_transposed, bmm_transposed
from samdesk.engine.sam.decoder.cross_attention import (
    AttentionWeights,
    Blocks,
    ImageUpdate,
    block_slices,
    heads_first,
    objects_first,
    scale_layer,
    softmax_over_tokens,
    split_parts,
)
from samdesk.engine.sam.layers import concat


@dataclass(frozen=True, eq=False)
class CachedKV:
    """Prompt-independent projections of an image in the decoder's first layer, in the image's dtype.

    Attributes:
        keys: (H, D, N) for token-to-image attention.
        values: (H, N, D) likewise.
        queries: (H, D, N) for image-to-token attention.
    """

    keys: Tensor
    values: Tensor
    queries: Tensor


MaskChannels = Sequence[Tensor] | None
"""Encoded mask prompts, (b, K, N) per part of the images, in the images' dtype; None without mask prompts."""


class CachedTokenToImageAttention:
    """First-layer attention of the tokens to the image.

    Args:
        module: Meta's ``Attention``.
        mask: (C, K) weight W of a mask prompt.
        position: (N, C) positional encoding of the image.
    """

    def __init__(self, module: Any, mask: Tensor, position: Tensor) -> None:
        weights = self._weights = AttentionWeights(module)
        self._dtype = position.dtype
        self._q = scale_layer(weights.q, weights.scale)
        self._k_mask = weights.weight_by_head(weights.k[0] @ mask)
        self._v_mask = weights.weight_by_head(weights.v[0] @ mask).mT.contiguous()

    def prepare(self, image: Tensor, image_with_position: Tensor) -> tuple[Tensor, Tensor]:
        """Returns keys (H, D, N) and values (H, N, D) of an (N, C) float32 image with no-mask embedding."""
        keys = self._weights.project_image(image_with_position, self._weights.k[0])
        values = self._weights.project_image(image, self._weights.v[0]).mT.contiguous()
        return keys.to(self._dtype), values.to(self._dtype)

    def __call__(self, tokens: Tensor, cached: CachedKV, masks: MaskChannels) -> Tensor:
        """Returns the (R, C) residual of the tokens, given (R, C) tokens with their positional encoding."""
        queries = self._weights.split_heads(functional.linear(tokens, *self._q))
        scores = torch.bmm(queries.to(cached.keys.dtype), cached.keys)
        if masks is None:
            return self._weights.project_output(torch.bmm(scores.softmax(-1), cached.values).float())
        folded = torch.bmm(queries, self._k_mask).to(scores.dtype)
        parts = zip(split_parts(scores, masks), split_parts(folded, masks), masks, strict=True)
        attended = concat([self._attend_masked(*part, cached) for part in parts], 1)
        return self._weights.project_output(attended)

    def _attend_masked(self, scores: Tensor, folded: Tensor, mask: Tensor, cached: CachedKV) -> Tensor:
        """Returns the (H, b T, D) float32 attended values with a mask prompt.

        Args:
            scores: (H, b T, N) scores without the mask prompt.
            folded: (H, b T, K) queries times the mask's key weight.
            mask: (b, K, N).
            cached: Projections of the image.
        """
        objects = len(mask)
        scores = baddbmm_transposed(objects_first(scores, objects), objects_first(folded, objects), mask.mT)
        weights = scores.softmax(-1)
        attended = torch.bmm(heads_first(weights, self._weights.heads), cached.values).float()
        attended_mask = heads_first(bmm_transposed(weights, mask), self._weights.heads).float()
        return torch.baddbmm(attended, attended_mask, self._v_mask)


class CachedImageToTokenAttention:
    """First-layer attention of the image to the tokens, with its residual and layer norm.

    Args:
        module: Meta's ``Attention``.
        norm: Layer norm after it.
        mask: (C, K) weight W of a mask prompt.
        no_mask_embedding: (C,) embedding, which the images come without.
        position: (N, C) positional encoding of the image.
    """

    def __init__(
        self, module: Any, norm: Any, mask: Tensor, no_mask_embedding: Tensor, position: Tensor
    ) -> None:
        weights = self._weights = AttentionWeights(module)
        self._dtype = position.dtype
        self._k = scale_layer(weights.k, weights.scale)
        self._q_mask = weights.weight_by_head(weights.q[0] @ mask)
        self._mask = mask.T.to(self._dtype)[None]
        self._blocks = block_slices(position)
        self._update = ImageUpdate(weights, norm, weights.out[1] + no_mask_embedding, self._dtype)

    def prepare(self, image_with_position: Tensor) -> Tensor:
        """Computes queries (H, D, N) of an (N, C) float32 image with no-mask embedding and position."""
        return self._weights.project_image(image_with_position, *self._weights.q).to(self._dtype)

    def __call__(
        self,
        tokens: Tensor,
        values: Tensor,
        images: Sequence[Tensor],
        cached: CachedKV,
        masks: MaskChannels,
    ) -> list[Blocks]:
        """Returns the updated images, in blocks.

        Args:
            tokens: (R, C) tokens with their positional encoding.
            values: (R, C) tokens without it.
            images: (b, N, C) each, without the no-mask embedding.
            cached: Projections of the image.
            masks: Encoded mask prompts.
        """
        keys = self._weights.split_heads(functional.linear(tokens, *self._k))
        scores = torch.bmm(keys.to(cached.queries.dtype), cached.queries)
        parts = [split_parts(x, images) for x in (scores, self._update.project_values(values))]
        if masks is None:
            return [self._attend(*part) for part in zip(*parts, images, strict=True)]
        folded = split_parts(torch.bmm(keys, self._q_mask).to(scores.dtype), images)
        return [self._attend_masked(*part) for part in zip(*parts, images, folded, masks, strict=True)]

    def _attend(self, scores: Tensor, values: Tensor, image: Tensor) -> Blocks:
        weights = softmax_over_tokens(objects_first(scores, len(image)), self._weights.heads)
        return self._update_blocks(weights, objects_first(values, len(image)), image)

    def _attend_masked(
        self, scores: Tensor, values: Tensor, image: Tensor, folded: Tensor, mask: Tensor
    ) -> Blocks:
        """Appends the mask's channels to the tokens: their values are W, their weights the channels."""
        objects = len(image)
        scores = baddbmm_transposed(objects_first(scores, objects), objects_first(folded, objects), mask.mT)
        weights = torch.cat([softmax_over_tokens(scores, self._weights.heads), mask], 1)
        values = torch.cat([objects_first(values, objects), self._mask.expand(objects, -1, -1)], 1)
        return self._update_blocks(weights, values, image)

    def _update_blocks(self, weights: Tensor, values: Tensor, image: Tensor) -> Blocks:
        return [self._update(weights[..., cells], values, image[:, cells]) for cells in self._blocks]
