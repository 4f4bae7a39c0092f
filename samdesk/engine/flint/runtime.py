"""What computes Flint's networks: torch (``torch_runtime``), or ONNX Runtime on the CPU (``graphs``)."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import AbstractContextManager
from typing import Any, Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from samdesk.engine.flint.maps import CropPrompts

Levels: TypeAlias = tuple[Any, ...]
"""An embedding: (B, C, H / s, W / s) per stride, arrays or tensors on the device."""


class FlintRuntime(Protocol):
    """Flint's encoder and prompt head. Used by one thread at a time."""

    def embed(self, images: NDArray[np.uint8]) -> Levels:
        """Encodes (B, H, W, 3) uint8 RGB, H and W multiples of 32, to the embedding."""

    def decode(
        self, levels: Levels, prompts: CropPrompts, fine: bool = True
    ) -> tuple[NDArray[np.float32], NDArray[np.float32]]:
        """Decodes the prompts of B objects on an embedding of B inputs.

        Args:
            levels: Output of ``embed``.
            prompts: Numpy arrays, from ``prompting.crop_prompts``.
            fine: Whether to compute the finest level.

        Returns:
            (B, 4, H / 2, W / 2) mask logits, H / 4 and W / 4 if not ``fine``, and (B, 4) predicted IoUs.
        """

    def concatenate(self, parts: Sequence[Levels]) -> Levels:
        """One embedding of the inputs of several."""

    def replica(self, threads: int) -> FlintRuntime:
        """Another one with the same weights, for another thread; see ``engine.protocols.Replicable``."""

    def count_gflops(self) -> float | None:
        """The GFLOPs of the encoder at 640 pixels; None if they cannot be counted."""

    def errors(self, what: str) -> AbstractContextManager[None]:
        """Translates errors to ``OutOfMemory`` and ``EngineError`` that name ``what``."""
