"""Runs a function in a thread and delivers its result on the main thread."""

from __future__ import annotations

import logging
from collections.abc import Callable

from PySide6.QtCore import QObject, QThread, Signal

from samdesk.base.errors import UserError

log = logging.getLogger(__name__)


class Job(QThread):
    """Runs ``work()`` once in a thread; the signals are delivered on the main thread.

    Signals:
        done: What it returned.
        failed: The error message. Only errors that are not a ``UserError`` are logged, as bugs.
    """

    done = Signal(object)
    failed = Signal(str)

    def __init__(self, work: Callable[[], object], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._work = work

    def run(self) -> None:
        """The thread's body; Qt calls it."""
        try:
            result = self._work()
        except UserError as error:  # for the user, not a bug
            self.failed.emit(str(error))
        except Exception as error:
            log.exception("a background job failed")
            self.failed.emit(str(error) or type(error).__name__)
        else:
            self.done.emit(result)
