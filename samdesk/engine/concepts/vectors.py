"""Vectors of concepts: each text and exemplar is encoded once, the exemplars of an image together."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from samdesk.base.jobs import Pause, no_pause
from samdesk.domain.geometry.types import RgbImage
from samdesk.engine.concepts.cache import VectorCache, exemplar_key, text_key
from samdesk.engine.concepts.concept import Concept, Exemplar
from samdesk.engine.protocols import EngineError

Box: TypeAlias = tuple[float, float, float, float]
"""x0, y0, x1, y1, image pixels."""


class PromptEncoder(Protocol):
    """A network that makes vectors of prompts."""

    @property
    def width(self) -> int:
        """The length of a vector."""

    def encode_texts(self, texts: Sequence[str]) -> NDArray[np.float32]:
        """(N, width) vectors of N texts. Raises ``EngineError``."""

    def encode_exemplars(
        self, image: RgbImage, boxes: Sequence[Box], *, pause: Pause = no_pause
    ) -> NDArray[np.float32]:
        """(N, width) vectors of N boxes on an image. Raises ``EngineError``; ``Cancelled`` by ``pause``."""


@dataclass(frozen=True, eq=False)
class ConceptVectors:
    """The prompts of some concepts.

    Attributes:
        vectors: (P, width) float32, one for each prompt.
        label_of: For each prompt, the index of its concept; ascending.
    """

    vectors: NDArray[np.float32]
    label_of: tuple[int, ...]


def encode_concepts(
    concepts: Sequence[Concept], encoder: PromptEncoder, cache: VectorCache, *, pause: Pause = no_pause
) -> ConceptVectors:
    """Makes the vectors of concepts, from the cache where they are there.

    Raises:
        EngineError: There is no concept, or one without a prompt; two have one label; a prompt cannot be
            encoded.
        Cancelled: Raised by ``pause``.
    """
    check_concepts(concepts)
    texts = _texts([text for concept in concepts for text in _words(concept)], encoder, cache)
    pause()
    exemplars = _exemplars([e for concept in concepts for e in concept.exemplars], encoder, cache, pause)
    vectors: list[NDArray[np.float32]] = []
    label_of: list[int] = []
    for i, concept in enumerate(concepts):
        own = [*(texts[text] for text in _words(concept)), *(exemplars[_place(e)] for e in concept.exemplars)]
        vectors += own
        label_of += [i] * len(own)
    return ConceptVectors(np.stack(vectors), tuple(label_of))


def check_concepts(concepts: Sequence[Concept]) -> None:
    """Raises ``EngineError`` if there is no concept, or one that cannot be looked for."""
    if not concepts:
        raise EngineError(
            "There is nothing to find.", next="Choose at least one label with words or an example."
        )
    labels: set[str] = set()
    for concept in concepts:
        if not concept.label.strip():
            raise EngineError("A label to find has no name.", next="Name it.")
        if concept.label in labels:
            raise EngineError(
                f"The label {concept.label!r} is to be found twice.",
                next="Put its words and examples together.",
            )
        labels.add(concept.label)
        if not _words(concept) and not concept.exemplars:
            raise EngineError(
                f"There is nothing to find {concept.label!r} by: it has neither words nor examples.",
                next="Write words for it, or accept an object of this label as an example.",
            )


def _words(concept: Concept) -> list[str]:
    """The texts of a concept, each once."""
    cleaned = (" ".join(text.split()) for text in concept.texts)
    return list(dict.fromkeys(text for text in cleaned if text))


def _texts(
    texts: Sequence[str], encoder: PromptEncoder, cache: VectorCache
) -> Mapping[str, NDArray[np.float32]]:
    unique = dict.fromkeys(texts)
    found = {
        text: vector for text in unique if (vector := cache.get(text_key(text), encoder.width)) is not None
    }
    missing = [text for text in unique if text not in found]
    if missing:
        for text, vector in zip(missing, encoder.encode_texts(missing), strict=True):
            cache.put(text_key(text), vector)
            found[text] = vector
    return found


def _exemplars(
    exemplars: Sequence[Exemplar], encoder: PromptEncoder, cache: VectorCache, pause: Pause
) -> Mapping[_Place, NDArray[np.float32]]:
    unique = {_place(e): e for e in exemplars}
    found: dict[_Place, NDArray[np.float32]] = {}
    by_image: dict[object, list[Exemplar]] = {}
    for place, e in unique.items():
        vector = cache.get(exemplar_key(e), encoder.width)
        if vector is None:
            by_image.setdefault(place[0], []).append(e)
        else:
            found[place] = vector
    for together in by_image.values():
        pause()
        image = together[0].image.read()
        vectors = encoder.encode_exemplars(image, [e.box for e in together], pause=pause)
        for e, vector in zip(together, vectors, strict=True):
            cache.put(exemplar_key(e), vector)
            found[_place(e)] = vector
    return found


_Place: TypeAlias = tuple[object, Box]


def _place(exemplar: Exemplar) -> _Place:
    """Where an exemplar is: the content of its image, or the image itself, and its box."""
    return exemplar.image.content or exemplar.image, exemplar.box
