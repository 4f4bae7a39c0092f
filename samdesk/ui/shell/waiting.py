"""Waits on the main thread for what its event loop brings."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEventLoop, QTimer

_LOOK_MS = 20


def wait_until(holds: Callable[[], bool], timeout_ms: int) -> bool:
    """Processes events, but no input of the user, until a condition holds; returns whether it does."""
    loop = QEventLoop()
    late, look = QTimer(singleShot=True, interval=timeout_ms), QTimer(interval=_LOOK_MS)
    late.timeout.connect(loop.quit)
    look.timeout.connect(lambda: loop.quit() if holds() else None)
    late.start()
    look.start()
    loop.exec(QEventLoop.ProcessEventsFlag.ExcludeUserInputEvents)
    return holds()
