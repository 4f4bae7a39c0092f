"""CropFeatures: compares crops by the coarse levels of Flint's encoder."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray

from samdesk.base.cv import cv2
from samdesk.domain.geometry.types import RgbImage
from samdesk.engine.flint.runtime import FlintRuntime

SIDE = 160
"""Side of the encoder's input, pixels."""
_LEVELS = (2, 3)
_CHANNELS = (96, 128)


class CropFeatures:
    """Describes crops by the mean over their cells of the two coarsest levels of the encoder.

    The cosine of two features is 1 for equal crops. Used by one thread at a time.
    """

    length = sum(_CHANNELS)
    """The length of a feature."""

    def __init__(self, runtime: FlintRuntime) -> None:
        self._runtime = runtime

    def describe(self, crops: Sequence[RgbImage]) -> list[NDArray[np.float32]]:
        """Describes crops, (h, w, 3) uint8 RGB of any size.

        Returns:
            (length,) float32 vectors of length 1.

        Raises:
            EngineError: The network failed.
        """
        if not crops:
            return []
        size = (SIDE, SIDE)
        pixels = np.stack([cv2.resize(crop, size, interpolation=cv2.INTER_LINEAR) for crop in crops])
        with self._runtime.errors("Comparing annotations"):
            levels = self._runtime.embed(np.asarray(pixels, np.uint8))
        parts = [_unit(np.asarray(levels[i], np.float32).mean(axis=(2, 3))) for i in _LEVELS]
        return list(_unit(np.concatenate(parts, axis=1)))


def _unit(vectors: NDArray[np.float32]) -> NDArray[np.float32]:
    lengths = np.linalg.norm(vectors, axis=1, keepdims=True)
    return np.asarray(vectors / np.maximum(lengths, 1e-12), np.float32)


def load_crop_features() -> CropFeatures:
    """Loads Flint for comparing crops on the CPU.

    Raises:
        EngineError: Flint cannot be loaded.
    """
    from samdesk.engine.models.load import load_predictor

    predictor = load_predictor("flint", "cpu", "fp32")
    return CropFeatures(predictor.runtime)  # type: ignore[attr-defined]
