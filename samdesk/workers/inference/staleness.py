"""Whether a mask may still be shown although its prompt has changed since.

While the mouse moves, newer prompts arrive faster than masks: if only the very newest were shown, nothing
would show until the mouse stops. An older mask is still valid for the newest prompt when the mouse is still
inside it, or when the box being dragged has hardly changed. Any other older mask is never shown.
"""

from __future__ import annotations

import shapely

from samdesk.domain.geometry.types import Region
from samdesk.domain.prompts import BoxPrompt, PromptSet
from samdesk.workers.inference.requests.prompt import Prediction, PromptRequest

SAME_DRAG_IOU = 0.7


class NewestPrompts:
    """The newest click and hover of the main thread, and which predictions are still valid for them."""

    def __init__(self) -> None:
        self._click: PromptRequest | None = None
        self._hover: PromptRequest | None = None
        self._last_token = 0

    def add(self, request: PromptRequest) -> None:
        """Records a requested prompt; a click ends the hover."""
        if request.hover:
            self._hover = request
        else:
            self._click, self._hover = request, None

    def end_hover(self) -> None:
        """Makes all masks of hovers stale."""
        self._hover = None

    def clear(self) -> None:
        """Makes all masks stale."""
        self._click = self._hover = None

    def is_click(self, token: int) -> bool:
        """Whether this is the token of the newest click."""
        return self._click is not None and token == self._click.token

    def accept(self, prediction: Prediction) -> bool:
        """Whether a prediction may be shown; one older than the last accepted one may not."""
        valid = self._is_valid(prediction)
        if valid:
            self._last_token = prediction.token
        return valid

    def _is_valid(self, prediction: Prediction) -> bool:
        newest = self._hover if prediction.hover else self._click
        if newest is None:
            return False
        if prediction.token == newest.token:
            return True
        if prediction.token < self._last_token:
            return False
        if not prediction.hover:
            return drag_still_valid(prediction.prompts, newest.prompts)
        if self._click is not None and prediction.token < self._click.token:
            return False
        return bool(prediction.masks) and hover_still_valid(newest.prompts, prediction.masks[0].region)


def hover_still_valid(newest: PromptSet, region: Region) -> bool:
    """Whether the newest hover point lies in the mask of an earlier one."""
    if not newest.points:
        return False
    point = newest.points[-1]
    return bool(shapely.intersects_xy(region, point.x, point.y))


def drag_still_valid(older: PromptSet, newest: PromptSet) -> bool:
    """Whether two prompt sets are of one box drag, with boxes close to each other."""
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
