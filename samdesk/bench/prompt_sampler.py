"""Samples prompts on an image: reproducible from a seed, and never the same prompt twice.

An engine may cache results by position. So boxes and points go from object to object, each jittered against
the last one on the same object.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle

import numpy as np
from numpy.typing import NDArray

from samdesk.domain.geometry.types import FloatArray
from samdesk.domain.prompts import BoxPrompt, PointPrompt

MIN_OBJECTS = 12
"""Minimum number of objects before one is used again, jittered."""
BOX_BATCH = 32
_HOVER_STEPS = 4
_MIN_SIDE = 16.0
_BOX_JITTER = 0.03
_POINT_JITTER = 0.2


@dataclass(frozen=True)
class Interaction:
    """The prompts of one interaction: a box and its correction, a click, and a hover, on three objects.

    Attributes:
        box: Around the first object.
        correction: A point on it, given together with the box and the mask predicted from it.
        click: A point on the second object, without any other prompt.
        hover: The path of the mouse over the third object.
    """

    box: BoxPrompt
    correction: PointPrompt
    click: PointPrompt
    hover: tuple[PointPrompt, ...]


@dataclass(frozen=True, eq=False)
class SampledPrompts:
    """Prompts for one encoded image.

    Attributes:
        interactions: In order.
        boxes: (N, 4) xyxy in image pixels, predicted as one batch.
    """

    interactions: tuple[Interaction, ...]
    boxes: FloatArray


class PromptSampler:
    """Samples prompts for one image."""

    def __init__(self, found: FloatArray, image_hw: tuple[int, int], seed: int) -> None:
        """Creates a sampler.

        Args:
            found: (N, 4) boxes of objects, xyxy; random ones are added up to ``MIN_OBJECTS``.
            image_hw: Height and width of the image, pixels.
            seed: Random seed.
        """
        self._image_hw = image_hw
        self._random = np.random.default_rng(seed)
        size = np.minimum(found[:, 2] - found[:, 0], found[:, 3] - found[:, 1])
        objects = [*found[size >= _MIN_SIDE]]
        objects += [self._random_box() for _ in range(MIN_OBJECTS - len(objects))]
        self._objects: Iterator[NDArray[np.float64]] = cycle(objects)

    def sample(self, interactions: int, boxes: int = BOX_BATCH) -> SampledPrompts:
        """Samples this number of interactions, and a batch of ``boxes`` boxes."""
        return SampledPrompts(
            tuple(self._gesture() for _ in range(interactions)),
            np.array([self._next_box() for _ in range(boxes)], np.float64),
        )

    def _gesture(self) -> Interaction:
        box = self._next_box()
        return Interaction(
            BoxPrompt(*map(float, box)),
            self._point_in(box),
            self._point_in(self._next_box()),
            self._hover_path(),
        )

    def _hover_path(self) -> tuple[PointPrompt, ...]:
        """A straight path over an object, in steps of up to 4 % of its size."""
        box = self._next_box()
        start = self._point_in(box)
        step_x, step_y = (box[2:] - box[:2]) * self._random.uniform(-0.04, 0.04, 2)
        return tuple(PointPrompt(*self._inside_image(start.x + i * step_x, start.y + i * step_y))
                     for i in range(_HOVER_STEPS))  # fmt: skip

    def _next_box(self) -> NDArray[np.float64]:
        """The next object's box, jittered."""
        box = np.asarray(next(self._objects), np.float64)
        size = np.tile(box[2:] - box[:2], 2)
        return self._clip(box + size * self._random.uniform(-_BOX_JITTER, _BOX_JITTER, 4))

    def _point_in(self, box: NDArray[np.float64]) -> PointPrompt:
        """A random point near the centre of a box."""
        middle, size = (box[:2] + box[2:]) / 2, box[2:] - box[:2]
        return PointPrompt(
            *self._inside_image(*(middle + size * self._random.uniform(-_POINT_JITTER, _POINT_JITTER, 2)))
        )

    def _inside_image(self, x: float, y: float) -> tuple[float, float]:
        height, width = self._image_hw
        return float(np.clip(x, 0.5, width - 0.5)), float(np.clip(y, 0.5, height - 0.5))

    def _random_box(self) -> NDArray[np.float64]:
        """A random box with sides of 10 to 50 % of the image's."""
        size = np.array(self._image_hw[::-1]) * self._random.uniform(0.1, 0.5, 2)
        corner = (np.array(self._image_hw[::-1]) - size) * self._random.uniform(0, 1, 2)
        return np.concatenate([corner, corner + size])

    def _clip(self, box: NDArray[np.float64]) -> NDArray[np.float64]:
        height, width = self._image_hw
        return np.clip(box, 0.0, [width, height, width, height])
