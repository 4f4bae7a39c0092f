"""samdesk's side of the comparison: its predictor at one precision, with outlines as in the window."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

from samdesk.bench.seeded import Checkpoint
from samdesk.bench.versus.images import BenchImage
from samdesk.bench.versus.shapes import Shapes
from samdesk.bench.versus.timing import Clock, Timing
from samdesk.domain.geometry.types import FloatArray
from samdesk.domain.prompts import MaskCandidate, PromptSet
from samdesk.engine.embedding import Embedding
from samdesk.engine.models.load import load_predictor
from samdesk.engine.protocols import Predictor

CANDIDATES = 3
"""Masks per click, on either side."""


class SamdeskSide:
    """samdesk's predictor, with the masks converted to regions as in the window.

    With random weights, the masks' logits are replaced by those of ``shapes`` outside the timed part.
    """

    def __init__(self, predictor: Predictor, random: bool, shapes: Shapes) -> None:
        self.predictor = predictor
        self._random = random
        self._shapes = shapes
        self._embeddings: dict[str, Embedding] = {}

    @classmethod
    def load(cls, checkpoint: Checkpoint, device: str, precision: str, shapes: Shapes) -> SamdeskSide:
        """Loads the predictor; raises ``EngineError``."""
        return cls(load_predictor(checkpoint.source, device, precision), checkpoint.random, shapes)

    @property
    def device(self) -> str:
        """Device of the predictor."""
        return self.predictor.info.device

    def embedding(self, image: BenchImage) -> Embedding:
        """Returns the image's embedding; encodes it on the first call."""
        if image.name not in self._embeddings:
            self._embeddings[image.name] = self.predictor.encode(image.rgb)
        return self._embeddings[image.name]

    def clear(self) -> None:
        """Discards all embeddings."""
        self._embeddings.clear()

    def encode(self, image: BenchImage) -> Timing:
        """Times preprocessing and the image encoder."""
        with Clock(self.device) as clock:
            self.predictor.encode(image.rgb)
        return Timing(clock.ms)

    def first_mask(self, image: BenchImage, prompts: PromptSet, turn: int) -> Timing:
        """Times encoder, decoder and outlines."""
        with Clock(self.device) as clock:
            embedding = self.predictor.encode(image.rgb)
        return _add_encode(clock.ms, self.mask(embedding, prompts, turn))

    def mask(self, embedding: Embedding, prompts: PromptSet, turn: int, outlines: int = CANDIDATES) -> Timing:
        """Times a prediction of three candidates and the outlines of the first ``outlines`` of them."""
        with Clock(self.device) as network:
            found = self.predictor.predict(embedding, prompts)
        return self._with_outlines(network.ms, found[:outlines], turn)

    def boxes(self, embedding: Embedding, corners: FloatArray, turn: int) -> Timing:
        """Times N masks and their outlines from (N, 4) boxes, xyxy in image pixels."""
        with Clock(self.device) as network:
            found = self.predictor.predict_boxes(embedding, corners)
        return self._with_outlines(network.ms, found, turn)

    def decoder(self, embedding: Embedding, prompts: PromptSet) -> Timing:
        """Times ``predict`` alone."""
        with Clock(self.device) as network:
            self.predictor.predict(embedding, prompts)
        return Timing(network.ms, network.ms)

    def _with_outlines(self, network_ms: float, found: Sequence[MaskCandidate], turn: int) -> Timing:
        shown = self.plausible(found, turn)
        with Clock("cpu") as outlines:
            for candidate in shown:
                candidate.region()
        return Timing(network_ms + outlines.ms, network_ms)

    def plausible(self, found: Sequence[MaskCandidate], turn: int) -> list[MaskCandidate]:
        """Returns candidates with outlines like a trained network's; the same ones if it is trained."""
        if not self._random or not found:
            return list(found)
        logits = self._shapes.some(turn * CANDIDATES, len(found), found[0].frame, found[0].image_hw)
        return [replace(candidate, logits=shape) for candidate, shape in zip(found, logits, strict=True)]


def _add_encode(encode_ms: float, timing: Timing) -> Timing:
    """Adds the encoder's time to that of the rest."""
    return Timing(encode_ms + timing.ms, encode_ms + (timing.network_ms or 0.0))
