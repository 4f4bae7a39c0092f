"""SlowDiskController: says that a save does not come back, and offers to close without waiting for it."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject, QTimer

from samdesk.base.text import counted
from samdesk.ui.kit.messages import Messages
from samdesk.workers.storage.client import DatasetInfo, StorageClient

SLOW_MS = 8_000
"""A save takes milliseconds, and a long one reports its progress."""
_KEY = "slow-disk"


class SlowDiskController(QObject):
    """Watches how long a save takes.

    Attributes:
        slow_ms: Time until the user is told, and asked again on closing, milliseconds.
    """

    def __init__(self, storage: StorageClient, messages: Messages, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.slow_ms = SLOW_MS
        self._storage, self._messages = storage, messages
        self._folder: Path | None = None
        self._pending = 0
        self._shown = False
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self._show)
        storage.opened.connect(self._note_folder)
        storage.history.pending_changed.connect(self._follow)
        storage.history.save_failed.connect(lambda _failure: self._end())
        storage.progressed.connect(lambda _progress: self._restart())

    def gives_up(self) -> bool:
        """Asks the user who closes the window while the disk does not answer."""
        pending = self._storage.history.pending
        lost = f"{counted(pending, 'change')} not saved yet will be lost" if pending else "No change is lost"
        return self._messages.confirm(
            "Close without waiting?",
            f"Saving in {self._folder} takes long: its disk is slow or does not answer. {lost}; label "
            "files may be older than the annotations until the folder is opened again. "
            "Cancel to wait for the disk.",
            action="Close without waiting",
            danger=True,
        )

    def _note_folder(self, info: DatasetInfo) -> None:
        self._folder = info.folder

    def _follow(self, pending: int) -> None:
        fewer, self._pending = pending < self._pending, pending
        if not pending or self._storage.history.stuck:
            self._end()
        elif fewer or not (self._shown or self._timer.isActive()):
            self._restart()

    def _restart(self) -> None:
        self._end()
        if self._pending:
            self._timer.start(self.slow_ms)

    def _end(self) -> None:
        self._timer.stop()
        if self._shown:
            self._shown = False
            self._messages.dismiss(_KEY)

    def _show(self) -> None:
        self._shown = True
        self._messages.error(
            f"A save does not come back: the disk of {self._folder} does not answer. What you change is kept "
            "in memory until then and saved as soon as the disk answers. Check the drive or the network.",
            key=_KEY,
        )
