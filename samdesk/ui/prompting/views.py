"""ViewsController: which view (part of the image) the model uses while the user zooms and pans.

In the window a view is called a closer look.
"""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, Signal

from samdesk.domain.geometry.types import Frame
from samdesk.domain.geometry.views import CLOSER, Rect, view_for, view_of
from samdesk.ui.canvas.view import CanvasView
from samdesk.ui.editing.session import Session
from samdesk.ui.kit.messages import Messages
from samdesk.ui.prompting.annotate import AnnotateController
from samdesk.workers.inference.client import InferenceClient

SETTLE_MS = 200
"""A view is requested when zoom and pan have not changed for so long."""
_KEY = "closer look"


class ViewsController(QObject):
    """Requests a view of the part on screen once it has settled, unless pinned or switched off.

    While prompts are placed the view does not change by itself, so that a correction stays on the view it
    was begun on. A zoom or pan just before the first prompt still counts.

    Signals:
        changed: The view was pinned or unpinned.
        cleared: Another image is being loaded; it has no view yet.
    """

    changed = Signal()
    cleared = Signal()

    def __init__(
        self,
        session: Session,
        inference: InferenceClient,
        canvas: CanvasView,
        annotate: AnnotateController,
        messages: Messages,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._inference, self._canvas = inference, canvas
        self._annotate, self._messages = annotate, messages
        self._automatic, self._threshold = True, CLOSER
        self._view: Frame | None = None
        self._pinned = False
        self._timer = QTimer(self, singleShot=True, interval=SETTLE_MS)
        self._timer.timeout.connect(self._update_when_settled)
        canvas.view_changed.connect(self._restart_timer)
        annotate.changed.connect(self._follow_prompts)
        inference.encoded.connect(self._follow_encoded)
        session.model.document_opened.connect(lambda document: self.clear() if document is None else None)

    def _follow_encoded(self, _key: str, _ms: float, _cached: bool) -> None:
        self._timer.start()

    @property
    def view(self) -> Frame | None:
        """The view requested; None: the whole image."""
        return self._view

    @property
    def pinned(self) -> bool:
        """Whether the view stays where it is."""
        return self._pinned

    @property
    def automatic(self) -> bool:
        """Whether the view follows the part on screen."""
        return self._automatic

    @property
    def settled(self) -> bool:
        """Whether zoom and pan have not changed for a while."""
        return not self._timer.isActive()

    def set_automatic(self, automatic: bool, threshold: float = CLOSER) -> None:
        """Sets whether the view follows the part on screen.

        Args:
            automatic: Whether it does.
            threshold: How many times finer than the whole image a view must be.
        """
        if (automatic, threshold) != (self._automatic, self._threshold):
            self._automatic, self._threshold = automatic, threshold
            self._update()

    def pin(self, pinned: bool) -> None:
        """Pins the view (of the part on screen, if there is none), or unpins it."""
        if not pinned:
            self._pinned = False
            self._update()
        elif (view := self._view or self._view_on_screen()) is not None:
            self._pinned = True
            self._request(view)
        self.changed.emit()

    def request_now(self) -> None:
        """Requests a view of the part on screen at once, even below the threshold.

        With ``automatic`` off it is pinned.
        """
        view = self._view_on_screen()
        if view is not None:
            self._pinned = self._pinned or not self._automatic
            self._request(view)
            self.changed.emit()

    def clear(self) -> None:
        """Drops the view: another image is being loaded."""
        self._timer.stop()
        self._view = None
        self.cleared.emit()
        if self._pinned:
            self._pinned = False
            self.changed.emit()

    # -- when to request a view

    def _restart_timer(self, _zoom: float) -> None:
        if not self._annotate.has_prompts:
            self._timer.start()

    def _follow_prompts(self) -> None:
        if not self._annotate.has_prompts:
            if not self._timer.isActive():
                self._timer.start()
        elif self._timer.isActive():  # zoomed or panned, then prompted before it had settled
            self._timer.stop()
            self._update()

    def _update_when_settled(self) -> None:
        if not self._annotate.has_prompts:
            self._update()

    # -- which view

    def _update(self) -> None:
        size = self._canvas.image_size
        if size is None or self._pinned:
            return
        view = None
        if self._automatic:
            view = view_for(self._visible(), (size[1], size[0]), self._view, closer=self._threshold)
        self._request(view)

    def _request(self, view: Frame | None) -> None:
        if self._annotate.image_ready:
            self._view = view
            self._inference.set_view(view)

    def _visible(self) -> Rect:
        rect = self._canvas.visible_rect()
        return rect.left(), rect.top(), rect.right(), rect.bottom()

    def _view_on_screen(self) -> Frame | None:
        """The view of the part on screen; if that is the whole image, shows a message."""
        size = self._canvas.image_size
        if size is None or not self._annotate.image_ready:
            return None
        view = view_of(self._visible(), (size[1], size[0]))
        if view is None:
            self._messages.info(
                "SAM already sees the part on screen in full detail. Zoom in for a closer look.",
                key=_KEY,
                seconds=5,
            )
        return view
