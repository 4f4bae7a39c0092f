"""What a hand does on a photo: the same for every engine, and nowhere twice.

An engine may remember where it has looked. So each first look is at a place of its own: boxes and clicks
are on objects by turns, each a little off from where the last one on that object was.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import cycle

import numpy as np
from numpy.typing import NDArray

from samdesk.domain.geometry.types import FloatArray
from samdesk.domain.prompts import BoxPrompt, PointPrompt

LEAST_OBJECTS = 12
"""So many boxes are gone through before one comes again, a little off."""
AT_ONCE = 32
_HOVER_STEPS = 4
_LEAST_SIDE = 16.0
_OFF = 0.03
_HAND = 0.2


@dataclass(frozen=True)
class Gesture:
    """One object boxed and corrected, one clicked, one hovered over.

    Attributes:
        box: Around the first.
        correction: A click on it, given with the mask that the box made.
        click: On the second, with nothing before it.
        hover: Where the mouse goes over the third.
    """

    box: BoxPrompt
    correction: PointPrompt
    click: PointPrompt
    hover: tuple[PointPrompt, ...]


@dataclass(frozen=True, eq=False)
class Script:
    """What is done on one photo once it is encoded.

    Attributes:
        gestures: One after the other.
        boxes: (N, 4) xyxy, asked for at once.
    """

    gestures: tuple[Gesture, ...]
    boxes: FloatArray


class Hand:
    """Writes scripts for one photo."""

    def __init__(self, found: FloatArray, image_hw: tuple[int, int], seed: int) -> None:
        """Knows where objects are.

        Args:
            found: (N, 4) boxes of objects, xyxy; random ones are added to make ``LEAST_OBJECTS``.
            image_hw: Height and width of the photo, pixels.
            seed: Of all that is random.
        """
        self._image_hw = image_hw
        self._random = np.random.default_rng(seed)
        size = np.minimum(found[:, 2] - found[:, 0], found[:, 3] - found[:, 1])
        objects = [*found[size >= _LEAST_SIDE]]
        objects += [self._anywhere() for _ in range(LEAST_OBJECTS - len(objects))]
        self._objects: Iterator[NDArray[np.float64]] = cycle(objects)

    def script(self, gestures: int, boxes: int = AT_ONCE) -> Script:
        """A new script with so many gestures, and so many boxes at once."""
        return Script(
            tuple(self._gesture() for _ in range(gestures)),
            np.array([self._box() for _ in range(boxes)], np.float64),
        )

    def _gesture(self) -> Gesture:
        box = self._box()
        return Gesture(BoxPrompt(*map(float, box)), self._on(box), self._on(self._box()), self._path())

    def _path(self) -> tuple[PointPrompt, ...]:
        """A mouse on its way over an object, some hundredths of its size at a time."""
        box = self._box()
        start = self._on(box)
        step_x, step_y = (box[2:] - box[:2]) * self._random.uniform(-0.04, 0.04, 2)
        return tuple(PointPrompt(*self._within(start.x + i * step_x, start.y + i * step_y))
                     for i in range(_HOVER_STEPS))  # fmt: skip

    def _box(self) -> NDArray[np.float64]:
        """The next object's box, a little off."""
        box = np.asarray(next(self._objects), np.float64)
        size = np.tile(box[2:] - box[:2], 2)
        return self._clipped(box + size * self._random.uniform(-_OFF, _OFF, 4))

    def _on(self, box: NDArray[np.float64]) -> PointPrompt:
        """A place about the middle of a box."""
        middle, size = (box[:2] + box[2:]) / 2, box[2:] - box[:2]
        return PointPrompt(*self._within(*(middle + size * self._random.uniform(-_HAND, _HAND, 2))))

    def _within(self, x: float, y: float) -> tuple[float, float]:
        height, width = self._image_hw
        return float(np.clip(x, 0.5, width - 0.5)), float(np.clip(y, 0.5, height - 0.5))

    def _anywhere(self) -> NDArray[np.float64]:
        """A box of a tenth to half of the photo."""
        size = np.array(self._image_hw[::-1]) * self._random.uniform(0.1, 0.5, 2)
        corner = (np.array(self._image_hw[::-1]) - size) * self._random.uniform(0, 1, 2)
        return np.concatenate([corner, corner + size])

    def _clipped(self, box: NDArray[np.float64]) -> NDArray[np.float64]:
        height, width = self._image_hw
        return np.clip(box, 0.0, [width, height, width, height])
