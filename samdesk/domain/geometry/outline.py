"""The pixel-exact outline of a mask."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from samdesk.base.cv import cv2
from samdesk.domain.geometry.types import BoolArray

Ring = list[tuple[int, int]]
"""Pixel corners as (x, y) along pixel edges; open."""

IntArray = NDArray[np.int64]


def mask_rings(mask: BoolArray) -> list[tuple[Ring, list[Ring]]]:
    """A shell and its holes for every 4-connected component of an (H, W) mask.

    A ring turns at every vertex. It may touch itself where two pixels meet diagonally.
    """
    if not mask.any():
        return []
    x, y, w, h = cv2.boundingRect(mask.astype(np.uint8))
    padded = np.pad(mask[y : y + h, x : x + w], 1)
    labels = cv2.connectedComponents(padded.astype(np.uint8), connectivity=4)[1]
    shells: dict[int, Ring] = {}
    holes: dict[int, list[Ring]] = {}
    for ring in _trace(padded):
        # A trace starts at its topmost vertex, going right or left along a horizontal edge.
        (cx, cy), (nx, _) = ring[0], ring[1]
        column = min(cx, nx)
        below, above = int(labels[cy, column]), int(labels[cy - 1, column])
        moved = [(int(px) + x - 1, int(py) + y - 1) for px, py in ring]
        if below:
            shells[below] = moved
        else:
            holes.setdefault(above, []).append(moved)
    return [(shell, holes.get(label, [])) for label, shell in shells.items()]


def corner_count(mask: BoolArray) -> int:
    """How many vertices the rings of an (H, W) mask have."""
    return len(_corners(np.pad(mask, 1))[0])


def _trace(padded: BoolArray) -> list[Ring]:
    """Closed rings around a mask padded with an empty border, each starting in its topmost row."""
    xs, ys, turned = _corners(padded)
    n = len(xs)
    rank = np.arange(n)
    across = np.empty(n, dtype=np.int64)
    by_row = np.lexsort((rank, xs, ys))
    across[by_row] = by_row[rank ^ 1]  # the vertices of a row pair up to horizontal edges
    down = np.empty(n, dtype=np.int64)
    by_column = np.lexsort((np.where(turned, -rank, rank), ys, xs))
    down[by_column] = by_column[rank ^ 1]
    return _cycles(xs.tolist(), ys.tolist(), across.tolist(), down.tolist())


def _corners(padded: BoolArray) -> tuple[IntArray, IntArray, BoolArray]:
    """Vertices where the outline turns, in row order; twice where two pixels meet diagonally.

    The third array marks diagonal meetings of the upper-right and lower-left pixel: there the
    vertical edges belong to the copies of the vertex the other way round.
    """
    tl, tr, bl, br = padded[:-1, :-1], padded[:-1, 1:], padded[1:, :-1], padded[1:, 1:]
    odd = tl ^ tr ^ bl ^ br
    diagonal = (tl == br) & (tr == bl) & (tl != tr)
    times = odd.astype(np.int64) + 2 * diagonal
    ys, xs = np.nonzero(times)
    repeats = times[ys, xs]
    turned = (diagonal & tr)[ys, xs]
    return np.repeat(xs, repeats) + 1, np.repeat(ys, repeats) + 1, np.repeat(turned, repeats)


def _cycles(xs: list[int], ys: list[int], across: list[int], down: list[int]) -> list[Ring]:
    seen = [False] * len(xs)
    rings: list[Ring] = []
    for start in range(len(xs)):
        if seen[start]:
            continue
        ring: Ring = []
        at = start
        while not seen[at]:
            other = across[at]
            seen[at] = seen[other] = True
            ring += [(xs[at], ys[at]), (xs[other], ys[other])]
            at = down[other]
        rings.append(ring)
    return rings
