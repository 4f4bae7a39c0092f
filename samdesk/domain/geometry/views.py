"""Views: the square part of an image that SAM encodes instead of the whole while the user is zoomed in.

SAM resizes every image to 1024 pixels and returns masks of 256 cells. For small objects in a large image
that is coarse: 20 pixels of a 640 pixel image are 8 cells wide, 20 pixels of a 12,000 pixel image less than
one. In a view, an object is enlarged by the ratio of the image's side to the view's.

A view costs an encode, so it must not change with every pan. Its side is the image's longer side divided by
a power of the square root of two, and its position lies on a grid of an eighth of the side, so that
returning to a place gives the same view, whose embedding is still cached. The current view is kept while it
contains the visible part and is not much larger than a new one would be.

A view is worth its encode from a magnification of 2: at half the longer side an object has four times the
cells, and its surroundings, which SAM needs to tell an object from its parts, are still visible. A smaller
gain hardly shows in a mask and costs as much. Small images gain too, although enlarging adds no detail: the
mask cells and the encoder's patches become finer. The smallest side is 128 pixels: there a cell is half an
image pixel, finer than any outline, and a smaller view would only lose surroundings.
"""

from __future__ import annotations

import math
from typing import TypeAlias

from samdesk.domain.geometry.types import Frame

Rect: TypeAlias = tuple[float, float, float, float]
"""Left, top, right, bottom, image pixels."""

CLOSER = 2.0
"""Minimum magnification over the whole image for a view to be worth its encode."""
BARELY = 1.4
"""The same for a view that the user requests: the first step of the sizes."""
SMALLEST = 128
"""The smallest side of a view, image pixels."""
EDGE = 1 / 64
"""Margin, as a share of the side (one encoder patch), within which an object likely continues outside."""

_ROOM = 1.25
"""Minimum ratio of a view's side to the visible part: surroundings, and room for small pans."""
_PLACES = 8
"""Grid positions per side of a view."""
_MUCH_LARGER = 1.5
"""The current view may be one step of the sizes (1.42) larger than a new one."""
_SLACK = 0.03
"""Tolerance: 1.4 and 2.8 stand for the steps 1.414 and 2.828."""


def view_for(
    visible: Rect, image_hw: tuple[int, int], current: Frame | None = None, *, closer: float = CLOSER
) -> Frame | None:
    """The best view for the visible part of an image.

    Args:
        visible: The visible rectangle; it may extend past the image.
        image_hw: Height and width of the image, pixels.
        current: The view in use; kept while it contains the visible part and is not much too large.
        closer: Minimum magnification over the whole image for a new view.

    Returns:
        A square of whole image pixels inside the image (clipped at a shorter side of the image), or None if
        the whole image serves as well.
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
    """The view of the visible part from the smallest step of magnification on; None below it."""
    return view_for(visible, image_hw, closer=BARELY)


def magnification(view: Frame, image_hw: tuple[int, int]) -> float:
    """The magnification of a view over the whole image."""
    return max(image_hw) / view.side


def contains_rect(view: Frame, rect: Rect) -> bool:
    """Whether a view contains a rectangle."""
    return (
        view.x0 <= rect[0]
        and view.y0 <= rect[1]
        and rect[2] <= view.x0 + view.width
        and rect[3] <= view.y0 + view.height
    )


def _serves(view: Frame, seen: Rect, image_hw: tuple[int, int]) -> bool:
    """Whether a view contains the visible part with a margin, except at the image's own edges."""
    edge = view.side * EDGE
    wider = seen[0] - edge, seen[1] - edge, seen[2] + edge, seen[3] + edge
    inside = _within(wider, image_hw)
    return inside is not None and contains_rect(view, inside)


def _within(rect: Rect, image_hw: tuple[int, int]) -> Rect | None:
    """The part of a rectangle on the image, or None."""
    left, top = max(rect[0], 0.0), max(rect[1], 0.0)
    right, bottom = min(rect[2], float(image_hw[1])), min(rect[3], float(image_hw[0]))
    return (left, top, right, bottom) if left < right and top < bottom else None


def _side(extent: float, longer: int) -> int:
    """The smallest side of the sizes with room for ``extent`` pixels."""
    needed = max(extent * _ROOM, float(SMALLEST))
    steps = max(0, math.floor(2 * math.log2(longer / needed)))
    return max(1, round(longer / math.sqrt(2) ** steps))


def _place(start: float, end: float, side: int, pixels: int) -> int:
    """The grid position of a view along one axis that best centres the visible part.

    It contains the visible part: the room on both sides exceeds half a grid step plus the edge.
    """
    step = side / _PLACES
    begin = round(round(((start + end) / 2 - side / 2) / step) * step)
    return min(max(begin, 0), max(0, pixels - side))
