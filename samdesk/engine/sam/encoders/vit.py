"""SAM 1's ViT image encoder for inference, and the choice of encoder for a SAM 1 network."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor, nn

from samdesk.base.jobs import Pause
from samdesk.engine.runtime.kernels import linear


class ImageEncoder(Protocol):
    """Image encoder of a SAM 1 network."""

    def __call__(self, pixels: Tensor, content_hw: tuple[int, int], pause: Pause) -> Tensor:
        """Encodes (1, 3, 1024, 1024) pixels to (1, 256, 64, 64); see ``TinyVitEncoder``."""


class _FastLinear(nn.Linear):
    """Linear layer with the fastest kernel of the device."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's name
        return linear(input, self.weight, self.bias)


class VitEncoder:
    """SAM 1's ViT encoder: the stock module with faster linear layers.

    Args:
        module: Ultralytics' ``ImageEncoderViT`` on its device; it is changed in place.
        dtype: Dtype to compute in.
    """

    def __init__(self, module: Any, dtype: torch.dtype) -> None:
        self._module = _with_fast_linears(module, dtype)
        self._dtype = dtype

    def __call__(self, pixels: Tensor, content_hw: tuple[int, int], pause: Pause) -> Tensor:
        """See ``ImageEncoder``. Global attention covers the padding, too, so ``content_hw`` saves nothing."""
        with _PauseHooks(self._module.blocks, pause):
            features: Tensor = self._module(pixels.to(self._dtype))
        return features


def _with_fast_linears(module: Any, dtype: torch.dtype) -> Any:
    for child in module.modules():
        if type(child) is nn.Linear:
            child.__class__ = _FastLinear
    return module.to(dtype).eval()


class _PauseHooks:
    """Context manager that calls ``pause`` before the forward pass of each of some modules."""

    def __init__(self, modules: Any, pause: Pause) -> None:
        self._modules, self._pause = modules, pause
        self._hooks: list[Any] = []

    def __enter__(self) -> None:
        self._hooks = [m.register_forward_pre_hook(lambda *_: self._pause()) for m in self._modules]

    def __exit__(self, *_: object) -> None:
        for hook in self._hooks:
            hook.remove()
