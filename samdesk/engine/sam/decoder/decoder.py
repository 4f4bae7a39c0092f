"""SAM's prompt encoder and mask decoder, optimised for inference: SAM 1, MobileSAM, SAM 2 and 2.1.

It computes what the stock modules compute, up to the order of summation, in about a third of the time; how
is described in ``two_way`` and ``upscaling``. Here the parts are put together, and whatever does not depend
on the prompt is computed once per image (``ImageFeatures``).

Sources: Kirillov et al., "Segment Anything" (2023); Ravi et al., "SAM 2" (2024); Meta's ``PromptEncoder``,
``MaskDecoder`` and SAM 2's ``MaskDecoder``, whose modules (as Ultralytics builds them) this replaces.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from samdesk.engine.sam.decoder.cached_kv import CachedKV
from samdesk.engine.sam.decoder.mask_prompt import MaskPromptEncoder
from samdesk.engine.sam.decoder.two_way import TwoWayTransformer
from samdesk.engine.sam.decoder.upscaling import Upscaler, to_nested_order

_NO_POINT = -1
"""Label of the padding point that Meta's prompt encoder adds if there is no box."""


@dataclass(frozen=True, eq=False)
class ImageFeatures:
    """Prompt-independent decoder input of one image: the encoder's output and what is computed from it.

    Attributes:
        tokens: (1, N, C) image embedding, cells in row-major order, without the no-mask embedding.
        cached: First-layer projections of the image, with the no-mask embedding.
        stride8: (4 N, 64) SAM 2's features of stride 8, in nested order (``upscaling``); else None.
        stride4: (16 N, 32) its features of stride 4; else None.
    """

    tokens: Tensor
    cached: CachedKV
    stride8: Tensor | None = None
    stride4: Tensor | None = None

    @property
    def encoder_output(self) -> tuple[Tensor, ...]:
        """The tensors from which all others can be computed again."""
        return (self.tokens, *(x for x in (self.stride8, self.stride4) if x is not None))

    @property
    def nbytes(self) -> int:
        """Size of all tensors, bytes."""
        derived = (self.cached.keys, self.cached.values, self.cached.queries)
        return sum(x.numel() * x.element_size() for x in (*self.encoder_output, *derived))

    def map(self, function: Callable[[Tensor], Tensor]) -> ImageFeatures:
        """Returns a copy with ``function`` applied to every tensor."""
        cached = CachedKV(*(function(x) for x in (self.cached.keys, self.cached.values, self.cached.queries)))
        high_resolution = (None if x is None else function(x) for x in (self.stride8, self.stride4))
        return ImageFeatures(function(self.tokens), cached, *high_resolution)


@dataclass(frozen=True, eq=False)
class DecoderOutput:
    """M masks for each of B objects.

    Attributes:
        logits: (B, M, 256, 256) float32.
        scores: (B, M) float32 predicted IoUs.
    """

    logits: Tensor
    scores: Tensor


class Decoder:
    """Prompt encoder and mask decoder. Stateless after construction.

    Args:
        prompt_encoder: The stock module, float32.
        mask_decoder: The stock module, ``MaskDecoder`` or ``SAM2MaskDecoder``, on the device; float32, in
            which the tokens are computed.
        dtype: Dtype in which image tensors are computed.
    """

    def __init__(self, prompt_encoder: Any, mask_decoder: Any, dtype: torch.dtype) -> None:
        self.dtype = dtype
        self._no_mask = prompt_encoder.no_mask_embed.weight[0]
        self._mask_encoder = MaskPromptEncoder(prompt_encoder.mask_downscaling, self._no_mask)
        self._label_embeddings = torch.cat(
            [e.weight for e in (prompt_encoder.not_a_point_embed, *prompt_encoder.point_embeddings)]
        )
        self._frequencies = 2 * math.pi * prompt_encoder.pe_layer.positional_encoding_gaussian_matrix
        height, width = prompt_encoder.input_image_size
        self._pixel_scale = self._no_mask.new_tensor([2 / width, 2 / height])
        position = prompt_encoder.get_dense_pe()[0].flatten(1).T.contiguous()
        self._position_shape = tuple(position.shape)
        self._transformer = TwoWayTransformer(
            mask_decoder.transformer, position.to(dtype), self._mask_encoder.weight, self._no_mask
        )
        self._upscaler = Upscaler(mask_decoder.output_upscaling, dtype)
        self._heads = _OutputHeads(mask_decoder)

    def prepare_image(
        self, image: Tensor, stride4: Tensor | None = None, stride8: Tensor | None = None
    ) -> ImageFeatures:
        """Computes the prompt-independent features of an image.

        Args:
            image: (1, C, 64, 64) embedding.
            stride4: (1, 32, 256, 256) high-resolution features of SAM 2, after the decoder's ``conv_s0``.
            stride8: (1, 64, 128, 128) likewise, after ``conv_s1``.
        """
        extra = [to_nested_order(f, n) for f, n in ((stride8, 1), (stride4, 2)) if f is not None]
        return self.from_encoder_output([image[0].flatten(1).T.contiguous()[None], *extra])

    def from_encoder_output(self, tensors: Sequence[Tensor]) -> ImageFeatures:
        """Computes the features again from their ``encoder_output``, of any dtype.

        Raises:
            ValueError: The shapes are not those of this decoder.
        """
        cells, channels = self._position_shape
        shapes = [(1, cells, channels), (4 * cells, channels // 4), (16 * cells, channels // 8)]
        if [tuple(x.shape) for x in tensors] != shapes[: 3 if self._heads.high_resolution else 1]:
            raise ValueError(f"not an embedding of this model: {[tuple(x.shape) for x in tensors]}")
        tokens, *high_resolution = tensors
        cached = self._transformer.prepare(tokens[0].float() + self._no_mask)
        return ImageFeatures(tokens.to(self.dtype), cached, *[x.to(self.dtype) for x in high_resolution])

    def to_device(self, image: ImageFeatures) -> ImageFeatures:
        """Returns the features on this decoder's device, in its dtype."""
        device = self.device
        if image.tokens.device == device and image.tokens.dtype == self.dtype:
            return image
        return image.map(lambda x: x.to(device, self.dtype))

    @property
    def device(self) -> torch.device:
        device: torch.device = self._no_mask.device
        return device

    def embed_points(self, points: Tensor, labels: Tensor) -> Tensor:
        """Encodes points: Fourier features of the position plus an embedding of the label.

        A padding point has the label's embedding alone. Half a pixel is added to each coordinate.

        Args:
            points: (B, S, 2) x, y in input pixels.
            labels: (B, S): -1 padding, 0 background, 1 foreground, 2 and 3 corners of a box.

        Returns:
            (B, S, C) float32.
        """
        angles = ((points + 0.5) * self._pixel_scale - 1) @ self._frequencies
        position = torch.cat([angles.sin(), angles.cos()], -1) * (labels != _NO_POINT)[..., None]
        return position + self._label_embeddings[labels.long() + 1]

    def embed_mask(self, masks: Tensor) -> Tensor:
        """Encodes (B, 1, 256, 256) mask logits to (B, K, N) float32; see ``MaskPromptEncoder``."""
        return self._mask_encoder(masks)

    def __call__(
        self, image: ImageFeatures, prompts: Tensor, mask: Tensor | None, multimask: bool
    ) -> DecoderOutput:
        """Decodes B objects of one image.

        Args:
            image: Features of the image, on this decoder's device and in its dtype.
            prompts: (B, S, C) from ``embed_points``.
            mask: (B, K, N) from ``embed_mask``, or None.
            multimask: Whether to return three masks per object, or one.
        """
        tokens = torch.cat([self._heads.tokens.expand(len(prompts), -1, -1), prompts], 1)
        part = 1 if self.device.type == "cpu" else len(prompts)
        images = torch.split(image.tokens.expand(len(prompts), -1, -1), part)
        masks = None if mask is None else torch.split(mask.to(self.dtype), part)
        tokens, updated = self._transformer(tokens, images, image.cached, masks)
        selected = self._heads.mask_tokens(multimask)
        weights = self._heads.hypernetworks(tokens, selected)
        logits = self._upscaler(updated, weights, image.stride8, image.stride4)
        return DecoderOutput(*self._heads.select(logits, self._heads.scores(tokens), multimask))


def _stack_linears(layers: Sequence[Any]) -> tuple[Tensor, Tensor]:
    """Stacks M linear layers for a batched product: (M, in, out) weights and (M, 1, out) biases."""
    weight = torch.stack([x.weight for x in layers]).mT.contiguous()
    return weight, torch.stack([x.bias for x in layers])[:, None]


class _OutputHeads:
    """A mask decoder's output tokens, IoU head and hypernetworks."""

    def __init__(self, module: Any) -> None:
        output_tokens = [module.iou_token.weight, module.mask_tokens.weight]
        if getattr(module, "pred_obj_scores", False):  # SAM 2; its output is not used in image prediction
            output_tokens.insert(0, module.obj_score_token.weight)
        self.tokens = torch.cat(output_tokens)[None]
        self._iou_index = len(output_tokens) - 2
        self._masks: int = module.num_mask_tokens
        self._iou = module.iou_prediction_head
        self.high_resolution = bool(getattr(module, "use_high_res_features", False))
        """Whether the decoder takes features of strides 8 and 4."""
        layers = zip(*[mlp.layers for mlp in module.output_hypernetworks_mlps], strict=True)
        self._hypernetworks = [_stack_linears(layer) for layer in layers]
        self._dynamic = bool(getattr(module, "dynamic_multimask_via_stability", False))
        if self._dynamic:
            self._stability_delta: float = module.dynamic_multimask_stability_delta
            self._stability_threshold: float = module.dynamic_multimask_stability_thresh

    def mask_tokens(self, multimask: bool) -> slice:
        """Returns which mask tokens to decode: those whose masks may be returned."""
        if multimask:
            return slice(1, self._masks)
        return slice(0, self._masks if self._dynamic else 1)

    def scores(self, tokens: Tensor) -> Tensor:
        """Returns the (B, masks) predicted IoUs."""
        scores: Tensor = self._iou(tokens[:, self._iou_index])
        return scores

    def hypernetworks(self, tokens: Tensor, selected: slice) -> Tensor:
        """Applies the hypernetworks of the selected mask tokens, batched: (B, M, 32)."""
        start = self._iou_index + 1
        x = tokens[:, start : start + self._masks][:, selected].transpose(0, 1)
        for number, (weight, bias) in enumerate(self._hypernetworks):
            x = torch.baddbmm(bias[selected], x, weight[selected])
            if number + 1 < len(self._hypernetworks):
                x = functional.relu(x)
        return x.transpose(0, 1)

    def select(self, logits: Tensor, scores: Tensor, multimask: bool) -> tuple[Tensor, Tensor]:
        """Returns the masks to output and their scores, out of the decoded ones."""
        scores = scores[:, self.mask_tokens(multimask)]
        if multimask or not self._dynamic:
            return logits, scores
        return self._select_by_stability(logits, scores)

    def _select_by_stability(self, logits: Tensor, scores: Tensor) -> tuple[Tensor, Tensor]:
        """SAM 2's single-mask output: the single mask if it is stable, else the best of the three.

        Stability is the number of cells above ``_stability_delta`` divided by those above its negative.
        """
        single = logits[:, :1].flatten(2)
        limits = (self._stability_delta, -self._stability_delta)
        inner, outer = ((single > limit).sum(-1).float() for limit in limits)
        stable = torch.where(outer > 0, inner / outer, 1.0) >= self._stability_threshold
        best = torch.where(stable[:, 0], 0, 1 + scores[:, 1:].argmax(-1))
        rows = torch.arange(len(logits), device=logits.device)
        return logits[rows, best][:, None], scores[rows, best][:, None]
