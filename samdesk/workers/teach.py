"""Runs the trainings of Flint in a separate process, ``samdesk teach --json``."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from PySide6.QtCore import QObject

from samdesk.base import child_process
from samdesk.training.record.taught_weights import DETECTOR, MASKS, Kind
from samdesk.training.teach.events import (
    MaterialFound,
    TrainingEnded,
    TrainingFailed,
    TrainingProgress,
    TrainingResult,
    TrainingStarted,
    TrainingStopped,
    from_line,
)
from samdesk.workers.failure import Failure
from samdesk.workers.training_process import TrainingProcess

Arguments: TypeAlias = Callable[[Path, Sequence[Kind]], list[str]]
"""(dataset, kinds) -> the arguments of the training process."""

_BUSY = Failure("Flint is already being taught.", next="Wait until it finishes, or stop it.")
_RESUME = "Progress so far is kept; teach again to resume."


class TeachClient(TrainingProcess):
    """Starts and watches the training of Flint, one at a time.

    Its events are ``MaterialFound``, ``TrainingStarted`` and ``TrainingProgress``, its result is
    ``TaughtWeights``. After a failure of one kind the other may still follow.

    Args:
        arguments: Makes the arguments of the process; None: ``teach_arguments``.
        parent: Qt parent.
    """

    def __init__(self, arguments: Arguments | None = None, parent: QObject | None = None) -> None:
        super().__init__(_BUSY, _RESUME, parent)
        self._arguments = arguments or teach_arguments

    def start(self, folder: Path, kinds: Sequence[Kind]) -> None:
        """Starts a training, or resumes the last one; ``finished`` is emitted at its end."""
        self.launch(self._arguments(folder, kinds))

    def handle_line(self, line: str) -> None:
        """Handles an event of the process."""
        event = from_line(line)
        if isinstance(event, TrainingEnded):
            self.note_end()
        elif isinstance(event, TrainingStopped):
            self.note_stopped()
        elif isinstance(event, TrainingResult):
            self.result.emit(event.entry)
        elif isinstance(event, TrainingFailed):
            self.note_failure(Failure(event.message, where=event.kind or ""))
        elif isinstance(event, (MaterialFound, TrainingStarted, TrainingProgress)):
            self.event_received.emit(event)


def teach_arguments(folder: Path, kinds: Sequence[Kind]) -> list[str]:
    """The arguments with which ``child_process.program`` runs a training."""
    masks = "--masks" if MASKS in kinds else "--no-masks"
    detector = "--detector" if DETECTOR in kinds else "--no-detector"
    return child_process.arguments(
        "teach", str(folder.absolute()), masks, detector, "--no-use", "--json", "--background"
    )
