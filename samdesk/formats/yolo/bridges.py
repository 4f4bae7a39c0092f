"""Zero-width bridges: joins several rings into one, and splits it again."""

from __future__ import annotations

from itertools import pairwise
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

Ring: TypeAlias = NDArray[np.float64]
"""(N, 2) x and y, open."""


def join_rings(rings: list[Ring]) -> Ring:
    """Joins rings into one, each connected to its nearest neighbour by a bridge.

    The bridges form a minimum spanning tree from vertex to vertex; the result depends on the rings and
    their order only.
    """
    if len(rings) == 1:
        return rings[0]
    points = np.vstack(rings)
    starts = np.concatenate([[0], np.cumsum([len(ring) for ring in rings])])
    children = _spanning_tree(points, starts)
    order = _walk(starts, children)
    walked = points[order]
    repeats = np.all(walked == np.roll(walked, 1, axis=0), axis=1)  # bridges of no length
    joined: Ring = walked[~repeats]
    return joined


def _spanning_tree(points: Ring, starts: NDArray[np.int64]) -> dict[int, list[int]]:
    """For each vertex, the vertices of other rings bridged to it; grown from the first ring (Prim)."""
    owner = np.repeat(np.arange(len(starts) - 1), np.diff(starts))
    distance = np.full(len(points), np.inf)
    nearest = np.zeros(len(points), dtype=np.int64)
    outside = np.ones(len(points), dtype=np.bool_)
    children: dict[int, list[int]] = {}
    ring = 0
    for _ in range(len(starts) - 2):
        outside[starts[ring] : starts[ring + 1]] = False
        _update_nearest(points, range(int(starts[ring]), int(starts[ring + 1])), outside, distance, nearest)
        at = int(np.argmin(np.where(outside, distance, np.inf)))
        children.setdefault(int(nearest[at]), []).append(at)
        ring = int(owner[at])
    return children


def _update_nearest(
    points: Ring,
    joined: range,
    outside: NDArray[np.bool_],
    distance: NDArray[np.float64],
    nearest: NDArray[np.int64],
) -> None:
    """Updates the nearest tree vertex of every outside vertex after a ring has joined the tree."""
    left = np.flatnonzero(outside)
    for chunk in np.array_split(left, max(1, len(left) * len(joined) // 1_000_000)):
        dx = points[chunk, None, 0] - points[None, joined.start : joined.stop, 0]
        dy = points[chunk, None, 1] - points[None, joined.start : joined.stop, 1]
        squared = dx * dx + dy * dy
        best = np.argmin(squared, axis=1)
        found = squared[np.arange(len(chunk)), best]
        closer = found < distance[chunk]
        distance[chunk[closer]] = found[closer]
        nearest[chunk[closer]] = best[closer] + joined.start


def _walk(starts: NDArray[np.int64], children: dict[int, list[int]]) -> list[int]:
    """Vertex indices of the joined ring: at each vertex its bridges first, each traversed both ways."""
    ends = dict(pairwise(starts.tolist()))
    ring_start = np.repeat(starts[:-1], np.diff(starts))

    def tour(entry: int) -> list[int]:
        first = int(ring_start[entry])
        return [*range(entry, ends[first]), *range(first, entry)]

    order: list[int] = []
    # A stack of (vertex to emit, whether its bridges are still to be walked).
    todo = [(v, True) for v in reversed(tour(0))]
    while todo:
        vertex, fresh = todo.pop()
        order.append(vertex)
        if not fresh:
            continue
        for child in reversed(children.get(vertex, [])):
            todo.append((vertex, False))
            ring = tour(child)
            todo.append((child, False))
            todo += [(v, True) for v in reversed(ring)]
    return order


def split_ring(ring: Ring) -> list[Ring]:
    """Splits a ring at its bridges: removes edges that are traversed in both directions.

    Spikes are removed too. Rings with fewer than three distinct points are dropped.
    """
    points = [(float(x), float(y)) for x, y in ring]
    points = [p for i, p in enumerate(points) if p != points[i - 1]]
    if len(points) < 3:
        return []
    found: list[list[tuple[float, float]]] = []
    path = [points[0]]
    edges: dict[tuple[tuple[float, float], tuple[float, float]], list[int]] = {}
    for target in [*points[1:], points[0]]:
        here = path[-1]
        back = edges.get((target, here))
        if back:
            # Walked from ``target`` to ``here`` before: everything since then is a ring attached there.
            start = back[-1] + 1
            found.append(path[start:-1] if len(path) - start > 1 else [])
            _truncate(path, edges, start)
            continue
        edges.setdefault((here, target), []).append(len(path) - 1)
        path.append(target)
    found.append(path[:-1])
    return [np.array(r) for r in found if len(set(r)) >= 3]


def _truncate(
    path: list[tuple[float, float]],
    edges: dict[tuple[tuple[float, float], tuple[float, float]], list[int]],
    start: int,
) -> None:
    """Truncates the path to the vertex before ``start``."""
    for i in range(start - 1, len(path) - 1):
        edges[(path[i], path[i + 1])].pop()
    del path[start:]
