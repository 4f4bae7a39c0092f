"""Ctrl+C: the first stops a long job at its next safe point, the second at once."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from samdesk.base.jobs import CancelToken
from samdesk.cli.output import echo


@contextmanager
def stop_on_ctrl_c(cancel: CancelToken, message: str) -> Iterator[None]:
    """Turns Ctrl+C (SIGINT) and SIGTERM into ``cancel`` while the context is active.

    Args:
        cancel: Cancelled by the first signal.
        message: Printed then ("Stopping after this image").

    Raises:
        KeyboardInterrupt: Ctrl+C was pressed again.
    """

    def stop(_number: int, _frame: FrameType | None) -> None:
        if cancel.cancelled:
            raise KeyboardInterrupt
        cancel.cancel()
        echo(f"{message} (press Ctrl+C again to stop at once) ...", err=True)

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
