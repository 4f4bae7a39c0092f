"""A predictor that runs a network with random weights and returns masks like those of a trained one.

The masks of random weights are noise whose outlines have tens of thousands of vertices, which would dominate
everything measured after the decoder (contouring, painting, saving).
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import replace
from functools import lru_cache
from typing import Protocol, runtime_checkable

import numpy as np
from numpy.typing import NDArray

from samdesk.base.jobs import Pause, no_pause
from samdesk.domain.geometry.cells import LOGITS_SIDE
from samdesk.domain.geometry.types import FloatArray, Frame, RgbImage
from samdesk.domain.prompts import BoxPrompt, MaskCandidate, PromptSet
from samdesk.engine.embedding import Embedding
from samdesk.engine.models.load import load_predictor
from samdesk.engine.protocols import (
    EngineError,
    ModelInfo,
    Predictor,
    Replicable,
    Storable,
    predict_each_point,
)

_RADIUS = 0.12
"""Radius of the blob around a point, relative to the frame's side."""


@runtime_checkable
class StorablePredictor(Predictor, Storable, Protocol):
    """A predictor whose embeddings can be stored on disk."""


class PlausiblePredictor:
    """Runs the network and replaces its masks by a blob around each prompt."""

    def __init__(self, network: StorablePredictor) -> None:
        self._network = network

    @property
    def info(self) -> ModelInfo:
        """The network's."""
        return self._network.info

    @property
    def network(self) -> StorablePredictor:
        """The predictor whose masks are replaced."""
        return self._network

    def replica(self, threads: int) -> PlausiblePredictor:
        """Around a replica of the network. Raises ``EngineError`` if it has none."""
        if not isinstance(self._network, Replicable):
            raise EngineError(f"{self.info.title} cannot be used by several threads.")
        network = self._network.replica(threads)
        assert isinstance(network, StorablePredictor)
        return PlausiblePredictor(network)

    def encode(self, image: RgbImage, *, view: Frame | None = None, pause: Pause = no_pause) -> Embedding:
        """As the network does."""
        return self._network.encode(image, view=view, pause=pause)

    def predict(
        self, embedding: Embedding, prompts: PromptSet, *, multimask: bool = True
    ) -> list[MaskCandidate]:
        """Runs the network's ``predict`` and replaces the logits of its candidates."""
        found = self._network.predict(embedding, prompts, multimask=multimask)
        side = embedding.frame.side
        if prompts.box is not None:
            cx, cy, rx, ry = _ellipse(prompts.box)
        else:
            cx, cy, rx, ry = prompts.points[-1].x, prompts.points[-1].y, side * _RADIUS, side * _RADIUS
        return [
            replace(c, logits=_blob(c.frame.side, cx, cy, rx / (1 + i / 2), ry / (1 + i / 2)), stability=1.0)
            for i, c in enumerate(found)
        ]

    def predict_boxes(self, embedding: Embedding, boxes: FloatArray) -> list[MaskCandidate]:
        """Runs the network's ``predict_boxes`` and replaces the logits of its candidates."""
        found = self._network.predict_boxes(embedding, boxes)
        return [
            replace(c, logits=_blob(c.frame.side, *_ellipse(BoxPrompt(*map(float, box)))), stability=1.0)
            for c, box in zip(found, boxes, strict=True)
        ]

    def predict_points(self, embedding: Embedding, points: FloatArray) -> Iterator[list[MaskCandidate]]:
        """Calls ``predict`` for each point."""
        return predict_each_point(self, embedding, points)

    def to_arrays(self, embedding: Embedding) -> tuple[NDArray[np.float16], ...]:
        """As the network does."""
        return self._network.to_arrays(embedding)

    def from_arrays(
        self, arrays: Sequence[NDArray[np.float16]], image_hw: tuple[int, int], frame: Frame
    ) -> Embedding:
        """As the network does."""
        return self._network.from_arrays(arrays, image_hw, frame)


def load_plausible(name: str, device: str = "", precision: str = "auto") -> PlausiblePredictor:
    """Loads a SAM model as ``load_predictor`` does.

    Raises:
        EngineError: There is no such model, or its embeddings cannot be stored.
    """
    network = load_predictor(name, device, precision)
    if not isinstance(network, StorablePredictor):
        raise EngineError(f"Masks can only be replaced for SAM models, not for {network.info.title}.")
    return PlausiblePredictor(network)


def ellipse_logits(side: float, box: FloatArray) -> FloatArray:
    """Returns the (256, 256) float32 logits that replace the mask of a box, over a frame at the origin.

    Args:
        side: Of the frame, image pixels.
        box: (4,) xyxy, image pixels.
    """
    return _blob(side, *_ellipse(BoxPrompt(*map(float, box))))


def _ellipse(box: BoxPrompt) -> tuple[float, float, float, float]:
    width, height = max(box.x1 - box.x0, 2.0), max(box.y1 - box.y0, 2.0)
    return (box.x0 + box.x1) / 2, (box.y0 + box.y1) / 2, width / 2, height / 2


@lru_cache(maxsize=1024)
def _blob(side: float, cx: float, cy: float, rx: float, ry: float) -> FloatArray:
    """Returns (256, 256) float32 logits of an ellipse with a wavy edge; centre and radii in image pixels."""
    at = (np.arange(LOGITS_SIDE, dtype=np.float32) + 0.5) * np.float32(side / LOGITS_SIDE)
    dx, dy = (at[None, :] - cx) / rx, (at[:, None] - cy) / ry
    wave = 1 + 0.1 * np.sin(7 * np.arctan2(dy, dx)) + 0.04 * np.sin(23 * np.arctan2(dy, dx))
    return np.asarray(np.clip((wave - np.hypot(dx, dy)) * 20, -10, 10), dtype=np.float32)
