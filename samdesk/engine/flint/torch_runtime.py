"""Flint's networks on torch, on any device and in any precision."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import cast

import numpy as np
import torch
from numpy.typing import NDArray

from samdesk.engine.flint.maps import CropPrompts, prompt_maps
from samdesk.engine.flint.network import FlintNetwork, HeadOutput
from samdesk.engine.flint.runtime import Levels
from samdesk.engine.runtime.device import dtype_of, translate_torch_errors
from samdesk.engine.runtime.flops import count_gflops

_SIDE = 640


class TorchRuntime:
    """A ``FlintRuntime`` on torch.

    Args:
        network: The network on its device, in fp32.
        device: As ``engine.runtime.device.resolve`` returns it.
        precision: "fp32", "fp16" or "bf16".
    """

    def __init__(self, network: FlintNetwork, device: str = "cpu", precision: str = "fp32") -> None:
        self._network, self._device, self._precision = network, device, precision

    def embed(self, images: NDArray[np.uint8]) -> Levels:
        """See ``FlintRuntime``."""
        with torch.inference_mode(), self._autocast():
            pixels = torch.from_numpy(np.ascontiguousarray(images)).to(self._device)
            return self._network.embed(pixels.permute(0, 3, 1, 2).float().div_(255))  # stays channels-last

    def decode(
        self, levels: Levels, prompts: CropPrompts, fine: bool = True
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """See ``FlintRuntime``."""
        size = levels[1].shape[2:]
        with torch.inference_mode(), self._autocast():
            here = tuple(level.to(self._device) for level in levels)
            maps = prompt_maps(self._moved(prompts), (int(size[0]), int(size[1])))
            output = cast("HeadOutput", self._network.head(here, maps, fine=fine))
        return output.logits.float().cpu().numpy(), output.iou.float().cpu().numpy()

    def concatenate(self, parts: Sequence[Levels]) -> Levels:
        """See ``FlintRuntime``."""
        return tuple(torch.cat(level) for level in zip(*parts, strict=True))

    def replica(self, threads: int) -> TorchRuntime:
        """See ``FlintRuntime``: the network is shared, as nothing in it changes."""
        return TorchRuntime(self._network, self._device, self._precision)

    def count_gflops(self) -> float | None:
        """See ``FlintRuntime``."""
        return count_gflops(self._network, "embed", _SIDE)

    def errors(self, what: str) -> AbstractContextManager[None]:
        """See ``FlintRuntime``."""
        return translate_torch_errors(what, self._device)

    def _moved(self, prompts: CropPrompts) -> CropPrompts:
        arrays = (prompts.points, prompts.labels, prompts.boxes, prompts.logits, prompts.has_logits)
        return CropPrompts(*(None if a is None else torch.from_numpy(a).to(self._device) for a in arrays))

    def _autocast(self) -> torch.autocast:
        enabled = self._precision != "fp32"
        device = self._device.split(":")[0]
        return torch.autocast(device, dtype=dtype_of(self._precision) if enabled else None, enabled=enabled)
