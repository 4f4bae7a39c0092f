"""TeachClient: teaching in a process of its own, so that nothing it does can touch the window.

The process is ``samdesk teach --json`` at a low priority. It is asked to stop by a word on its standard
input, and stops by itself when that ends, so it never outlives the window. What it has learned is on disk
all the while: however it ends, the next one goes on from there.
"""

from __future__ import annotations

import logging
import os
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import TypeAlias

from PySide6.QtCore import QObject, QProcess, QProcessEnvironment, QTimer, Signal

from samdesk.training.record.teaching import DETECTOR, MASKS, Kind
from samdesk.training.teach.events import (
    Begun,
    Ended,
    Event,
    Failed,
    Found,
    Progressed,
    Result,
    Stopped,
    from_line,
)
from samdesk.workers.failure import Failure

log = logging.getLogger(__name__)

PATIENCE_MS = 20_000
"""How long a process that was asked to stop may take: a batch on a slow machine."""
_LAST_PATIENCE_MS = 3_000
_KEPT_ERRORS = 4000

Arguments: TypeAlias = Callable[[Path, Sequence[Kind]], list[str]]
"""(dataset, kinds) -> the arguments of the process that teaches them."""

_GO_ON = "What it has learned is kept: teach again to go on from there."


class TeachClient(QObject):
    """Teaches one dataset at a time. Lives on the main thread and never waits there, but in ``stop``.

    Args:
        arguments: What this Python, or the frozen program, is started with; None: to teach.
        parent: Qt parent.

    Signals:
        told: ``Found``, ``Begun`` or ``Progressed``.
        result: ``Teaching``, kept on disk and not in use yet.
        failed: ``Failure`` of a kind or of the whole; the other kind may still come.
        finished: Whether it was stopped by the user; nothing more comes.
    """

    told = Signal(object)
    result = Signal(object)
    failed = Signal(object)
    finished = Signal(bool)

    def __init__(self, arguments: Arguments | None = None, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._arguments = arguments or teach_arguments
        self._process: QProcess | None = None
        self._buffer = b""
        self._errors = ""
        self._ended = self._stopping = self._failed = False
        self._patience = QTimer(self)
        self._patience.setSingleShot(True)
        self._patience.timeout.connect(self._kill)

    @property
    def running(self) -> bool:
        """Whether a teaching goes on."""
        return self._process is not None

    @property
    def process_id(self) -> int:
        """The system's number of the process; 0 for none."""
        return self._process.processId() if self._process is not None else 0

    def start(self, folder: Path, kinds: Sequence[Kind]) -> None:
        """Begins, or goes on where the last one stopped; ``finished`` ends it."""
        if self._process is not None:
            self.failed.emit(Failure("Flint is being taught already.", next="Wait for it, or stop it."))
            return
        self._buffer, self._errors = b"", ""
        self._ended = self._stopping = self._failed = False
        process = QProcess(self)
        process.setProcessEnvironment(_environment())
        process.setProgram(program())
        process.setArguments(self._arguments(folder, kinds))
        process.readyReadStandardOutput.connect(self._read)
        process.readyReadStandardError.connect(self._read_errors)
        process.finished.connect(self._end)
        process.errorOccurred.connect(self._not_started)
        self._process = process
        process.start()

    def cancel(self) -> None:
        """Asks for a stop; what was learned is kept."""
        if self._process is not None and not self._stopping:
            self._stopping = True
            self._ask()
            self._patience.start(PATIENCE_MS)

    def stop(self, timeout_ms: int = _LAST_PATIENCE_MS) -> bool:
        """Ends the process, asked first; it is called when the window is gone. Always True."""
        self._patience.stop()
        process = self._process
        if process is not None:
            self._stopping = True
            process.blockSignals(True)
            self._ask()
            if not process.waitForFinished(timeout_ms):
                process.kill()
                process.waitForFinished(_LAST_PATIENCE_MS)
            self._process = None
        return True

    def _ask(self) -> None:
        if self._process is not None:
            self._process.write(b"stop\n")
            self._process.closeWriteChannel()

    def _kill(self) -> None:
        if self._process is not None:
            log.warning("the teaching did not stop in %d ms: it is killed", PATIENCE_MS)
            self._process.kill()

    def _read(self) -> None:
        if self._process is None:
            return
        self._buffer += bytes(self._process.readAllStandardOutput().data())
        *lines, self._buffer = self._buffer.split(b"\n")
        for line in lines:
            event = from_line(line.decode("utf-8", "replace"))
            if event is not None:
                self._tell(event)

    def _tell(self, event: Event) -> None:
        if isinstance(event, Ended):
            self._ended = True
        elif isinstance(event, Stopped):
            self._stopping = True
        elif isinstance(event, Result):
            self.result.emit(event.teaching)
        elif isinstance(event, Failed):
            self._failed = True
            self.failed.emit(Failure(event.message, where=event.kind or ""))
        elif isinstance(event, (Found, Begun, Progressed)):
            self.told.emit(event)

    def _read_errors(self) -> None:
        if self._process is not None:
            text = bytes(self._process.readAllStandardError().data()).decode("utf-8", "replace")
            self._errors = (self._errors + text)[-_KEPT_ERRORS:]

    def _not_started(self, error: QProcess.ProcessError) -> None:
        if error == QProcess.ProcessError.FailedToStart and self._process is not None:
            why = self._process.errorString()
            self.failed.emit(Failure(f"The teaching could not be started: {why}.", sys.executable))
            self._forget()

    def _end(self, code: int, status: QProcess.ExitStatus) -> None:
        self._read()
        self._read_errors()
        self._patience.stop()
        if not (self._ended or self._stopping or self._failed):
            self._tell_of_crash(code, status)
        self._forget()

    def _tell_of_crash(self, code: int, status: QProcess.ExitStatus) -> None:
        log.error("the teaching ended with %s: %s", code, self._errors)
        if status == QProcess.ExitStatus.CrashExit:
            what = "The teaching was ended by the system, perhaps because the memory was full."
        else:
            last = next(
                (line for line in reversed(self._errors.splitlines()) if line.strip()), f"code {code}"
            )
            what = f"The teaching ended too early ({last.strip()[:300]})."
        self.failed.emit(Failure(what, next=_GO_ON))

    def _forget(self) -> None:
        process, self._process = self._process, None
        if process is not None:
            process.deleteLater()
        self.finished.emit(self._stopping)


def program() -> str:
    """This Python or, frozen, this program: the one that has a standard output, if there are two."""
    own = Path(sys.executable)
    speaking = own.with_name(own.name.replace("-gui", ""))
    return str(speaking if getattr(sys, "frozen", False) and speaking.is_file() else own)


def teach_arguments(folder: Path, kinds: Sequence[Kind]) -> list[str]:
    """The arguments that make this Python, or the frozen program, teach."""
    words = [] if getattr(sys, "frozen", False) else ["-m", "samdesk"]
    masks = "--masks" if MASKS in kinds else "--no-masks"
    detector = "--detector" if DETECTOR in kinds else "--no-detector"
    return [*words, "teach", str(folder), masks, detector, "--no-use", "--json", "--background"]


def _environment() -> QProcessEnvironment:
    environment = QProcessEnvironment.systemEnvironment()
    environment.insert("PYTHONUTF8", "1")
    environment.insert("PYTHONUNBUFFERED", "1")
    if not environment.contains("OMP_NUM_THREADS"):  # a core is left to the window
        environment.insert("OMP_NUM_THREADS", str(max(1, (os.cpu_count() or 2) - 1)))
    return environment
