"""The two-way transformer of SAM's mask decoder, optimised for inference.

Each of two layers: self-attention of the tokens, token-to-image cross attention, an MLP on the tokens,
image-to-token cross attention. A final token-to-image attention follows. How most of the projections are
avoided is described in ``cross_attention`` and ``cached_kv``; the shapes are those of ``cross_attention``.

Sources: Kirillov et al., "Segment Anything" (2023), appendix A; Meta's ``TwoWayTransformer``, whose weights
are used unchanged.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from samdesk.engine.runtime.kernels import linear
from samdesk.engine.sam.decoder.cached_kv import (
    CachedImageToTokenAttention,
    CachedKV,
    CachedTokenToImageAttention,
    MaskChannels,
)
from samdesk.engine.sam.decoder.cross_attention import Blocks, ImageToTokenAttention, TokenToImageAttention
from samdesk.engine.sam.layers import LayerNorm, weight_and_bias


class TwoWayTransformer:
    """Meta's ``TwoWayTransformer``.

    Args:
        module: The stock module, with its weights.
        position: (N, C) positional encoding of the image, in the image's dtype.
        mask: (C, K) weight of a mask prompt, see ``MaskPromptEncoder.weight``.
        no_mask_embedding: (C,).
    """

    def __init__(self, module: Any, position: Tensor, mask: Tensor, no_mask_embedding: Tensor) -> None:
        first, *others = module.layers
        self._position = position.float()
        self._first_to_image = CachedTokenToImageAttention(first.cross_attn_token_to_image, mask, position)
        self._first_to_tokens = CachedImageToTokenAttention(
            first.cross_attn_image_to_token, first.norm4, mask, no_mask_embedding, position
        )
        self._others = [
            (
                TokenToImageAttention(layer.cross_attn_token_to_image, position),
                ImageToTokenAttention(layer.cross_attn_image_to_token, layer.norm4, position),
            )
            for layer in others
        ]
        self._token_layers = [_TokenLayer(layer, position.dtype) for layer in module.layers]
        self._final = TokenToImageAttention(module.final_attn_token_to_image, position)
        self._final_norm = LayerNorm(module.norm_final_attn, torch.float32)

    def prepare(self, image: Tensor) -> CachedKV:
        """Computes the first layer's projections of an (N, C) float32 image with its no-mask embedding."""
        image_with_position = image + self._position
        return CachedKV(
            *self._first_to_image.prepare(image, image_with_position),
            self._first_to_tokens.prepare(image_with_position),
        )

    def __call__(
        self, tokens: Tensor, images: Sequence[Tensor], cached: CachedKV, masks: MaskChannels
    ) -> tuple[Tensor, list[Blocks]]:
        """Returns the tokens (B, T, C) and the images, in blocks (b, n, C), after all layers.

        Args:
            tokens: (B, T, C) float32.
            images: (b, N, C) each, B in all, copies of one image without its no-mask embedding.
            cached: ``prepare`` of the image.
            masks: Encoded mask prompts, (b, K, N) each, or None.
        """
        position = tokens.flatten(0, 1)
        layer = self._token_layers[0]
        rows = layer.norm1(layer.self_attention(position, position, len(tokens)))
        rows = layer.add_image_and_mlp(rows, self._first_to_image(rows + position, cached, masks))
        with_position = rows + position
        blocks = self._first_to_tokens(with_position, rows, images, cached, masks)
        for (to_image, to_tokens), layer in zip(self._others, self._token_layers[1:], strict=True):
            rows = layer.norm1(rows + layer.self_attention(with_position, rows, len(tokens)))
            rows = layer.add_image_and_mlp(rows, to_image(rows + position, blocks))
            with_position = rows + position
            blocks = to_tokens(with_position, rows, blocks)
        rows = self._final_norm(rows + self._final(with_position, blocks))
        return rows.view_as(tokens), blocks


class _TokenLayer:
    """The token-only part of a layer: self-attention, MLP and their layer norms.

    The MLP's weights are two thirds of everything the decoder reads except the image. On a CPU, which is
    bound by memory bandwidth here, they have the image's dtype.

    Args:
        layer: Meta's ``TwoWayAttentionBlock``.
        dtype: Dtype of the image.
    """

    def __init__(self, layer: Any, dtype: torch.dtype) -> None:
        norms = layer.norm1, layer.norm2, layer.norm3
        self.norm1, self._norm2, self._norm3 = (LayerNorm(x, torch.float32) for x in norms)
        attention = layer.self_attn
        self._heads: int = attention.num_heads
        both = attention.q_proj, attention.k_proj
        self._qk = torch.cat([x.weight for x in both]), torch.cat([x.bias for x in both])
        self._v, self._out = (
            weight_and_bias(x, torch.float32) for x in (attention.v_proj, attention.out_proj)
        )
        linears = [x for x in layer.mlp.modules() if isinstance(x, nn.Linear)]
        self._mlp_dtype = dtype if linears[0].weight.device.type == "cpu" else torch.float32
        self._mlp_first, self._mlp_second = (weight_and_bias(x, self._mlp_dtype) for x in linears)
        self._activation = layer.mlp.act

    def self_attention(self, with_position: Tensor, values: Tensor, objects: int) -> Tensor:
        """Self-attention of (R, C) tokens among those of the same object: (R, C).

        Args:
            with_position: (R, C) tokens with their positional encoding, for queries and keys.
            values: (R, C) tokens without it.
            objects: B.
        """
        shape = objects, len(with_position) // objects, -1, self._heads, with_position.shape[1] // self._heads
        q, k = functional.linear(with_position, *self._qk).view(shape).permute(2, 0, 3, 1, 4)
        v = functional.linear(values, *self._v).view(shape).permute(2, 0, 3, 1, 4)[0]
        attended = functional.scaled_dot_product_attention(q, k, v)
        return functional.linear(attended.transpose(1, 2).reshape(with_position.shape), *self._out)

    def add_image_and_mlp(self, rows: Tensor, image: Tensor) -> Tensor:
        """Adds the token-to-image attention's output to (R, C) tokens; then norm, MLP and norm."""
        rows = self._norm2(rows + image)
        hidden = self._activation(linear(rows.to(self._mlp_dtype), *self._mlp_first))
        return self._norm3(rows + linear(hidden, *self._mlp_second))
