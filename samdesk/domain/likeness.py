"""Orders things by how alike their features are."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

_FEW = 3
_ROUNDS = 8


def by_likeness(
    features: NDArray[np.float32], reference: NDArray[np.float32] | None = None
) -> NDArray[np.int64]:
    """Returns an order in which like things stand side by side.

    Args:
        features: (N, D) vectors of length 1.
        reference: (M, D) features of the things to begin with: the others follow, the most alike first. None:
            the features are divided along their axis of largest variance, and each half again, so that
            neighbours in the order are alike; which end comes first means nothing.

    Returns:
        (N,) indices. The same input gives the same order.
    """
    if reference is not None and len(reference):
        mean = reference.mean(axis=0)
        return np.argsort(-(features @ mean), kind="stable").astype(np.int64)
    order = np.arange(len(features), dtype=np.int64)
    _divide(np.asarray(features, np.float32), order, 0, len(order))
    return order


def _divide(features: NDArray[np.float32], order: NDArray[np.int64], start: int, end: int) -> None:
    """Sorts a part of the order; the direction of each half is chosen to continue its neighbour."""
    parts = [(start, end)]
    while parts:
        low, high = parts.pop()
        if high - low <= _FEW:
            continue
        some = features[order[low:high]]
        centred = some - some.mean(axis=0)
        along = centred @ _axis(centred)
        if np.ptp(along) <= 0:
            continue
        if low > 0:  # begins at the end that is nearer to what stands before
            before = features[order[low - 1]]
            lowest, highest = some[along.argmin()], some[along.argmax()]
            if before @ highest > before @ lowest:
                along = -along
        order[low:high] = order[low:high][np.argsort(along, kind="stable")]
        middle = (low + high) // 2
        parts += [(middle, high), (low, middle)]


def _axis(centred: NDArray[np.float32]) -> NDArray[np.float32]:
    """The direction of the largest variance, by power iteration."""
    axis = centred[np.abs(centred).sum(axis=1).argmax()]
    for _ in range(_ROUNDS):
        longer = centred.T @ (centred @ axis)
        length = float(np.linalg.norm(longer))
        if length <= 0:
            break
        axis = longer / length
    return np.asarray(axis, np.float32)
