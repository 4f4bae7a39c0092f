"""ViewStatus: shows the closer look by a frame on the canvas, in the status bar and by the progress line."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer

from samdesk.domain.geometry.types import Frame
from samdesk.domain.geometry.views import magnification
from samdesk.ui.canvas.view import CanvasView
from samdesk.ui.canvas.view_frame import ViewFrame
from samdesk.ui.prompting.views import ViewsController
from samdesk.ui.shell.main_window import MainWindow
from samdesk.workers.inference.client import InferenceClient

SHOW_AFTER_MS = 150
"""A shorter encode is not shown, to avoid flicker on a fast machine."""


class ViewStatus(QObject):
    """Shows which part of the image is the closer look, and whether it is still being encoded."""

    def __init__(
        self, window: MainWindow, canvas: CanvasView, inference: InferenceClient, views: ViewsController
    ) -> None:
        super().__init__(window)
        self._window, self._canvas, self._views = window, canvas, views
        self._encoding: Frame | None = None
        self._shown: ViewFrame | None = None
        self._delay_timer = QTimer(self, singleShot=True, interval=SHOW_AFTER_MS)
        self._delay_timer.timeout.connect(self._show_encoding)
        inference.encoding.connect(self._start_image)
        inference.view_encoding.connect(self._start_view)
        inference.view_ready.connect(self._finish)
        views.changed.connect(self._update_text)
        views.cleared.connect(lambda: self._finish(None))

    def _start_view(self, view: Frame) -> None:
        self._encoding = view
        self._delay_timer.start()

    def _show_encoding(self) -> None:
        if self._encoding is not None:
            self._show(ViewFrame(self._encoding, ready=False))
            self._canvas.set_busy(True)

    def _finish(self, view: Frame | None) -> None:
        if self._encoding is not None:
            self._encoding = None
            self._delay_timer.stop()
            self._canvas.set_busy(False)
        self._show(None if view is None else ViewFrame(view))

    def _start_image(self, _key: str) -> None:
        """Ends the indication of the view; the progress line now shows the encode of the whole image."""
        self._encoding = None
        self._delay_timer.stop()
        self._show(None)

    def _show(self, shown: ViewFrame | None) -> None:
        self._shown = shown
        self._canvas.set_view_frame(shown)
        self._update_text()

    def _update_text(self) -> None:
        size = self._canvas.image_size
        if self._shown is None or size is None:
            self._window.set_closer_look("")
        elif not self._shown.ready:
            self._window.set_closer_look("looking closer…", _ENCODING)
        else:
            times = f"{magnification(self._shown.view, (size[1], size[0])):.1f}".removesuffix(".0")
            pinned = self._views.pinned
            self._window.set_closer_look(
                f"closer look {times}×{', pinned' if pinned else ''}",
                f"{_READY.format(times)}\n{_PINNED if pinned else _FOLLOWING}",
            )


_ENCODING = "SAM is encoding the part of the image on screen.\nUntil then, masks come from the whole image."
_READY = (
    "SAM uses this part instead of the whole image. Objects are {} times larger to it,\n"
    "so small ones get finer masks."
)
_FOLLOWING = "It follows the part on screen. Outside it, masks come from the whole image."
_PINNED = "It stays in place while you zoom and pan. Outside it, masks come from the whole image."
