"""Whether a mask whose prompt has moved on may still be shown.

While the mouse moves, newer prompts arrive faster than masks: showing only the very newest would show
nothing until the hand rests. An older mask is still true of the newest prompt when the mouse is still
inside it, or when the box being dragged has hardly changed. Any other older mask is never shown.
"""

from __future__ import annotations

import shapely

from samdesk.domain.geometry.types import Region
from samdesk.domain.prompts import BoxPrompt, PromptSet

SAME_DRAG_IOU = 0.7


def hover_still_true(newest: PromptSet, region: Region) -> bool:
    """Whether the newest hover point lies in a mask made for an earlier one."""
    if not newest.points:
        return False
    point = newest.points[-1]
    return bool(shapely.intersects_xy(region, point.x, point.y))


def drag_still_true(older: PromptSet, newest: PromptSet) -> bool:
    """Whether two prompts are two moments of one box drag, close to each other."""
    if older.box is None or newest.box is None:
        return False
    if older.points != newest.points or older.mask is not newest.mask:
        return False
    return box_iou(older.box, newest.box) >= SAME_DRAG_IOU


def box_iou(a: BoxPrompt, b: BoxPrompt) -> float:
    """Intersection over union of two boxes, 0 for boxes without area."""
    width = min(a.x1, b.x1) - max(a.x0, b.x0)
    height = min(a.y1, b.y1) - max(a.y0, b.y0)
    if width <= 0 or height <= 0:
        return 0.0
    shared = width * height
    return shared / ((a.x1 - a.x0) * (a.y1 - a.y0) + (b.x1 - b.x0) * (b.y1 - b.y0) - shared)
