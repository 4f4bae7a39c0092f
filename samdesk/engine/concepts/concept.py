"""Concepts: what a detector with an open vocabulary is to find, by words and by examples."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from samdesk.domain.geometry.types import RgbImage


@dataclass(frozen=True)
class ExemplarImage:
    """An image with exemplars on it.

    Attributes:
        name: For messages.
        content: Hash of the file's content; vectors are cached by it. "": they are not cached.
        read: Reads the pixels, (H, W, 3) uint8 RGB; raises ``UserError``.
    """

    name: str
    content: str
    read: Callable[[], RgbImage]


@dataclass(frozen=True)
class Exemplar:
    """An object that shows what to look for: a visual prompt.

    Attributes:
        image: Where it is.
        box: x0, y0, x1, y1, image pixels.
    """

    image: ExemplarImage
    box: tuple[float, float, float, float]


@dataclass(frozen=True)
class Concept:
    """What is to be found under one label.

    Attributes:
        label: Name of the label; the class name of what is found.
        texts: Words for it ("a red apple"), each a prompt of its own.
        exemplars: Objects that look like it, each a prompt of its own.
    """

    label: str
    texts: tuple[str, ...] = ()
    exemplars: tuple[Exemplar, ...] = ()
