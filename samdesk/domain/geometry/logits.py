"""Where a mask lies in the image, read from its low-resolution logits."""

from __future__ import annotations

from typing import TypeAlias

import numpy as np

from samdesk.domain.geometry.types import FloatArray, Frame

Bounds: TypeAlias = tuple[float, float, float, float]
"""x0, y0, x1, y1 in image pixels."""


def bounds(logits: FloatArray, frame: Frame) -> Bounds | None:
    """The bounds of a mask, or None where it is empty.

    Args:
        logits: (h, w) over ``frame``; above 0 is object.
        frame: What they cover.
    """
    drawn = logits > 0
    rows, columns = np.flatnonzero(drawn.any(axis=1)), np.flatnonzero(drawn.any(axis=0))
    if not len(rows):
        return None
    across, down = frame.width / logits.shape[1], frame.height / logits.shape[0]
    return (
        frame.x0 + float(columns[0]) * across,
        frame.y0 + float(rows[0]) * down,
        frame.x0 + float(columns[-1] + 1) * across,
        frame.y0 + float(rows[-1] + 1) * down,
    )
