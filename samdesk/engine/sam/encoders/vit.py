"""Image encoders by the network they are for, in the type the device is fast in."""

from __future__ import annotations

from typing import Any, Protocol

import torch
from torch import Tensor, nn

from samdesk.base.jobs import Pause
from samdesk.engine.runtime.kernels import linear


class Encoder(Protocol):
    """SAM 1's image encoder."""

    def __call__(self, pixels: Tensor, content_hw: tuple[int, int], pause: Pause) -> Tensor:
        """(1, 256, 64, 64) of (1, 3, 1024, 1024) pixels; see ``TinyVitEncoder``."""


class _Linear(nn.Linear):
    """A linear layer by the fastest way there is."""

    def forward(self, input: Tensor) -> Tensor:  # noqa: A002 - torch's name
        return linear(input, self.weight, self.bias)


class VitEncoder:
    """SAM 1's plain vision transformer: the stock module with faster linear layers.

    Args:
        module: Ultralytics' ``ImageEncoderViT`` on its device.
        dtype: The type to work in.
    """

    def __init__(self, module: Any, dtype: torch.dtype) -> None:
        self._module = _faster(module, dtype)
        self._dtype = dtype

    def __call__(self, pixels: Tensor, content_hw: tuple[int, int], pause: Pause) -> Tensor:
        """See ``Encoder``. All its cells look at all others, those of the padding, too."""
        with _Pauses(self._module.blocks, pause):
            found: Tensor = self._module(pixels.to(self._dtype))
        return found


def _faster(module: Any, dtype: torch.dtype) -> Any:
    for child in module.modules():
        if type(child) is nn.Linear:
            child.__class__ = _Linear
    return module.to(dtype).eval()


class _Pauses:
    """Calls ``pause`` before each of some modules, while it is entered."""

    def __init__(self, modules: Any, pause: Pause) -> None:
        self._modules, self._pause = modules, pause
        self._hooks: list[Any] = []

    def __enter__(self) -> None:
        self._hooks = [m.register_forward_pre_hook(lambda *_: self._pause()) for m in self._modules]

    def __exit__(self, *_: object) -> None:
        for hook in self._hooks:
            hook.remove()
