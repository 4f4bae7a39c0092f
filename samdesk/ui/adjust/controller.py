"""AdjustController: opens the panel, and remembers with each dataset how its images are shown."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, Signal

from samdesk.ui.adjust.panel import AdjustChip, AdjustPanel
from samdesk.ui.canvas.layers.adjustments import Adjustments
from samdesk.ui.canvas.view import CanvasView
from samdesk.workers.storage.client import DatasetInfo, StorageClient

SETTING = "view_adjustments"
"""The dataset's setting; written to its folder with the next edit: looking alone writes nothing."""
_KEPT_AFTER_MS = 400


class AdjustController(QObject):
    """How the image is shown.

    Signals:
        changed: ``adjusted`` or ``open`` may have changed.
    """

    changed = Signal()

    def __init__(self, storage: StorageClient, canvas: CanvasView, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._storage, self._canvas = storage, canvas
        self.panel = AdjustPanel(canvas)
        self.chip = AdjustChip(canvas, self.panel)
        self._timer = QTimer(self, singleShot=True, interval=_KEPT_AFTER_MS)
        self._timer.timeout.connect(self._keep)
        canvas.adjustments_changed.connect(self._follow)

    @property
    def adjusted(self) -> bool:
        """Whether the image is not shown as it is."""
        return not self._canvas.adjustments.neutral

    def start(self, _info: DatasetInfo) -> None:
        """Shows the images of a dataset that was opened as they were shown before."""
        self._timer.stop()
        self._storage.ask(
            lambda dataset: dataset.settings_get(SETTING),
            lambda text: self._canvas.set_adjustments(Adjustments.from_text(text)),
            doing="reading a setting",
        )

    def toggle_panel(self) -> None:
        """Opens the panel, or closes it."""
        if self.panel.isHidden():
            self.panel.open()
        else:
            self.panel.hide()

    def reset(self) -> None:
        """Shows the image as it is."""
        self._canvas.set_adjustments(Adjustments())

    def _follow(self, _adjustments: object) -> None:
        self._timer.start()
        self.changed.emit()

    def _keep(self) -> None:
        self._storage.set_setting(SETTING, self._canvas.adjustments.text())
