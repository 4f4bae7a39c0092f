"""Support for a background process of the window: low priority, and a stop on request."""

from __future__ import annotations

import contextlib
import os
import sys
from threading import Thread

from samdesk.base.jobs import CancelToken

STOP = "stop"
"""The line on the standard input that requests a stop; end of file means that the window is closed."""

_NICE = 10
_BELOW_NORMAL = 0x4000


def lower_priority() -> None:
    """Lowers this process's priority, so that everything else on the machine comes first."""
    with contextlib.suppress(OSError, AttributeError):
        if sys.platform == "win32":
            import ctypes

            kernel = ctypes.windll.kernel32
            kernel.SetPriorityClass(kernel.GetCurrentProcess(), _BELOW_NORMAL)
        else:
            os.nice(_NICE)


def stop_on_stdin(cancel: CancelToken) -> None:
    """Cancels on ``STOP`` or end of file on the standard input, in a daemon thread."""

    def wait() -> None:
        received = b""
        with contextlib.suppress(OSError):
            # Not through sys.stdin: its lock, held by this thread, would make the interpreter abort at exit.
            while STOP.encode() not in received and (chunk := os.read(0, 64)):
                received += chunk
        cancel.cancel()

    Thread(target=wait, name="stop-on-stdin", daemon=True).start()
