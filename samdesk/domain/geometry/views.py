"""Views: which part of a photo a model looks at more closely while the user is zoomed in.

SAM sees every image at 1024 pixels and answers on 256 cells. Of a whole photo that is little for a small
thing: 20 pixels of a 640 pixel photo are 8 cells wide, 20 pixels of a 12,000 pixel photo less than one.
A view is a square part of the photo that takes the photo's place; the same thing is then as many times
larger as the view is smaller.

A view costs an encode, so it must not follow every move. Sides are the photo's longer side divided by a
power of the square root of two, and places lie on a grid of an eighth of the side, so that coming back to a
place meets the same view, which is still in the cache. The view in use stays as long as it holds what is
seen and is not much larger than a new one would be.

When does it pay? From twice as fine on: a view of half the longer side has four times the cells for the
same thing and still shows its surroundings, which SAM needs to tell an object from its parts. Less than
that is hardly seen in a mask and costs as much. It pays in small photos too, though enlarging them adds
no detail: the masks' cells and the encoder's patches become finer. It ends at 128 pixels a side: there a
cell is half a photo pixel, finer than any outline, and only the surroundings would be lost.
"""

from __future__ import annotations

import math
from typing import TypeAlias

from samdesk.domain.geometry.types import Frame

Rect: TypeAlias = tuple[float, float, float, float]
"""Left, top, right, bottom, image pixels."""

CLOSER = 2.0
"""How many times finer than the whole photo a view must be to be worth its encode."""
BARELY = 1.4
"""The same for a view that the user asks for: the ladder's first step."""
SMALLEST = 128
"""The smallest side of a view, image pixels."""
EDGE = 1 / 64
"""So near its edge (a share of its side, one patch of the encoder) what is there likely goes on outside."""

_ROOM = 1.25
"""A view is at least so many times as wide as what is seen: surroundings, and room for small pans."""
_PLACES = 8
"""Places of the grid that a side is divided into."""
_MUCH_LARGER = 1.5
"""The view in use may be one step of the ladder (1.42) larger than a new one."""
_SLACK = 0.03
"""1.4 and 2.8 mean the ladder's 1.414 and 2.828."""


def view_for(
    visible: Rect, image_hw: tuple[int, int], current: Frame | None = None, *, closer: float = CLOSER
) -> Frame | None:
    """The view that serves what is seen best.

    Args:
        visible: What is seen; it may reach past the image.
        image_hw: Height and width of the image, pixels.
        current: The view in use. It stays while it holds what is seen and is not much larger than need be.
        closer: How many times finer than the whole photo a new view must be.

    Returns:
        A square of whole image pixels inside the image (of a shorter side of the image it is cut off), or
        None: the whole photo serves as well.
    """
    seen = _within(visible, image_hw)
    if seen is None:
        return current
    side = _side(max(seen[2] - seen[0], seen[3] - seen[1]), max(image_hw))
    if current is not None and _serves(current, seen, image_hw) and current.side <= _MUCH_LARGER * side:
        return current
    if max(image_hw) < side * closer * (1 - _SLACK):
        return None
    x0 = _place(seen[0], seen[2], side, image_hw[1])
    y0 = _place(seen[1], seen[3], side, image_hw[0])
    return Frame(float(x0), float(y0), float(side))


def view_of(visible: Rect, image_hw: tuple[int, int]) -> Frame | None:
    """The view of what is seen, however little finer it is; None: the whole photo is as fine."""
    return view_for(visible, image_hw, closer=BARELY)


def fineness(view: Frame, image_hw: tuple[int, int]) -> float:
    """How many times larger things are for a model that looks at the view instead of the whole photo."""
    return max(image_hw) / view.side


def holds(view: Frame, rect: Rect) -> bool:
    """Whether a rectangle lies in a view."""
    return (
        view.x0 <= rect[0]
        and view.y0 <= rect[1]
        and rect[2] <= view.x0 + view.width
        and rect[3] <= view.y0 + view.height
    )


def _serves(view: Frame, seen: Rect, image_hw: tuple[int, int]) -> bool:
    """Whether a view holds what is seen, none of it at its edge, unless that is the image's."""
    edge = view.side * EDGE
    wider = seen[0] - edge, seen[1] - edge, seen[2] + edge, seen[3] + edge
    inside = _within(wider, image_hw)
    return inside is not None and holds(view, inside)


def _within(rect: Rect, image_hw: tuple[int, int]) -> Rect | None:
    """What of a rectangle lies on the image."""
    left, top = max(rect[0], 0.0), max(rect[1], 0.0)
    right, bottom = min(rect[2], float(image_hw[1])), min(rect[3], float(image_hw[0]))
    return (left, top, right, bottom) if left < right and top < bottom else None


def _side(extent: float, longer: int) -> int:
    """The ladder's smallest side with room for so many pixels."""
    needed = max(extent * _ROOM, float(SMALLEST))
    steps = max(0, math.floor(2 * math.log2(longer / needed)))
    return max(1, round(longer / math.sqrt(2) ** steps))


def _place(start: float, end: float, side: int, pixels: int) -> int:
    """Where a view begins along one axis: the place of the grid that puts what is seen nearest the middle.

    It holds what is seen: the room on both sides is more than half a place of the grid and the edge.
    """
    step = side / _PLACES
    begin = round(round(((start + end) / 2 - side / 2) / step) * step)
    return min(max(begin, 0), max(0, pixels - side))
