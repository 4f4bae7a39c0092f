"""The mask prompt of SAM's prompt encoder, for inference: as few channels as it really has.

Meta's ``mask_downscaling`` makes 4 channels of the mask's 256 x 256 logits at half the size, 16 at a quarter,
and C = 256 of those with a 1 x 1 convolution. The last step is linear and is left to the decoder, which folds
it into its own products (``first_layer``): here end 16 channels, and one of ones for the bias.

A layer norm over 4 or 16 channels first takes their mean off. The mean of a convolution's channels is a
convolution, too, so that weights without their mean over the channels leave nothing to take off; what is
left is one division a cell.

Source: Meta's ``PromptEncoder``, whose weights are taken as they are.
"""

from __future__ import annotations

from typing import Any

import torch
from torch import Tensor
from torch.nn import functional

from samdesk.engine.runtime.kernels import gelu_


class MaskPrompt:
    """The ``mask_downscaling`` of a prompt encoder without its last step.

    Args:
        module: It: convolution, norm, GELU, convolution, norm, GELU, convolution.
        instead: (C,) the no-mask embedding, which a mask stands in place of.

    Attributes:
        weight: (C, 17) float32: what a cell gets for each channel, on top of ``instead``.
    """

    def __init__(self, module: Any, instead: Tensor) -> None:
        first, norm, _, second, other_norm, _, last = module
        self._steps = [_Step(first, norm), _Step(second, other_norm)]
        bias = (last.bias - instead)[:, None]
        self.weight = torch.cat([last.weight.flatten(1), bias], 1).detach().float()

    def __call__(self, masks: Tensor) -> Tensor:
        """(B, 1, 256, 256) logits to (B, 17, N) float32, N = 64 x 64."""
        for step in self._steps:
            masks = step(masks)
        return functional.pad(masks.flatten(2), (0, 0, 0, 1), value=1.0)


class _Step:
    """A convolution, its norm over the channels, and GELU."""

    def __init__(self, convolution: Any, norm: Any) -> None:
        weight, bias = convolution.weight, convolution.bias
        self._weight, self._bias = weight - weight.mean(0, keepdim=True), bias - bias.mean()
        self._stride = convolution.stride
        self._scale, self._shift = norm.weight[:, None, None], norm.bias[:, None, None]
        self._eps = norm.eps

    def __call__(self, x: Tensor) -> Tensor:
        x = functional.conv2d(x, self._weight, self._bias, self._stride)
        spread = x.square().mean(1, keepdim=True).add_(self._eps).rsqrt_()
        return gelu_(x.mul_(spread).mul_(self._scale).add_(self._shift))
