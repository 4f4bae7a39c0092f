"""OpenModels: asks on a thread which models with an open vocabulary there are, and what they lack."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TypeVar

from PySide6.QtCore import QObject

from samdesk.engine.models.open_vocabulary import choose_open_model, words_missing
from samdesk.workers.job import Job

T = TypeVar("T")


class OpenModels(QObject):
    """Looks at files of weights without blocking the window. An answer is not given after ``stop``."""

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._jobs: set[Job] = set()

    def choose(self, preferred: str, then: Callable[[str], object]) -> None:
        """Passes the model to use to ``then``: the preferred one if it is there, else another; "": none."""
        self.ask(partial(choose_open_model, preferred), then)

    def words_missing(self, name: str, then: Callable[[str], object]) -> None:
        """Passes on why a model understands no words; "": it does, or is not known."""
        self.ask(partial(words_missing, name), then)

    def ask(self, question: Callable[[], T], then: Callable[[T], object]) -> None:
        """Passes what a function returns, which is called on a thread, to another."""
        job = Job(question, self)
        job.done.connect(then)
        job.finished.connect(lambda: self._forget(job))
        self._jobs.add(job)
        job.start()

    def stop(self) -> None:
        """Waits for what is being looked at."""
        for job in tuple(self._jobs):
            job.done.disconnect()
            job.wait()

    def _forget(self, job: Job) -> None:
        self._jobs.discard(job)
        job.deleteLater()
