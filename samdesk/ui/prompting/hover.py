"""HoverPreview: the mask under the cursor, before any prompt is placed."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QObject, Signal

from samdesk.domain.geometry.regions import contains
from samdesk.domain.geometry.types import Region
from samdesk.domain.prompts import PointPrompt, PromptSet
from samdesk.ui.canvas.tools.sam import SamTool
from samdesk.workers.inference.client import InferenceClient


class HoverPreview(QObject):
    """Requests the mask under the cursor while it moves over the image.

    Attributes:
        allowed: Whether a preview may be shown: nothing is being prompted.
        shown: The preview on the canvas; None: there is none.

    Signals:
        ended: The preview on the canvas is out of date.
    """

    ended = Signal()

    def __init__(self, tool: SamTool, inference: InferenceClient, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._inference = inference
        self._position: tuple[float, float] | None = None
        self.allowed: Callable[[], bool] = lambda: True
        self.shown: Callable[[], Region | None] = lambda: None
        tool.hovered.connect(self._request)
        tool.hover_left.connect(self._end)

    def repeat(self) -> None:
        """Requests the mask under the cursor again, if there is a cursor over the image."""
        if self._position is not None:
            self._request(*self._position)

    def _request(self, x: float, y: float) -> None:
        self._position = (x, y)
        if not self.allowed():
            return
        shown = self.shown()
        if shown is not None and not contains(shown, x, y):
            self.ended.emit()  # the cursor has left this mask; the next one is not predicted yet
        self._inference.predict(PromptSet((PointPrompt(x, y),)), hover=True)

    def _end(self) -> None:
        self._position = None
        self._inference.cancel_hover()
        if self.shown() is not None:
            self.ended.emit()
