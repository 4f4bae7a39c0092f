"""A process that works for a window: it leaves the machine to who uses it, and hears when to stop."""

from __future__ import annotations

import contextlib
import os
import sys
from threading import Thread

from samdesk.base.jobs import CancelToken

STOP = "stop"
"""The word on the standard input that asks for a stop; its end says that the window is gone."""

_NICE = 10
_BELOW_NORMAL = 0x4000


def give_way() -> None:
    """Lowers this process's priority: everything else on the machine goes before it."""
    with contextlib.suppress(OSError, AttributeError):
        if sys.platform == "win32":
            import ctypes

            kernel = ctypes.windll.kernel32
            kernel.SetPriorityClass(kernel.GetCurrentProcess(), _BELOW_NORMAL)
        else:
            os.nice(_NICE)


def listen(cancel: CancelToken) -> None:
    """Cancels when the standard input says so or ends, in a thread that ends with the process."""

    def wait() -> None:
        heard = b""
        with contextlib.suppress(OSError):
            # Not through sys.stdin: its lock, held here, would make the end of the program an abort.
            while STOP.encode() not in heard and (more := os.read(0, 64)):
                heard += more
        cancel.cancel()

    Thread(target=wait, name="listen", daemon=True).start()
