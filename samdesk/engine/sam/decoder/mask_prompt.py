"""SAM's mask prompt encoder for inference, up to its last linear step.

Meta's ``mask_downscaling`` maps the 256 x 256 mask logits to 4 channels at half the size, 16 at a quarter,
and C = 256 of those by a 1 x 1 convolution. The last convolution is linear and left to the decoder, which
folds it into its own matrix products (``cached_kv``): this module returns the 16 channels, and one of ones
for the bias.

A layer norm over channels first subtracts their mean. The mean over a convolution's output channels is
itself a convolution, so subtracting the weights' mean over the output channels in advance leaves nothing to
subtract; only the division by the standard deviation remains.

Source: Meta's ``PromptEncoder``, whose weights are used unchanged.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from samdesk.engine.runtime.kernels import gelu_


class MaskPromptEncoder:
    """A prompt encoder's ``mask_downscaling`` without its last convolution.

    Args:
        module: ``mask_downscaling``: convolution, norm, GELU, convolution, norm, GELU, convolution.
        no_mask_embedding: (C,) embedding that a mask prompt replaces.

    Attributes:
        weight: (C, 17) float32 linear map from the channels to what a mask prompt adds to an image embedding
            that includes the no-mask embedding.
    """

    def __init__(self, module: Any, no_mask_embedding: Tensor) -> None:
        first, norm, _, second, second_norm, _, last = module
        self._layers = [_ConvNormGelu(first, norm), _ConvNormGelu(second, second_norm)]
        bias = (last.bias - no_mask_embedding)[:, None]
        self.weight = torch.cat([last.weight.flatten(1), bias], 1).detach().float()

    def __call__(self, masks: Tensor) -> Tensor:
        """Encodes (B, 1, 256, 256) logits to (B, 17, N) float32, N = 64 x 64."""
        for layer in self._layers:
            masks = layer(masks)
        return functional.pad(masks.flatten(2), (0, 0, 0, 1), value=1.0)


class _ConvNormGelu:
    """Convolution, layer norm over the channels, GELU."""

    def __init__(self, convolution: Any, norm: Any) -> None:
        weight, bias = convolution.weight, convolution.bias
        self._weight, self._bias = weight - weight.mean(0, keepdim=True), bias - bias.mean()
        self._stride = convolution.stride
        self._scale, self._shift = norm.weight[:, None, None], norm.bias[:, None, None]
        self._eps = norm.eps

    def __call__(self, x: Tensor) -> Tensor:
        x = functional.conv2d(x, self._weight, self._bias, self._stride)
        inverse_std = x.square().mean(1, keepdim=True).add_(self._eps).rsqrt_()
        return gelu_(x.mul_(inverse_std).mul_(self._scale).add_(self._shift))
