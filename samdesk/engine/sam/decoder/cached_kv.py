"""The first layer's cross attentions of SAM's mask decoder: what no prompt changes is kept with the image.

In the first layer the image is as the encoder left it: Y, with its no-mask embedding. Its keys and values,
and its queries when it looks at tokens, belong to the embedding (``FirstLayer``).

A mask prompt adds a projection of a few channels to each cell, Y + M W' with M (N, K), K = 17: the 16 that
the prompt encoder makes of the mask, and one that is 1 everywhere, for its bias in place of the no-mask
embedding. All that is linear in Y follows: its keys are those of Y plus M (Wk W)', and so on. So a mask
prompt costs three products of 17 channels, not a projection of 256.

Exact but for the order of sums. Shapes as in ``cross_attention``.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from samdesk.engine.runtime.kernels import by_object, by_object_onto
from samdesk.engine.sam.decoder.cross_attention import (
    Attention,
    Blocks,
    Telling,
    blocks,
    by_heads,
    by_objects,
    in_parts,
    over_tokens,
    scaled,
)
from samdesk.engine.sam.layers import joined


@dataclass(frozen=True, eq=False)
class FirstLayer:
    """What the first layer makes of an image whatever is asked, in the type of the image side.

    Attributes:
        keys: (H, D, N) of the image that tokens look at.
        values: (H, N, D) likewise.
        queries: (H, D, N) of the image that looks at tokens.
    """

    keys: Tensor
    values: Tensor
    queries: Tensor


Masks = Sequence[Tensor] | None
"""(b, K, N) of a mask prompt for each part of the images, in their type; None: there is none."""


class FirstTokensToImage:
    """Tokens look at the image of the first layer.

    Args:
        module: Meta's ``Attention``.
        mask: (C, K) W of a mask prompt.
        position: (N, C) positional encoding of the image.
    """

    def __init__(self, module: Any, mask: Tensor, position: Tensor) -> None:
        own = self._own = Attention(module)
        self._type = position.dtype
        self._q = scaled(own.q, own.scale)
        self._k_mask = own.weights(own.k[0] @ mask)
        self._v_mask = own.weights(own.v[0] @ mask).mT.contiguous()

    def prepare(self, image: Tensor, placed: Tensor) -> tuple[Tensor, Tensor]:
        """Keys (H, D, N) and values (H, N, D) of an (N, C) image and of that with its encoding, float32."""
        keys = self._own.of_image(placed, self._own.k[0])
        values = self._own.of_image(image, self._own.v[0]).mT.contiguous()
        return keys.to(self._type), values.to(self._type)

    def __call__(self, tokens: Tensor, known: FirstLayer, masks: Masks) -> Tensor:
        """(R, C) tokens with their encoding: (R, C) to add to the tokens."""
        queries = self._own.rows(functional.linear(tokens, *self._q))
        scores = torch.bmm(queries.to(known.keys.dtype), known.keys)
        if masks is None:
            return self._own.output(torch.bmm(scores.softmax(-1), known.values).float())
        folded = torch.bmm(queries, self._k_mask).to(scores.dtype)
        parts = zip(in_parts(scores, masks), in_parts(folded, masks), masks, strict=True)
        return self._own.output(joined([self._seen(*part, known) for part in parts], 1))

    def _seen(self, scores: Tensor, folded: Tensor, mask: Tensor, known: FirstLayer) -> Tensor:
        """(H, b T, N) and (H, b T, K) of tokens: what they see, (H, b T, D) float32."""
        objects = len(mask)
        both = by_object_onto(by_objects(scores, objects), by_objects(folded, objects), mask.mT)
        weights = both.softmax(-1)
        seen = torch.bmm(by_heads(weights, self._own.heads), known.values).float()
        of_mask = by_heads(by_object(weights, mask), self._own.heads).float()
        return torch.baddbmm(seen, of_mask, self._v_mask)


class FirstImageToTokens:
    """The image of the first layer looks at tokens.

    Args:
        module: Meta's ``Attention``.
        norm: The layer norm after it.
        mask: (C, K) W of a mask prompt.
        plus: (C,) the no-mask embedding, which images come without.
        position: (N, C) positional encoding of the image.
    """

    def __init__(self, module: Any, norm: Any, mask: Tensor, plus: Tensor, position: Tensor) -> None:
        own = self._own = Attention(module)
        self._type = position.dtype
        self._k = scaled(own.k, own.scale)
        self._q_mask = own.weights(own.q[0] @ mask)
        self._mask = mask.T.to(self._type)[None]
        self._blocks = blocks(position)
        self._tell = Telling(own, norm, own.out[1] + plus, self._type)

    def prepare(self, placed: Tensor) -> Tensor:
        """Queries (H, D, N) of an (N, C) image with its no-mask embedding and its encoding, float32."""
        return self._own.of_image(placed, *self._own.q).to(self._type)

    def __call__(
        self, tokens: Tensor, values: Tensor, images: Sequence[Tensor], known: FirstLayer, masks: Masks
    ) -> list[Blocks]:
        """The images after it.

        Args:
            tokens: (R, C) with their encoding.
            values: (R, C) without.
            images: (b, N, C) each, without the no-mask embedding.
            known: What is kept of them.
            masks: Of a mask prompt.
        """
        keys = self._own.rows(functional.linear(tokens, *self._k))
        scores = torch.bmm(keys.to(known.queries.dtype), known.queries)
        parts = [in_parts(x, images) for x in (scores, self._tell.told(values))]
        if masks is None:
            return [self._plain(*part) for part in zip(*parts, images, strict=True)]
        folded = in_parts(torch.bmm(keys, self._q_mask).to(scores.dtype), images)
        return [self._masked(*part) for part in zip(*parts, images, folded, masks, strict=True)]

    def _plain(self, scores: Tensor, told: Tensor, image: Tensor) -> Blocks:
        weights = over_tokens(by_objects(scores, len(image)), self._own.heads)
        return self._told(weights, by_objects(told, len(image)), image)

    def _masked(self, scores: Tensor, told: Tensor, image: Tensor, folded: Tensor, mask: Tensor) -> Blocks:
        """The mask's channels go with the tokens: each cell sees them with their own weight in it."""
        objects = len(image)
        both = by_object_onto(by_objects(scores, objects), by_objects(folded, objects), mask.mT)
        weights = torch.cat([over_tokens(both, self._own.heads), mask], 1)
        told = torch.cat([by_objects(told, objects), self._mask.expand(objects, -1, -1)], 1)
        return self._told(weights, told, image)

    def _told(self, weights: Tensor, told: Tensor, image: Tensor) -> Blocks:
        return [self._tell(weights[..., cells], told, image[:, cells]) for cells in self._blocks]
