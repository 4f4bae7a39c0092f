"""StatusController: the status bar and the canvas's progress line."""

from __future__ import annotations

from PySide6.QtCore import QObject

from samdesk.engine.protocols import ModelInfo
from samdesk.ui.canvas.tools.base import Tool
from samdesk.ui.canvas.view import CanvasView
from samdesk.ui.dataset.navigate import NavigateController
from samdesk.ui.editing.session import Session
from samdesk.ui.kit.messages import Messages
from samdesk.ui.models.controller import ModelsController
from samdesk.ui.prompting.annotate import AnnotateController
from samdesk.ui.shell.guide import Guide
from samdesk.ui.shell.main_window import MainWindow
from samdesk.workers.failure import Failure
from samdesk.workers.inference.client import InferenceClient


def connect_guide(
    guide: Guide, annotate: AnnotateController, session: Session, navigate: NavigateController
) -> None:
    """Lets the guide through the first object and image follow what the user does."""
    annotate.changed.connect(
        lambda: guide.note_mask() if annotate.has_prompts and annotate.proposal else None
    )
    session.model.document_changed.connect(lambda changes: guide.note_added() if changes.added else None)
    navigate.image_shown.connect(guide.note_image)


class StatusController(QObject):
    """Shows cursor position, zoom, model, times and hints, and whether the image is still being encoded."""

    def __init__(
        self,
        window: MainWindow,
        canvas: CanvasView,
        session: Session,
        inference: InferenceClient,
        controllers: tuple[AnnotateController, ModelsController],
        messages: Messages,
    ) -> None:
        super().__init__(window)
        self._window, self._canvas, self._messages = window, canvas, messages
        self._session = session
        self._encode_ms: float | None = None
        self._decode_ms: float | None = None
        self._cached = False
        annotate, models = controllers
        canvas.cursor_moved.connect(window.set_cursor)
        canvas.view_changed.connect(window.set_zoom)
        canvas.tool_changed.connect(self._show_tool)
        window.covered.connect(self._show_hint)
        inference.encoding.connect(self._show_encoding)
        inference.encoded.connect(self._show_encoded)
        inference.failed.connect(self._show_failure)
        annotate.decoded.connect(self._show_decoded)
        models.ready.connect(self._show_engine)
        session.step_done.connect(lambda text: messages.info(text, key="step", seconds=3))
        session.model.document_opened.connect(lambda _document: self._start_image())
        self._tool: Tool | None = None

    def _show_tool(self, tool: Tool) -> None:
        if self._tool is not None:
            self._tool.hint_changed.disconnect(self._show_hint)
        self._tool = tool
        tool.hint_changed.connect(self._show_hint)
        self._show_hint()

    def _show_hint(self, _hint: str = "") -> None:
        has_image = self._session.model.document is not None and not self._canvas.isHidden()
        self._window.set_hint(self._tool.hint if self._tool is not None and has_image else "")

    def _show_encoding(self, _key: str) -> None:
        self._canvas.set_busy(True)

    def _show_encoded(self, _key: str, ms: float, cached: bool) -> None:
        self._canvas.set_busy(False)
        self._encode_ms, self._cached = ms, cached
        self._show_times()

    def _show_decoded(self, ms: float) -> None:
        self._decode_ms = ms
        self._show_times()

    def _start_image(self) -> None:
        self._show_hint()
        self._messages.dismiss("inference")
        self._decode_ms = None
        self._show_times()

    def _show_times(self) -> None:
        self._window.set_timing(self._encode_ms, self._decode_ms, self._cached)

    def _show_failure(self, failure: Failure) -> None:
        self._canvas.set_busy(False)
        if failure.key is not None and failure.key != self._session.model.key:
            return  # the canvas shows why there is no image
        self._messages.warn(failure.text, key="inference")

    def _show_engine(self, info: ModelInfo) -> None:
        self._window.set_engine(f"{info.title} · {info.device} {info.precision}", info.device_title)
