"""CalibrationController: lets the doubt follow the user's decisions, and says when it does."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer, Signal

from samdesk.dataset.background.calibration import recalibrate
from samdesk.domain.doubt import Calibration
from samdesk.ui.kit.messages import Messages
from samdesk.workers.storage.client import StorageClient

DELAY_MS = 400
"""From a saved change to the question whether a calibration is due."""
_KEY = "doubt"


class CalibrationController(QObject):
    """Asks after changes whether enough decisions were made, and shows what came of it in one message.

    That the formula is kept is shown once for a dataset.

    Signals:
        recalibrated: (``Calibration``) the doubts of the dataset are computed anew from now on.
    """

    recalibrated = Signal(object)

    def __init__(self, storage: StorageClient, messages: Messages, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._storage, self._messages = storage, messages
        self._kept_shown = False
        self._timer = QTimer(self, interval=DELAY_MS, singleShot=True)
        self._timer.timeout.connect(self._ask)
        storage.history.saved.connect(self._wait)
        storage.closing.connect(self._timer.stop)
        storage.opened.connect(self._restart)

    def _restart(self) -> None:
        self._timer.stop()
        self._kept_shown = False

    def _wait(self) -> None:
        if not self._timer.isActive():
            self._timer.start()

    def _ask(self) -> None:
        self._storage.ask(recalibrate, self._show, lambda _failure: None, doing="calibrating the doubt")

    def _show(self, calibration: Calibration | None) -> None:
        if calibration is None:
            return
        if calibration.fitted or not self._kept_shown:
            self._messages.info(calibration.text, key=_KEY, seconds=6)
        self._kept_shown = not calibration.fitted
        self.recalibrated.emit(calibration)
