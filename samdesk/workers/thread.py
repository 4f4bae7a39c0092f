"""Worker threads: a thread that runs a loop, and queued delivery to the main thread.

A thread is never terminated: it is requested to stop, and joined.
"""

from __future__ import annotations

import logging
from collections.abc import Callable

from PySide6.QtCore import QDeadlineTimer, QObject, Qt, QThread, Signal

log = logging.getLogger(__name__)

STOP_TIMEOUT_MS = 30_000
"""Default timeout of a join, milliseconds: an image encoder on a slow CPU cannot be interrupted."""

_STACK_BYTES = 16 * 1024 * 1024  # macOS gives a secondary thread 512 KiB, too little for some networks


class LoopThread(QThread):
    """A thread that runs one function until it returns; the caller must make the function return."""

    def __init__(self, name: str, loop: Callable[[], None]) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setStackSize(_STACK_BYTES)
        self._loop = loop

    def run(self) -> None:
        """Runs the function; called by Qt."""
        try:
            self._loop()
        except Exception:
            log.exception("the thread %r ended with an unexpected error", self.objectName())

    def join(self, timeout_ms: int = STOP_TIMEOUT_MS) -> bool:
        """Waits until the function has returned. Returns False if it still runs after ``timeout_ms``."""
        if self.wait(QDeadlineTimer(timeout_ms)):
            return True
        log.warning("the thread %r is still busy after %d ms", self.objectName(), timeout_ms)
        return False


class Post(QObject):
    """Delivers values from any thread to a handler on the thread that created this object."""

    _posted = Signal(object)

    def __init__(self, handler: Callable[[object], None], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._handler = handler
        self._posted.connect(self._handle, Qt.ConnectionType.QueuedConnection)

    def __call__(self, value: object) -> None:
        """Queues a value for the event loop of that thread. Values are handled in the order sent."""
        try:
            self._posted.emit(value)
        except RuntimeError:
            # The program is closing: the C++ object of the receiver is deleted already.
            log.debug("dropped %r: its receiver is deleted", type(value).__name__)

    def _handle(self, value: object) -> None:
        self._handler(value)
