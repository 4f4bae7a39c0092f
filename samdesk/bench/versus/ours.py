"""samdesk's side: its predictor at one precision, and what the window makes of its answers."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from samdesk.bench.seeded import Checkpoint
from samdesk.bench.versus.contest import Clock, Timing
from samdesk.bench.versus.photos import Photo
from samdesk.bench.versus.shapes import Shapes
from samdesk.domain.geometry.types import FloatArray
from samdesk.domain.prompts import MaskCandidate, PromptSet
from samdesk.engine.embedding import Embedding
from samdesk.engine.models.load import load_predictor
from samdesk.engine.protocols import Predictor

CANDIDATES = 3
"""So many masks a click has, on either side."""


class Ours:
    """A predictor of samdesk's whose masks are outlined as the window does.

    With random weights the outlines are those of ``shapes``, whose logits take the place of the noise
    while no clock runs.
    """

    def __init__(self, predictor: Predictor, random: bool, shapes: Shapes) -> None:
        self.predictor = predictor
        self._random = random
        self._shapes = shapes
        self._embeddings: dict[str, Embedding] = {}

    @classmethod
    def load(cls, checkpoint: Checkpoint, device: str, precision: str, shapes: Shapes) -> Ours:
        """Raises ``EngineError``, in words."""
        return cls(load_predictor(checkpoint.source, device, precision), checkpoint.random, shapes)

    @property
    def device(self) -> str:
        """Where it runs."""
        return self.predictor.info.device

    def embedding(self, photo: Photo) -> Embedding:
        """The photo's embedding; only the first call takes long."""
        if photo.name not in self._embeddings:
            self._embeddings[photo.name] = self.predictor.encode(photo.rgb)
        return self._embeddings[photo.name]

    def forget(self) -> None:
        """Lets all embeddings go."""
        self._embeddings.clear()

    def encode(self, photo: Photo) -> Timing:
        """The image encoder with all before it."""
        with Clock(self.device) as clock:
            self.predictor.encode(photo.rgb)
        return Timing(clock.ms)

    def first_mask(self, photo: Photo, prompts: PromptSet, turn: int) -> Timing:
        """An image nobody has looked at: encoder, decoder, outlines."""
        with Clock(self.device) as clock:
            embedding = self.predictor.encode(photo.rgb)
        return _both(clock.ms, self.mask(embedding, prompts, turn))

    def mask(self, embedding: Embedding, prompts: PromptSet, turn: int, outlines: int = CANDIDATES) -> Timing:
        """From prompts to three candidates, and to the outlines of the first of them."""
        with Clock(self.device) as network:
            found = self.predictor.predict(embedding, prompts)
        return self._outlined(network.ms, found[:outlines], turn)

    def boxes(self, embedding: Embedding, corners: FloatArray, turn: int) -> Timing:
        """From (N, 4) boxes to N masks and their outlines."""
        with Clock(self.device) as network:
            found = self.predictor.predict_boxes(embedding, corners)
        return self._outlined(network.ms, found, turn)

    def decoder(self, embedding: Embedding, prompts: PromptSet) -> Timing:
        """From prompts to logits."""
        with Clock(self.device) as network:
            self.predictor.predict(embedding, prompts)
        return Timing(network.ms, network.ms)

    def _outlined(self, network_ms: float, found: Sequence[MaskCandidate], turn: int) -> Timing:
        shown = self.plausible(found, turn)
        with Clock("cpu") as outlines:
            for candidate in shown:
                candidate.region()
        return Timing(network_ms + outlines.ms, network_ms)

    def plausible(self, found: Sequence[MaskCandidate], turn: int) -> list[MaskCandidate]:
        """Candidates whose outlines are such as a trained network gives."""
        if not self._random or not found:
            return list(found)
        logits = self._shapes.some(turn * CANDIDATES, len(found), found[0].frame, found[0].image_hw)
        return [replace(candidate, logits=shape) for candidate, shape in zip(found, logits, strict=True)]


def _both(encode_ms: float, timing: Timing) -> Timing:
    """The times of an encoder and of what came after it."""
    return Timing(encode_ms + timing.ms, encode_ms + (timing.network_ms or 0.0))
