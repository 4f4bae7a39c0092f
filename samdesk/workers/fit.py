"""Runs the training of a segmentation model in a separate process, ``samdesk fit --json``."""

from __future__ import annotations

import shlex
from collections.abc import Callable
from pathlib import Path
from typing import TypeAlias

from PySide6.QtCore import QObject

from samdesk.base import child_process
from samdesk.training.fit.events import FitEnded, FitFailed, FitResult, FitStopped, from_line
from samdesk.training.fit.settings import FitSettings
from samdesk.workers.failure import Failure
from samdesk.workers.training_process import TrainingProcess

FitArguments: TypeAlias = Callable[[Path, FitSettings | None], list[str]]
"""(dataset, settings or None to resume) -> the arguments of the training process."""

_BUSY = Failure("A model is already being trained.", next="Wait until it finishes, or stop it.")
_RESUME = "Finished epochs are kept; resume the training (Model > Resume training)."


class FitClient(TrainingProcess):
    """Starts and watches the training of a segmentation model, one at a time.

    Its events are ``FitNote``, ``FitBegun``, ``FitProgress`` and ``FitEpoch``, its result is ``FitResult``.

    Args:
        arguments: Makes the arguments of the process; None: ``fit_arguments``.
        parent: Qt parent.
    """

    def __init__(self, arguments: FitArguments | None = None, parent: QObject | None = None) -> None:
        super().__init__(_BUSY, _RESUME, parent)
        self._arguments = arguments or fit_arguments

    def start(self, folder: Path, settings: FitSettings | None) -> None:
        """Starts a training, or resumes the last one; ``finished`` is emitted at its end."""
        self.launch(self._arguments(folder, settings))

    def handle_line(self, line: str) -> None:
        """Handles an event of the process."""
        event = from_line(line)
        if isinstance(event, FitEnded):
            self.note_end()
        elif isinstance(event, FitStopped):
            self.note_stopped()
            self.event_received.emit(event)
        elif isinstance(event, FitResult):
            self.result.emit(event)
        elif isinstance(event, FitFailed):
            self.note_failure(Failure(event.message, next=event.next))
        elif event is not None:
            self.event_received.emit(event)


def fit_arguments(folder: Path, settings: FitSettings | None) -> list[str]:
    """The arguments with which ``child_process.program`` runs a training; ``settings``: None to resume."""
    command = ["fit", "--json", "--background"]
    if settings is None:
        command.append("--resume")
    else:
        values = {name: value for name, value in settings.to_json().items() if name != "more"}
        command += [f"--{name}={value}" for name, value in values.items()]
    more = [] if settings is None else shlex.split(settings.more)
    return child_process.arguments(*command, "--", str(folder.absolute()), *more)
