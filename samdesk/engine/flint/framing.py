"""Where to look: squares around boxes, clicks and masks. All in image pixels."""

from __future__ import annotations

import numpy as np

from samdesk.domain.geometry import FloatArray, Frame
from samdesk.domain.prompts import PromptSet
from samdesk.engine.flint.looks import square

Bounds = tuple[float, float, float, float]
"""x0, y0, x1, y1."""
ROOM = 1.5
"""Side of a close look, as a multiple of the longer side of what it is about."""
LEAST_SIDE = 24.0
_SMALLEST, _LARGEST = 0.25, 0.95
"""What a look may be about, as a share of its side, before another look is taken."""


def around(x0: float, y0: float, x1: float, y1: float) -> Frame:
    """The close look at what lies between two corners."""
    side = max(LEAST_SIDE, ROOM * max(x1 - x0, y1 - y0))
    return square((x0 + x1 - side) / 2, (y0 + y1 - side) / 2, side)


def around_box(prompts: PromptSet) -> Frame:
    """The close look at a box and its clicks."""
    assert prompts.box is not None
    x0, y0, x1, y1 = prompts.box.xyxy
    return around(*with_points((min(x0, x1), min(y0, y1), max(x0, x1), max(y0, y1)), prompts))


def around_mask(found: Bounds, prompts: PromptSet) -> Frame:
    """The close look at a mask's bounds and the clicks on the object."""
    return around(*with_points(found, prompts))


def with_points(found: Bounds, prompts: PromptSet) -> Bounds:
    """Bounds made large enough for the clicks on the object."""
    xs = [p.x for p in prompts.points if p.positive]
    ys = [p.y for p in prompts.points if p.positive]
    x0, y0, x1, y1 = found
    return min([x0, *xs]), min([y0, *ys]), max([x1, *xs]), max([y1, *ys])


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


def keeps(frame: Frame, whole: Frame, prompts: PromptSet) -> bool:
    """Whether a mask prompt's own look is still the right one: all is on it, neither small nor cut off."""
    if frame == whole or frame.tall != frame.side or prompts.mask is None:
        return False
    found = bounds(prompts.mask.logits, frame)
    if found is None:
        return False
    x0, y0, x1, y1 = with_points(found, prompts)
    inside = x0 >= frame.x0 and y0 >= frame.y0
    inside &= x1 <= frame.x0 + frame.side and y1 <= frame.y0 + frame.side
    return inside and _SMALLEST <= max(x1 - x0, y1 - y0) / frame.side <= _LARGEST
