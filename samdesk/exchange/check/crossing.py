"""Finds outlines that cross themselves, as they are in a label file."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import Polygon

_EDGES_AT_ONCE = 1000
_MOST_EDGES = 100_000
"""Longer outlines are taken for crossing none: samdesk paints them anyway."""


def crossing_rings(rings: Sequence[NDArray[np.float64]]) -> list[bool]:
    """Returns ``crosses_itself`` of each ring; the many that are valid are found at once."""
    fit = [i for i, ring in enumerate(rings) if 4 <= len(ring) <= _MOST_EDGES]
    crossing = [False] * len(rings)
    if fit:
        counts = [len(rings[i]) for i in fit]
        lines = shapely.linearrings(
            np.concatenate([rings[i] for i in fit]), indices=np.repeat(np.arange(len(fit)), counts)
        )
        for i, is_valid in zip(fit, shapely.is_valid(shapely.polygons(lines)).tolist(), strict=True):
            crossing[i] = not is_valid and crosses_itself(rings[i])
    return crossing


def crosses_itself(ring: NDArray[np.float64]) -> bool:
    """Whether two edges of a ring cross inside both.

    Edges that only touch or lie on one another do not count: so holes and parts are joined to one outline.

    Args:
        ring: (N, 2) x and y, open or closed.
    """
    if not 4 <= len(ring) <= _MOST_EDGES or shapely.is_valid(Polygon(ring)):
        return False
    ends = np.stack([ring, np.roll(ring, -1, axis=0)], axis=1)
    edges = shapely.linestrings(ends[(ends[:, 0] != ends[:, 1]).any(axis=1)])
    tree = shapely.STRtree(edges)
    return any(
        tree.query(edges[start : start + _EDGES_AT_ONCE], predicate="crosses").size
        for start in range(0, len(edges), _EDGES_AT_ONCE)
    )
