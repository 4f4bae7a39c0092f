"""Runs trainings in separate processes, so that neither a crash nor full memory affects the window.

Such a process prints its events as lines, at low priority. It stops when it reads "stop" or the end of file
on its standard input, so it never outlives the window. Its state is on disk: however it ends, the next one
resumes from there.
"""

from __future__ import annotations

import logging
import os
import sys

from PySide6.QtCore import QObject, QProcess, QProcessEnvironment, QTimer, Signal

from samdesk.base import child_process
from samdesk.workers.failure import Failure

log = logging.getLogger(__name__)

STOP_TIMEOUT_MS = 20_000
"""Time for a process to stop after a request: one batch on a slow machine."""
_EXIT_TIMEOUT_MS = 3_000
_MAX_STDERR = 4000


class TrainingProcess(QObject):
    """Starts and watches a training process, one at a time. Lives on the main thread; only ``stop`` blocks.

    Args:
        busy: What is said when one runs already.
        resume: What is said when it was killed.
        parent: Qt parent.

    Signals:
        event_received: An event of the training.
        result: What it has made, on disk and not yet in use.
        failed: ``Failure`` of a part or of the whole training.
        finished: Emitted last, with whether the user stopped the training.
    """

    event_received = Signal(object)
    result = Signal(object)
    failed = Signal(object)
    finished = Signal(bool)

    def __init__(self, busy: Failure, resume: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._busy, self._resume = busy, resume
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

    def launch(self, arguments: list[str]) -> None:
        """Starts a process with these arguments; ``finished`` is emitted at its end."""
        if self._process is not None:
            self.failed.emit(self._busy)
            return
        self._buffer, self._stderr = b"", ""
        self._end_received = self._stopping = self._failed = False
        process = QProcess(self)
        process.setProcessEnvironment(_environment())
        process.setWorkingDirectory(str(child_process.folder()))
        process.setProgram(child_process.program())
        process.setArguments(arguments)
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
            self.handle_line(line.decode("utf-8", "replace"))

    def handle_line(self, line: str) -> None:
        """Handles a line of the process's output; subclasses emit signals and call the ``note_`` methods."""

    def note_end(self) -> None:
        """The process has said that it ends."""
        self._end_received = True

    def note_stopped(self) -> None:
        """The process has said that it was stopped."""
        self._stopping = True

    def note_failure(self, failure: Failure) -> None:
        """The process has said that the training failed."""
        self._failed = True
        self.failed.emit(failure)

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
        self.failed.emit(Failure(what, next=self._resume))

    def _release_process(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.deleteLater()
        self.finished.emit(self._stopping)


def _environment() -> QProcessEnvironment:
    environment = QProcessEnvironment()
    for name, value in child_process.environment().items():
        environment.insert(name, value)
    environment.insert("PYTHONUNBUFFERED", "1")
    if not environment.contains("OMP_NUM_THREADS"):  # leaves a core to the window
        environment.insert("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 2) - 1)))
    return environment
