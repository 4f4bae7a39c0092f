"""Job: one function in a thread of its own, its answer brought back to the main thread."""

from __future__ import annotations

import logging
from collections.abc import Callable

from PySide6.QtCore import QObject, QThread, Signal

log = logging.getLogger(__name__)


class Job(QThread):
    """Runs ``work()`` once.

    Signals:
        done: What it returned.
        failed: In words, why it did not.
    """

    done = Signal(object)
    failed = Signal(str)

    def __init__(self, work: Callable[[], object], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._work = work

    def run(self) -> None:
        """The thread's body; Qt calls it."""
        try:
            answer = self._work()
        except Exception as error:
            log.exception("a background job failed")
            self.failed.emit(str(error) or type(error).__name__)
        else:
            self.done.emit(answer)
