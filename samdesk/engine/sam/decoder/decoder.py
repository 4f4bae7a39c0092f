"""SAM's mask decoder for inference: the weights of SAM 1, MobileSAM, SAM 2 or 2.1, a third of the time.

It gives what the stock prompt encoder and mask decoder give (the order of sums apart). How the time is
saved is told in ``two_way`` and ``upscaling``; here the parts are put together, and what does not depend
on the prompt is made once an image (``ImageSide``).

Sources: Kirillov et al., "Segment Anything" (2023); Ravi et al., "SAM 2" (2024); Meta's ``PromptEncoder``,
``MaskDecoder`` and SAM 2's ``MaskDecoder``, for whose modules (Ultralytics builds them) this is a stand-in.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from samdesk.engine.sam.decoder.cached_kv import FirstLayer
from samdesk.engine.sam.decoder.mask_prompt import MaskPrompt
from samdesk.engine.sam.decoder.two_way import TwoWayTransformer
from samdesk.engine.sam.decoder.upscaling import Upscaler, apart

_NO_POINT = -1
"""Label of the point that Meta's prompt encoder adds where there is no box."""


@dataclass(frozen=True, eq=False)
class ImageSide:
    """All that the decoder makes of an image before anything is asked.

    Attributes:
        tokens: (1, N, C) the image embedding by cell, row by row.
        first: See ``FirstLayer``; without a mask prompt.
        middle: (4 N, 64) SAM 2's features of stride 8, as ``upscaling.apart`` orders them; else None.
        fine: (16 N, 32) its features of stride 4.
    """

    tokens: Tensor
    first: FirstLayer
    middle: Tensor | None = None
    fine: Tensor | None = None

    @property
    def primary(self) -> tuple[Tensor, ...]:
        """What the encoder said, without what follows from it."""
        return (self.tokens, *(x for x in (self.middle, self.fine) if x is not None))

    @property
    def nbytes(self) -> int:
        """Size of all, bytes."""
        follows = (self.first.keys, self.first.values, self.first.queries)
        return sum(x.numel() * x.element_size() for x in (*self.primary, *follows))

    def mapped(self, change: Callable[[Tensor], Tensor]) -> ImageSide:
        """The same with every tensor changed."""
        first = FirstLayer(*(change(x) for x in (self.first.keys, self.first.values, self.first.queries)))
        finer = (None if x is None else change(x) for x in (self.middle, self.fine))
        return ImageSide(change(self.tokens), first, *finer)


@dataclass(frozen=True, eq=False)
class Decoded:
    """What B objects' prompts gave, M masks each.

    Attributes:
        logits: (B, M, 256, 256) float32.
        scores: (B, M) float32 predicted IoUs.
    """

    logits: Tensor
    scores: Tensor


class Decoder:
    """A prompt encoder and a mask decoder. No state changes after construction.

    Args:
        prompt_encoder: The stock module, float32.
        mask_decoder: The stock module, ``MaskDecoder`` or ``SAM2MaskDecoder``, on the device; its weights
            in float32, for the tokens.
        dtype: The type the image side is computed in.
    """

    def __init__(self, prompt_encoder: Any, mask_decoder: Any, dtype: torch.dtype) -> None:
        self.dtype = dtype
        self._no_mask = prompt_encoder.no_mask_embed.weight[0]
        self._mask = MaskPrompt(prompt_encoder.mask_downscaling, self._no_mask)
        self._labels = torch.cat(
            [e.weight for e in (prompt_encoder.not_a_point_embed, *prompt_encoder.point_embeddings)]
        )
        self._frequencies = 2 * math.pi * prompt_encoder.pe_layer.positional_encoding_gaussian_matrix
        height, width = prompt_encoder.input_image_size
        self._per_pixel = self._no_mask.new_tensor([2 / width, 2 / height])
        position = prompt_encoder.get_dense_pe()[0].flatten(1).T.contiguous()
        self._position_shape = tuple(position.shape)
        self._transformer = TwoWayTransformer(
            mask_decoder.transformer, position.to(dtype), self._mask.weight, self._no_mask
        )
        self._upscaler = Upscaler(mask_decoder.output_upscaling, dtype)
        self._heads = _Heads(mask_decoder)

    def image_side(
        self, image: Tensor, fine: Tensor | None = None, middle: Tensor | None = None
    ) -> ImageSide:
        """What belongs to an image.

        Args:
            image: (1, C, 64, 64) embedding.
            fine: (1, 32, 256, 256) high-resolution features of SAM 2, projected as its decoder takes them.
            middle: (1, 64, 128, 128) likewise.
        """
        extra = [apart(f, n) for f, n in ((middle, 1), (fine, 2)) if f is not None]
        return self.from_primary([image[0].flatten(1).T.contiguous()[None], *extra])

    def from_primary(self, primary: Sequence[Tensor]) -> ImageSide:
        """The image side that these tensors are the ``primary`` of, whatever their type.

        Raises ``ValueError`` if they have other shapes than this decoder's.
        """
        cells, channels = self._position_shape
        shapes = [(1, cells, channels), (4 * cells, channels // 4), (16 * cells, channels // 8)]
        if [tuple(x.shape) for x in primary] != shapes[: 3 if self._heads.looks_finer else 1]:
            raise ValueError(f"no embedding of this model: {[tuple(x.shape) for x in primary]}")
        tokens, *finer = primary
        first = self._transformer.prepare(tokens[0].float() + self._no_mask)
        return ImageSide(tokens.to(self.dtype), first, *[x.to(self.dtype) for x in finer])

    def here(self, image: ImageSide) -> ImageSide:
        """The image side on this decoder's device and in its type."""
        place = self.device
        if image.tokens.device == place and image.tokens.dtype == self.dtype:
            return image
        return image.mapped(lambda x: x.to(place, self.dtype))

    @property
    def device(self) -> torch.device:
        """Where it is."""
        place: torch.device = self._no_mask.device
        return place

    def embed_points(self, points: Tensor, labels: Tensor) -> Tensor:
        """(B, S, 2) input pixels and (B, S) labels (-1 none, 0 background, 1 object, 2 and 3 corners).

        Returns (B, S, C) float32: each point's Fourier features plus what its label says, the latter alone
        where there is no point. A pixel's centre is half a pixel on.
        """
        angles = ((points + 0.5) * self._per_pixel - 1) @ self._frequencies
        place = torch.cat([angles.sin(), angles.cos()], -1) * (labels != _NO_POINT)[..., None]
        return place + self._labels[labels.long() + 1]

    def embed_mask(self, masks: Tensor) -> Tensor:
        """(B, 1, 256, 256) logits to (B, K, N) float32: the channels they have in truth (``mask_prompt``)."""
        return self._mask(masks)

    def __call__(self, image: ImageSide, prompts: Tensor, mask: Tensor | None, multimask: bool) -> Decoded:
        """Decodes B objects of one image.

        Args:
            image: Of the image they are on.
            prompts: (B, S, C) from ``embed_points``.
            mask: (B, K, N) from ``embed_mask``, or None.
            multimask: Three masks an object, or one.
        """
        tokens = torch.cat([self._heads.tokens.expand(len(prompts), -1, -1), prompts], 1)
        together = 1 if self.device.type == "cpu" else len(prompts)
        parts = torch.split(image.tokens.expand(len(prompts), -1, -1), together)
        masks = None if mask is None else torch.split(mask.to(self.dtype), together)
        tokens, images = self._transformer(tokens, parts, image.first, masks)
        wanted = self._heads.wanted(multimask)
        logits = self._upscaler(images, self._heads.weights(tokens, wanted), image.middle, image.fine)
        return Decoded(*self._heads.chosen(logits, self._heads.scores(tokens), multimask))


def _side_by_side(layers: Sequence[Any]) -> tuple[Tensor, Tensor]:
    """M linear layers as one batched product: (M, in, out) weights and (M, 1, out) biases."""
    weight = torch.stack([x.weight for x in layers]).mT.contiguous()
    return weight, torch.stack([x.bias for x in layers])[:, None]


class _Heads:
    """What is made of the tokens of a mask decoder: predicted IoUs and masks' weights."""

    def __init__(self, module: Any) -> None:
        own = [module.iou_token.weight, module.mask_tokens.weight]
        if getattr(module, "pred_obj_scores", False):  # SAM 2; what becomes of it, image predictors don't ask
            own.insert(0, module.obj_score_token.weight)
        self.tokens = torch.cat(own)[None]
        self._start = len(own) - 2
        self._masks: int = module.num_mask_tokens
        self._iou = module.iou_prediction_head
        self.looks_finer = bool(getattr(module, "use_high_res_features", False))
        """Whether it takes features of strides 8 and 4."""
        layers = zip(*[mlp.layers for mlp in module.output_hypernetworks_mlps], strict=True)
        self._hyper = [_side_by_side(layer) for layer in layers]
        self._dynamic = bool(getattr(module, "dynamic_multimask_via_stability", False))
        if self._dynamic:
            self._delta: float = module.dynamic_multimask_stability_delta
            self._stable: float = module.dynamic_multimask_stability_thresh

    def wanted(self, multimask: bool) -> slice:
        """Which mask tokens masks are made of: only those that may be given out."""
        if multimask:
            return slice(1, self._masks)
        return slice(0, self._masks if self._dynamic else 1)

    def scores(self, tokens: Tensor) -> Tensor:
        """(B, masks) predicted IoUs."""
        found: Tensor = self._iou(tokens[:, self._start])
        return found

    def weights(self, tokens: Tensor, wanted: slice) -> Tensor:
        """(B, M, 32) of the wanted mask tokens: their small networks, all in one product a layer."""
        start = self._start + 1
        x = tokens[:, start : start + self._masks][:, wanted].transpose(0, 1)
        for number, (weight, bias) in enumerate(self._hyper):
            x = torch.baddbmm(bias[wanted], x, weight[wanted])
            if number + 1 < len(self._hyper):
                x = functional.relu(x)
        return x.transpose(0, 1)

    def chosen(self, logits: Tensor, scores: Tensor, multimask: bool) -> tuple[Tensor, Tensor]:
        """The masks to give out and their scores, of those that were wanted."""
        scores = scores[:, self.wanted(multimask)]
        if multimask or not self._dynamic:
            return logits, scores
        return self._steadiest(logits, scores)

    def _steadiest(self, logits: Tensor, scores: Tensor) -> tuple[Tensor, Tensor]:
        """SAM 2's choice where one mask is asked for: the single mask, or the best of three if it wavers.

        It wavers if fewer than ``_stable`` of the cells above ``-_delta`` are above ``_delta``.
        """
        single = logits[:, :1].flatten(2)
        inner, outer = ((single > limit).sum(-1).float() for limit in (self._delta, -self._delta))
        stable = torch.where(outer > 0, inner / outer, 1.0) >= self._stable
        best = torch.where(stable[:, 0], 0, 1 + scores[:, 1:].argmax(-1))
        rows = torch.arange(len(logits), device=logits.device)
        return logits[rows, best][:, None], scores[rows, best][:, None]
