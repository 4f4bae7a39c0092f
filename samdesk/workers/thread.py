"""How threads start, speak and end. A thread is never killed: it is asked, and waited for."""

from __future__ import annotations

import logging
from collections.abc import Callable

from PySide6.QtCore import QDeadlineTimer, QObject, Qt, QThread, Signal

log = logging.getLogger(__name__)

STOP_TIMEOUT_MS = 30_000
"""How long a stop waits at most: an image encoder on a slow CPU cannot be interrupted."""

_STACK_BYTES = 16 * 1024 * 1024  # macOS gives a secondary thread 512 KiB, too little for some networks


class LoopThread(QThread):
    """A thread that runs one function until it returns; the function knows how to be asked to stop."""

    def __init__(self, name: str, loop: Callable[[], None]) -> None:
        super().__init__()
        self.setObjectName(name)
        self.setStackSize(_STACK_BYTES)
        self._loop = loop

    def run(self) -> None:
        """The thread's body; Qt calls it."""
        try:
            self._loop()
        except Exception:
            log.exception("the thread %r ended by an unexpected error", self.objectName())

    def join(self, timeout_ms: int = STOP_TIMEOUT_MS) -> bool:
        """Waits until the function has returned; False if it still runs after ``timeout_ms``."""
        if self.wait(QDeadlineTimer(timeout_ms)):
            return True
        log.warning("the thread %r is still busy after %d ms", self.objectName(), timeout_ms)
        return False


class Post(QObject):
    """Carries values from any thread to a handler on the thread this object was made on."""

    _posted = Signal(object)

    def __init__(self, handler: Callable[[object], None], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._handler = handler
        self._posted.connect(self._handle, Qt.ConnectionType.QueuedConnection)

    def __call__(self, value: object) -> None:
        """Sends a value; it is handled when the event loop comes to it, in the order sent."""
        try:
            self._posted.emit(value)
        except RuntimeError:
            # The window side is gone already (the program is closing): nobody is left to tell.
            log.debug("dropped %r: its receiver is gone", type(value).__name__)

    def _handle(self, value: object) -> None:
        self._handler(value)
