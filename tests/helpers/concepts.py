"""A model with an open vocabulary for drawn images (``make.photo``): it finds what has a colour."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from samdesk.base.jobs import Pause, no_pause
from samdesk.domain.geometry.regions import from_box
from samdesk.domain.geometry.types import RgbImage
from samdesk.engine.concepts.concept import Concept
from samdesk.engine.protocols import DetectedMask, Detection, EngineError, ModelInfo, TextsUnavailable
from tests.helpers.finding import ColourDetector

WORDS = {"red": 0, "red ellipse": 0, "blue": 2}
"""What it knows in words: the class of ``ColourDetector``."""


@dataclass(frozen=True)
class PromptedColours:
    """The red ellipse or the blue rectangle as one of the labels it was prompted with."""

    names: tuple[str, ...]
    wanted: tuple[frozenset[int], ...]
    device: str

    @property
    def info(self) -> ModelInfo:
        return ModelInfo("open.pt", "Open", self.device, self.device.upper(), "fp32")

    def detect(
        self, images: Sequence[RgbImage], *, classes: Sequence[int] | None = None, **more: Any
    ) -> list[list[Detection]]:
        return [
            [
                Detection(d.x0, d.y0, d.x1, d.y1, d.score, label)
                for d in one
                for label, colours in enumerate(self.wanted)
                if d.class_id in colours and (classes is None or label in classes)
            ]
            for one in ColourDetector(self.device).detect(images, **more)
        ]

    def segment(self, images: Sequence[RgbImage], **more: Any) -> list[list[DetectedMask]]:
        return [
            [DetectedMask(d, from_box(d.x0 + 1, d.y0 + 1, d.x1 - 1, d.y1 - 1), 0.9) for d in one]
            for one in self.detect(images, **more)
        ]


@dataclass(frozen=True)
class ColourConcepts:
    """Understands the words of ``WORDS``, and examples by the colour in their middle.

    Attributes:
        device: Where it is.
        texts: Whether it can be prompted with words.
        asked: The concepts of each call.
    """

    device: str = "cpu"
    texts: bool = True
    asked: list[tuple[Concept, ...]] = field(default_factory=list)

    @property
    def info(self) -> ModelInfo:
        return ModelInfo("open.pt", "Open", self.device, self.device.upper(), "fp32")

    def find(self, concepts: Sequence[Concept], *, pause: Pause = no_pause) -> PromptedColours:
        self.asked.append(tuple(concepts))
        if any(c.texts for c in concepts) and not self.texts:
            raise TextsUnavailable("Words need the file words.ts, which is not on this machine.")
        assert all(c.texts or c.exemplars for c in concepts)
        wanted = [self._wanted(concept, pause) for concept in concepts]
        return PromptedColours(tuple(c.label for c in concepts), tuple(wanted), self.device)

    def _wanted(self, concept: Concept, pause: Pause) -> frozenset[int]:
        found = {WORDS[text] for text in concept.texts if text in WORDS}
        for exemplar in concept.exemplars:
            pause()
            try:
                pixels = exemplar.image.read()
            except Exception as error:
                raise EngineError(f"An example cannot be read: {error}") from error
            x0, y0, x1, y1 = exemplar.box
            red, _, blue = np.asarray(pixels[int(y0 + y1) // 2, int(x0 + x1) // 2], dtype=int).tolist()
            found.add(0 if red > blue else 2)
        return frozenset(found)
