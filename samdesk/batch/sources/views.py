"""Views for the masks of small objects: few of them, each with room around its objects. Pure functions.

A mask has 256 cells along the side of what was encoded, so a small object in a large image needs a view
around it (see ``domain.geometry.views``). An encode costs far more than a mask: objects of about one size
that lie near one another share a view.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import replace

from samdesk.batch.find import DetectedBox
from samdesk.domain.geometry.types import Frame
from samdesk.domain.geometry.views import EDGE, SMALLEST

_LARGEST_RATIO = 10.0
"""A view's side is at most this many times the longer side of an object in it, if views may be so small."""

_Cell = tuple[int, int, int]
"""Side, top and left of a view, image pixels."""


def with_views(boxes: Sequence[DetectedBox], image_hw: tuple[int, int], smallest: int) -> list[DetectedBox]:
    """The boxes, in their order, with the views that their masks are drawn in; None is the whole image.

    Args:
        boxes: Of one image.
        image_hw: Its height and width, pixels.
        smallest: The smallest side of a view, pixels.
    """
    candidates = {i: _cells(box, image_hw, smallest) for i, box in enumerate(boxes) if box.mask is None}
    members: dict[_Cell, set[int]] = {}
    for i, cells in candidates.items():
        for cell in cells:
            members.setdefault(cell, set()).add(i)
    chosen: dict[int, Frame] = {}
    while members:
        cell = max(members, key=lambda c: (len(members[c]), c))
        for i in members.pop(cell):
            chosen[i] = Frame(float(cell[2]), float(cell[1]), float(cell[0]))
            for other in candidates[i]:
                if other in members:
                    members[other].discard(i)
                    if not members[other]:
                        del members[other]
    return [replace(box, view=chosen[i]) if i in chosen else box for i, box in enumerate(boxes)]


def _cells(box: DetectedBox, image_hw: tuple[int, int], smallest: int) -> list[_Cell]:
    """The views on a grid of half their side that contain a box; none if the whole image serves."""
    x0, y0, x1, y1 = box.region.bounds
    longer = max(image_hw)
    least = max(smallest, SMALLEST)
    wanted = max(_LARGEST_RATIO * max(x1 - x0, y1 - y0), float(least))
    steps = min(math.ceil(math.log2(longer / wanted)), math.floor(math.log2(longer / least)))
    if steps < 1:
        return []
    side = math.ceil(longer / 2**steps)
    return [
        (side, top, left)
        for top in _starts(y0, y1, side, image_hw[0])
        for left in _starts(x0, x1, side, image_hw[1])
    ]


def _starts(start: float, end: float, side: int, pixels: int) -> list[int]:
    """Where views begin along one axis that contain an interval, with a margin but at the image's edges."""
    if pixels <= side:
        return [0]
    margin, step, last = side * EDGE, side / 2, pixels - side
    found = []
    for n in range(math.floor((end - side) / step), math.ceil(start / step) + 1):
        begin = min(max(round(n * step), 0), last)
        low = begin == 0 or begin + margin <= start
        high = begin == last or end <= begin + side - margin
        if low and high and begin not in found:
            found.append(begin)
    return found
