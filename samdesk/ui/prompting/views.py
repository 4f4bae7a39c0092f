"""The closer look: which part of the photo the model looks at while the user zooms and pans about."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, Signal

from samdesk.domain.geometry.types import Frame
from samdesk.domain.geometry.views import CLOSER, Rect, view_for, view_of
from samdesk.ui.canvas.view import CanvasView
from samdesk.ui.editing.session import Session
from samdesk.ui.kit.messages import Messages
from samdesk.ui.prompting.annotate import AnnotateController
from samdesk.workers.inference.client import InferenceClient

REST_MS = 200
"""So long nothing moves before the model looks anew."""
_KEY = "closer look"


class ViewsController(QObject):
    """Has the model look at what is on screen once it rests, unless it is pinned or switched off.

    A correction stays on the look it was begun on: while prompts are placed nothing changes by itself.
    A move made just before the first prompt still counts.

    Signals:
        changed: The closer look was pinned or let go.
        forgotten: Another image is on its way; there is no closer look at it yet.
    """

    changed = Signal()
    forgotten = Signal()

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
        self._session, self._inference, self._canvas = session, inference, canvas
        self._annotate, self._messages = annotate, messages
        self._automatic, self._closer = True, CLOSER
        self._wanted: Frame | None = None
        self._pinned = False
        self._rest = QTimer(self, singleShot=True, interval=REST_MS)
        self._rest.timeout.connect(self._catch_up)
        canvas.view_changed.connect(self._moved)
        annotate.changed.connect(self._prompts_changed)
        inference.encoded.connect(lambda *_: self._rest.start())
        session.model.document_opened.connect(lambda document: self.forget() if document is None else None)

    @property
    def wanted(self) -> Frame | None:
        """The part that the model is to look at; None: the whole photo."""
        return self._wanted

    @property
    def pinned(self) -> bool:
        """Whether the closer look stays where it is."""
        return self._pinned

    @property
    def automatic(self) -> bool:
        """Whether it follows what is on screen."""
        return self._automatic

    @property
    def resting(self) -> bool:
        """Whether it is not about to look anew: nothing has moved for a while."""
        return not self._rest.isActive()

    def set_automatic(self, automatic: bool, closer: float = CLOSER) -> None:
        """Whether it follows what is on screen, and from how much finer than the whole photo on."""
        if (automatic, closer) != (self._automatic, self._closer):
            self._automatic, self._closer = automatic, closer
            self._look_unless_pinned()

    def pin(self, pinned: bool) -> None:
        """Keeps the closer look where it is (begins one, if there is none), or lets it go."""
        if not pinned:
            self._pinned = False
            self._look_unless_pinned()
        elif (view := self._wanted or self._seen_closely()) is not None:
            self._pinned = True
            self._look_at(view)
        self.changed.emit()

    def look_now(self) -> None:
        """Looks at what is on screen at once, however little closer it is.

        Where nothing would follow it, it is pinned there.
        """
        view = self._seen_closely()
        if view is not None:
            self._pinned = self._pinned or not self._automatic
            self._look_at(view)
            self.changed.emit()

    def forget(self) -> None:
        """Another image is on its way: nothing is known of it."""
        self._rest.stop()
        self._wanted = None
        self.forgotten.emit()
        if self._pinned:
            self._pinned = False
            self.changed.emit()

    # -- when

    def _moved(self, _zoom: float) -> None:
        if not self._annotate.has_prompts:
            self._rest.start()

    def _prompts_changed(self) -> None:
        if not self._annotate.has_prompts:
            if not self._rest.isActive():
                self._rest.start()
        elif self._rest.isActive():  # the user moved, and then did not wait for the rest
            self._rest.stop()
            self._look_unless_pinned()

    def _catch_up(self) -> None:
        if not self._annotate.has_prompts:
            self._look_unless_pinned()

    # -- where

    def _look_unless_pinned(self) -> None:
        size = self._canvas.image_size
        if size is None or self._pinned:
            return
        view = None
        if self._automatic:
            view = view_for(self._seen(), (size[1], size[0]), self._wanted, closer=self._closer)
        self._look_at(view)

    def _look_at(self, view: Frame | None) -> None:
        if self._is_on_screen():
            self._wanted = view
            self._inference.set_view(view)

    def _is_on_screen(self) -> bool:
        """Whether the photo on the canvas is the one the model has; not while paging."""
        return self._session.model.key is not None and self._session.model.key == self._inference.key

    def _seen(self) -> Rect:
        rect = self._canvas.visible_rect()
        return rect.left(), rect.top(), rect.right(), rect.bottom()

    def _seen_closely(self) -> Frame | None:
        """The view of what is on screen; tells the user if that is the whole photo."""
        size = self._canvas.image_size
        if size is None or not self._is_on_screen():
            return None
        view = view_of(self._seen(), (size[1], size[0]))
        if view is None:
            self._messages.info(
                "SAM sees all that is on screen as well as it can. Zoom in for a closer look.",
                key=_KEY,
                seconds=5,
            )
        return view
