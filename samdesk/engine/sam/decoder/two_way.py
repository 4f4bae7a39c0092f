"""The two-way transformer of SAM's mask decoder, for inference.

Each of two layers: the tokens look at each other, then at the image, then each is worked on by itself (MLP);
then the image looks at the tokens. At last the tokens look at the image once more. How little of that has to
be computed is told in ``cross_attention`` and ``first_layer``, whose shapes are those here.

Sources: Kirillov et al., "Segment Anything" (2023), appendix A; Meta's ``TwoWayTransformer``, whose weights
are taken as they are.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import torch
from torch import Tensor, nn
from torch.nn import functional

from samdesk.engine.runtime.kernels import linear
from samdesk.engine.sam.decoder.cached_kv import FirstImageToTokens, FirstLayer, FirstTokensToImage, Masks
from samdesk.engine.sam.decoder.cross_attention import Blocks, ImageToTokens, TokensToImage
from samdesk.engine.sam.layers import Norm, pair


class TwoWayTransformer:
    """Meta's module of that name.

    Args:
        module: It, with its weights.
        position: (N, C) positional encoding of the image, in the type of the image side.
        mask: (C, K) what a cell gets for each channel of a mask prompt, in place of ``plus``.
        plus: (C,) the no-mask embedding.
    """

    def __init__(self, module: Any, position: Tensor, mask: Tensor, plus: Tensor) -> None:
        first, *others = module.layers
        self._position = position.float()
        self._look = FirstTokensToImage(first.cross_attn_token_to_image, mask, position)
        self._back = FirstImageToTokens(first.cross_attn_image_to_token, first.norm4, mask, plus, position)
        self._others = [
            (
                TokensToImage(block.cross_attn_token_to_image, position),
                ImageToTokens(block.cross_attn_image_to_token, block.norm4, position),
            )
            for block in others
        ]
        self._blocks = [_Tokens(block, position.dtype) for block in module.layers]
        self._last = TokensToImage(module.final_attn_token_to_image, position)
        self._last_norm = Norm(module.norm_final_attn, torch.float32)

    def prepare(self, image: Tensor) -> FirstLayer:
        """What the first layer makes of an (N, C) image, float32, with its no-mask embedding."""
        placed = image + self._position
        return FirstLayer(*self._look.prepare(image, placed), self._back.prepare(placed))

    def __call__(
        self, tokens: Tensor, images: Sequence[Tensor], known: FirstLayer, masks: Masks
    ) -> tuple[Tensor, list[Blocks]]:
        """The tokens (B, T, C) and the images after all layers, in blocks (b, n, C).

        Args:
            tokens: (B, T, C) float32.
            images: (b, N, C) each, B in all, all the same one, without its no-mask embedding.
            known: ``prepare`` of it.
            masks: (b, K, N) each, of a mask prompt; or None.
        """
        position = tokens.flatten(0, 1)
        block = self._blocks[0]
        rows = block.norm1(block.among(position, position, len(tokens)))
        rows = block.seen(rows, self._look(rows + position, known, masks))
        at = rows + position
        new = self._back(at, rows, images, known, masks)
        for (look, back), block in zip(self._others, self._blocks[1:], strict=True):
            rows = block.norm1(rows + block.among(at, rows, len(tokens)))
            rows = block.seen(rows, look(rows + position, new))
            at = rows + position
            new = back(at, rows, new)
        rows = self._last_norm(rows + self._last(at, new))
        return rows.view_as(tokens), new


class _Tokens:
    """What a layer does with the tokens alone.

    The MLP's weights are two thirds of all the decoder reads but for the image. On a CPU, which is kept
    waiting by them, they are in the type of the image side.

    Args:
        block: Meta's ``TwoWayAttentionBlock``.
        dtype: The type of the image side.
    """

    def __init__(self, block: Any, dtype: torch.dtype) -> None:
        norms = block.norm1, block.norm2, block.norm3
        self.norm1, self._norm2, self._norm3 = (Norm(x, torch.float32) for x in norms)
        attention = block.self_attn
        self._heads: int = attention.num_heads
        both = attention.q_proj, attention.k_proj
        self._qk = torch.cat([x.weight for x in both]), torch.cat([x.bias for x in both])
        self._v, self._out = (pair(x, torch.float32) for x in (attention.v_proj, attention.out_proj))
        linears = [x for x in block.mlp.modules() if isinstance(x, nn.Linear)]
        self._type = dtype if linears[0].weight.device.type == "cpu" else torch.float32
        self._in, self._back = (pair(x, self._type) for x in linears)
        self._act = block.mlp.act

    def among(self, at: Tensor, values: Tensor, objects: int) -> Tensor:
        """What (R, C) tokens see in those of the same object, (R, C); ``at`` has their encoding."""
        shape = objects, len(at) // objects, -1, self._heads, at.shape[1] // self._heads
        queries, keys = functional.linear(at, *self._qk).view(shape).permute(2, 0, 3, 1, 4)
        v = functional.linear(values, *self._v).view(shape).permute(2, 0, 3, 1, 4)[0]
        seen = functional.scaled_dot_product_attention(queries, keys, v)
        return functional.linear(seen.transpose(1, 2).reshape(at.shape), *self._out)

    def seen(self, rows: Tensor, image: Tensor) -> Tensor:
        """(R, C) tokens with what they saw in the image, each worked on."""
        rows = self._norm2(rows + image)
        inner = self._act(linear(rows.to(self._type), *self._in))
        return self._norm3(rows + linear(inner, *self._back))
