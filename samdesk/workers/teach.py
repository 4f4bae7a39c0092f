"""Runs trainings in a separate process, so that neither a crash nor full memory affects the window.

The process is ``samdesk teach --json`` at low priority. It stops when it reads "stop" or the end of file on
its standard input, so it never outlives the window. Its state is on disk: however it ends, the next one
resumes from there.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from PySide6.QtCore import QObject, QProcess, QProcessEnvironment, QTimer, Signal

from samdesk.base import child_process
from samdesk.training.record.taught_weights import DETECTOR, MASKS, Kind
from samdesk.training.teach.events import (
    Event,
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

log = logging.getLogger(__name__)

STOP_TIMEOUT_MS = 20_000
"""Time for a process to stop after a request: one batch on a slow machine."""
_EXIT_TIMEOUT_MS = 3_000
_MAX_STDERR = 4000

Arguments: TypeAlias = Callable[[Path, Sequence[Kind]], list[str]]
"""(dataset, kinds) -> the arguments of the training process."""

_RESUME = "Progress so far is kept; teach again to resume."


class TeachClient(QObject):
    """Starts and watches the training process, one at a time. Lives on the main thread; only ``stop`` blocks.

    Args:
        arguments: Makes the arguments of the process; None: ``teach_arguments``.
        parent: Qt parent.

    Signals:
        event_received: ``MaterialFound``, ``TrainingStarted`` or ``TrainingProgress``.
        result: ``TaughtWeights``, on disk and not yet in use.
        failed: ``Failure`` of one kind or of the whole run; the other kind may still follow.
        finished: Emitted last, with whether the user stopped the run.
    """

    event_received = Signal(object)
    result = Signal(object)
    failed = Signal(object)
    finished = Signal(bool)

    def __init__(self, arguments: Arguments | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._arguments = arguments or teach_arguments
        self._process: QProcess | None = None
        self._buffer = b""
        self._stderr = ""
        self._end_received = self._stopping = self._failed = False
        self._stop_timer = QTimer(self)
        self._stop_timer.setSingleShot(True)
        self._stop_timer.timeout.connect(self._kill)

    @property
    def running(self) -> bool:
        """Whether a training is running."""
        return self._process is not None

    @property
    def process_id(self) -> int:
        """The process id; 0 if none is running."""
        return self._process.processId() if self._process is not None else 0

    def start(self, folder: Path, kinds: Sequence[Kind]) -> None:
        """Starts a training, or resumes the last one; ``finished`` is emitted at its end."""
        if self._process is not None:
            self.failed.emit(
                Failure("Flint is already being taught.", next="Wait until it finishes, or stop it.")
            )
            return
        self._buffer, self._stderr = b"", ""
        self._end_received = self._stopping = self._failed = False
        process = QProcess(self)
        process.setProcessEnvironment(_environment())
        process.setWorkingDirectory(str(child_process.folder()))
        process.setProgram(child_process.program())
        process.setArguments(self._arguments(folder, kinds))
        process.readyReadStandardOutput.connect(self._read)
        process.readyReadStandardError.connect(self._read_errors)
        process.finished.connect(self._on_finished)
        process.errorOccurred.connect(self._on_error)
        self._process = process
        process.start()

    def cancel(self) -> None:
        """Asks the process to stop; its progress is kept."""
        if self._process is not None and not self._stopping:
            self._stopping = True
            self._request_stop()
            self._stop_timer.start(STOP_TIMEOUT_MS)

    def stop(self, timeout_ms: int = _EXIT_TIMEOUT_MS) -> bool:
        """Stops the process, or kills it after the timeout; called at exit. Returns True."""
        self._stop_timer.stop()
        process = self._process
        if process is not None:
            self._stopping = True
            process.blockSignals(True)
            self._request_stop()
            if not process.waitForFinished(timeout_ms):
                process.kill()
                process.waitForFinished(_EXIT_TIMEOUT_MS)
            self._process = None
        return True

    def _request_stop(self) -> None:
        if self._process is not None:
            self._process.write(b"stop\n")
            self._process.closeWriteChannel()

    def _kill(self) -> None:
        if self._process is not None:
            log.warning("the training process did not stop within %d ms and is killed", STOP_TIMEOUT_MS)
            self._process.kill()

    def _read(self) -> None:
        if self._process is None:
            return
        self._buffer += bytes(self._process.readAllStandardOutput().data())
        *lines, self._buffer = self._buffer.split(b"\n")
        for line in lines:
            event = from_line(line.decode("utf-8", "replace"))
            if event is not None:
                self._dispatch(event)

    def _dispatch(self, event: Event) -> None:
        if isinstance(event, TrainingEnded):
            self._end_received = True
        elif isinstance(event, TrainingStopped):
            self._stopping = True
        elif isinstance(event, TrainingResult):
            self.result.emit(event.entry)
        elif isinstance(event, TrainingFailed):
            self._failed = True
            self.failed.emit(Failure(event.message, where=event.kind or ""))
        elif isinstance(event, (MaterialFound, TrainingStarted, TrainingProgress)):
            self.event_received.emit(event)

    def _read_errors(self) -> None:
        if self._process is not None:
            text = bytes(self._process.readAllStandardError().data()).decode("utf-8", "replace")
            self._stderr = (self._stderr + text)[-_MAX_STDERR:]

    def _on_error(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart and self._process is not None:
            reason = self._process.errorString()
            self.failed.emit(Failure(f"The training could not be started: {reason}.", sys.executable))
            self._release_process()

    def _on_finished(self, code: int, status: QProcess.ExitStatus) -> None:
        self._read()
        self._read_errors()
        self._stop_timer.stop()
        if not (self._end_received or self._stopping or self._failed):
            self._report_crash(code, status)
        self._release_process()

    def _report_crash(self, code: int, status: QProcess.ExitStatus) -> None:
        log.error("the training process exited with code %s: %s", code, self._stderr)
        if status == QProcess.ExitStatus.CrashExit:
            what = "The training process was killed by the system, perhaps because memory ran out."
        else:
            last = next(
                (line for line in reversed(self._stderr.splitlines()) if line.strip()), f"code {code}"
            )
            what = f"The training process ended unexpectedly ({last.strip()[:300]})."
        self.failed.emit(Failure(what, next=_RESUME))

    def _release_process(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.deleteLater()
        self.finished.emit(self._stopping)


def teach_arguments(folder: Path, kinds: Sequence[Kind]) -> list[str]:
    """The arguments with which ``child_process.program`` runs a training."""
    masks = "--masks" if MASKS in kinds else "--no-masks"
    detector = "--detector" if DETECTOR in kinds else "--no-detector"
    return child_process.arguments(
        "teach", str(folder.absolute()), masks, detector, "--no-use", "--json", "--background"
    )


def _environment() -> QProcessEnvironment:
    environment = QProcessEnvironment()
    for name, value in child_process.environment().items():
        environment.insert(name, value)
    environment.insert("PYTHONUNBUFFERED", "1")
    if not environment.contains("OMP_NUM_THREADS"):  # leaves a core to the window
        environment.insert("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 2) - 1)))
    return environment
