"""What the window shows of the closer look: a line around it, a word in the status bar, progress."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer

from samdesk.domain.geometry.types import Frame
from samdesk.domain.geometry.views import magnification
from samdesk.ui.canvas.view import CanvasView
from samdesk.ui.canvas.view_frame import ViewFrame
from samdesk.ui.prompting.views import ViewsController
from samdesk.ui.shell.main_window import MainWindow
from samdesk.workers.inference.client import InferenceClient

QUIET_MS = 150
"""A look that is ready sooner is not announced: no flicker on a fast machine."""


class ViewStatus(QObject):
    """Tells where the model looks more closely, and while it is still reading that part."""

    def __init__(
        self, window: MainWindow, canvas: CanvasView, inference: InferenceClient, views: ViewsController
    ) -> None:
        super().__init__(window)
        self._window, self._canvas, self._views = window, canvas, views
        self._coming: Frame | None = None
        self._shown: ViewFrame | None = None
        self._quiet = QTimer(self, singleShot=True, interval=QUIET_MS)
        self._quiet.timeout.connect(self._announce)
        inference.encoding.connect(self._start_image)
        inference.view_encoding.connect(self._begin)
        inference.view_ready.connect(self._finish)
        views.changed.connect(self._say)
        views.forgotten.connect(self._clear)

    def _begin(self, view: Frame) -> None:
        self._coming = view
        self._quiet.start()

    def _announce(self) -> None:
        if self._coming is not None:
            self._show(ViewFrame(self._coming, ready=False))
            self._canvas.set_busy(True)

    def _finish(self, view: Frame | None) -> None:
        self._end_wait()
        self._show(None if view is None else ViewFrame(view))

    def _clear(self) -> None:
        self._finish(None)

    def _start_image(self, _key: str) -> None:
        """The progress line is that of the whole photo from now on."""
        self._coming = None
        self._quiet.stop()
        self._show(None)

    def _end_wait(self) -> None:
        if self._coming is not None:
            self._coming = None
            self._quiet.stop()
            self._canvas.set_busy(False)

    def _show(self, shown: ViewFrame | None) -> None:
        self._shown = shown
        self._canvas.set_view_frame(shown)
        self._say()

    def _say(self) -> None:
        size = self._canvas.image_size
        if self._shown is None or size is None:
            self._window.set_look("")
        elif not self._shown.ready:
            self._window.set_look("looking closer…", _WAITING)
        else:
            times = f"{magnification(self._shown.view, (size[1], size[0])):.1f}".removesuffix(".0")
            pinned = self._views.pinned
            self._window.set_look(
                f"closer look {times}×{', pinned' if pinned else ''}",
                f"{_READY.format(times)}\n{_PINNED if pinned else _FOLLOWING}",
            )


_WAITING = "SAM reads the part of the photo on screen.\nUntil then masks come from the whole photo."
_READY = (
    "SAM looks at this part instead of the whole photo: for it, things are {} times larger,\n"
    "so that small ones get fine masks."
)
_FOLLOWING = "It follows what is on screen. What lies outside is drawn from the whole photo."
_PINNED = "It stays where it is while you move about. What lies outside is drawn from the whole photo."
