"""What is saved when a signal ends the program, or when the user logs off."""

from __future__ import annotations

from collections.abc import Callable
from time import monotonic

from PySide6.QtCore import QTimer

from samdesk.desk import Desk
from samdesk.ui.shell.waiting import wait_until
from samdesk.workers.end_signals import EndSignals

MASKS_WAIT_MS = 10_000
_SIGNAL_SAVES_S = 60.0
"""The time for saving before a signal ends the program; systems kill it after 90 s."""


def end_on_signals(desk: Desk, leave_loop: Callable[[int], object]) -> EndSignals:
    """Ends the program at Ctrl+C or when the system asks for it, as closing the window does.

    Accepted masks are awaited for ``MASKS_WAIT_MS``; nobody is asked. The exit code is 128 and the number of
    the signal, as for a shell's other programs.
    """

    def end(number: int) -> None:
        late = QTimer(desk.view.window, singleShot=True)

        def leave() -> None:
            late.stop()
            desk.view.window.save_layout()
            end = monotonic() + _SIGNAL_SAVES_S
            desk.stop(lambda: monotonic() > end)  # nobody may be there to answer
            leave_loop(128 + number)

        if desk.flows.annotate.mask_pending:
            late.timeout.connect(leave)
            late.start(MASKS_WAIT_MS)
            desk.flows.navigate.run_after_masks(leave)
        else:
            leave()

    signals = EndSignals(desk.view.window)
    signals.received.connect(end)
    return signals


def save_before_log_off(desk: Desk) -> None:
    """Saves what closing the window saves and leaves it open, as the user may still cancel logging off.

    Accepted masks and saves are awaited for ``MASKS_WAIT_MS``; nobody is asked.
    """
    desk.view.window.save_layout()
    desk.flows.unfinished.keep()
    history, annotate = desk.workers.storage.history, desk.flows.annotate
    wait_until(lambda: history.stuck or not (annotate.mask_pending or history.pending), MASKS_WAIT_MS)
    desk.settings.flush()
