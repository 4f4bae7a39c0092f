"""Which annotations are good examples of a label: large enough, whole, by themselves, and unlike each other.

Pure functions, the same for a dataset and for the images of an evaluation.
"""

from __future__ import annotations

from collections.abc import Hashable, Iterable, Iterator
from dataclasses import dataclass

import numpy as np

_LARGE_ENOUGH = 0.1
"""Shorter side as a share of the image's longer one, from which on an example gets no better."""
_TINY = 0.0125
"""Likewise, below which a network sees one cell of an object: 8 pixels of 640."""
_SMALL = 0.03
_CUT, _WHOLE_IMAGE, _SMALL_FACTOR = 0.1, 0.5, 0.3
"""What an example is worth that the border cuts, that fills its image, or that is small."""
_FILLS = 0.9
_NEAR = 0.02
"""Distance that every two images have at least, as a share of the dataset."""


@dataclass(frozen=True)
class Candidate:
    """An annotation that may become an example.

    Attributes:
        image: Its image.
        box: x0, y0, x1, y1, image pixels.
        size: Width and height of the image, pixels.
        place: Where the image is among the images, 0..1.
        cut: It touches the border of the image.
        overlap: The share of it, or of the other, that it has in common with another one of its label, 0..1.
        name: What it is, for the caller.
    """

    image: str
    box: tuple[float, float, float, float]
    size: tuple[int, int]
    place: float = 0.0
    cut: bool = False
    overlap: float = 0.0
    name: Hashable = ""

    @property
    def worth(self) -> float:
        """How good an example it is, 0..1; 0: it is none."""
        x0, y0, x1, y1 = self.box
        longer = max(*self.size, 1)
        share = min(x1 - x0, y1 - y0) / longer
        if share < _TINY:
            return 0.0
        worth = min(share / _LARGE_ENOUGH, 1.0) * (1.0 - min(max(self.overlap, 0.0), 1.0) / 2)
        if share < _SMALL:
            worth *= _SMALL_FACTOR
        if self.cut:
            worth *= _CUT
        fills = x1 - x0 > _FILLS * self.size[0] and y1 - y0 > _FILLS * self.size[1]
        return worth * (_WHOLE_IMAGE if fills else 1.0)


def chosen(candidates: Iterable[Candidate]) -> Iterator[Candidate]:
    """The examples, the best first: of different images as long as there are any, far from each other.

    Equally good ones keep their order. Images that follow one another show the same scene where they are
    frames of a video, so those that are far apart come first. Each takes time in proportion to the
    candidates.
    """
    left = sorted((c for c in candidates if c.worth > 0), key=lambda c: (-c.worth, c.place))
    worth, place = np.array([c.worth for c in left]), np.array([c.place for c in left])
    images = {name: number for number, name in enumerate(dict.fromkeys(c.image for c in left))}
    image = np.array([images[c.image] for c in left], dtype=np.int64)
    nearest, used, free = np.ones(len(left)), np.zeros(len(left)), np.ones(len(left), dtype=np.bool_)
    while free.any():
        least = free & (used == used[free].min())
        taken = int(np.argmax(np.where(least, worth * nearest, -1.0)))
        yield left[taken]
        free[taken] = False
        used[image == image[taken]] += 1
        nearest = np.minimum(nearest, np.maximum(np.abs(place - place[taken]), _NEAR))
