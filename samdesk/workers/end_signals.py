"""Ctrl+C and the system's request to end (SIGTERM, SIGHUP), received by Qt's event loop."""

from __future__ import annotations

import contextlib
import signal
import socket

from PySide6.QtCore import QObject, QSocketNotifier, Signal

_NAMES = ("SIGINT", "SIGTERM", "SIGHUP", "SIGBREAK")


class EndSignals(QObject):
    """Tells the main thread that the process is to end.

    Python handles a signal only between two of its own instructions, and none runs while the event loop
    waits: a byte that the signal writes to a socket wakes the loop.

    Signals:
        received: (number of the signal) emitted once. From then on a signal ends the process at once.
    """

    received = Signal(int)

    def __init__(self, parent: QObject | None = None) -> None:
        """Installs the handlers; main thread only."""
        super().__init__(parent)
        self._numbers = [getattr(signal, name) for name in _NAMES if hasattr(signal, name)]
        self._read, self._write = socket.socketpair()
        for end in (self._read, self._write):
            end.setblocking(False)
        self._notifier = QSocketNotifier(self._read.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._wake)
        self._wakeup_before = signal.set_wakeup_fd(self._write.fileno(), warn_on_full_buffer=False)
        self._before = {number: signal.signal(number, self._ignore) for number in self._numbers}

    def remove(self) -> None:
        """Puts back the handlers that were there before."""
        for number, handler in self._before.items():
            signal.signal(number, handler)
        self._before = {}
        signal.set_wakeup_fd(self._wakeup_before)
        self._notifier.setEnabled(False)
        self._read.close()
        self._write.close()

    def _wake(self) -> None:
        received = b""
        with contextlib.suppress(OSError):
            received = self._read.recv(64)
        number = next((code for code in received if code in self._numbers), None)
        if number is not None:
            self._notifier.setEnabled(False)
            for each in self._numbers:
                signal.signal(each, signal.SIG_DFL)
            self.received.emit(number)

    def _ignore(self, _number: int, _frame: object) -> None:
        """Python's part of a signal; the byte that wakes the loop was written before."""
