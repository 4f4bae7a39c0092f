"""What a method estimates: where each point of the source image is on the target image."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Protocol, TypeAlias

import numpy as np
from numpy.typing import NDArray

from samdesk.base.jobs import Pause
from samdesk.carry.pair import ImagePair
from samdesk.carry.sampling import sampled
from samdesk.domain.geometry.types import Region

Points: TypeAlias = NDArray[np.float64]
"""(N, 2) x, y in pixels of the working images, pixel centres at +0.5."""


class Move(Protocol):
    """Where the points of the source image are on the target image, in pixels of the working images."""

    def at(self, points: Points) -> Points:
        """(N, 2) points of the source as (N, 2) points of the target; they may lie outside of it."""


@dataclass(frozen=True, eq=False)
class MatrixMove:
    """One move for all points: similarity, affine map or homography.

    Attributes:
        matrix: (3, 3) float64, of homogeneous coordinates.
    """

    matrix: NDArray[np.float64]

    def at(self, points: Points) -> Points:
        """See ``Move.at``."""
        moved = np.hstack([points, np.ones((len(points), 1))]) @ self.matrix.T
        return np.asarray(moved[:, :2] / moved[:, 2:], dtype=np.float64)


@dataclass(frozen=True, eq=False)
class DenseMove:
    """A move of its own for each pixel; between their centres linear, outside the image that of its edge.

    Attributes:
        flow: (H, W, 2) float32, x and y to add.
    """

    flow: NDArray[np.float32]

    def at(self, points: Points) -> Points:
        """See ``Move.at``."""
        return np.asarray(points + sampled(self.flow, points), dtype=np.float64)


Candidates: TypeAlias = tuple[Move, ...]
"""The moves that a method proposes for one object; empty: it finds none."""

Estimate: TypeAlias = Callable[[ImagePair, Sequence[Region], Pause], Sequence[Candidates]]
"""Estimates the moves of objects, given as regions in working pixels of the source, one answer for each."""
