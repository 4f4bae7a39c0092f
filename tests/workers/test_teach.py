"""The training process, started for real: progress, stop, crashes of either side, resuming."""

from __future__ import annotations

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from threading import Timer
from typing import Any

import psutil
import pytest
from PySide6.QtCore import QObject
from pytestqt.qtbot import QtBot

from samdesk.base import child_process
from samdesk.training.record.taught_record import DETECTOR, MASKS, TaughtRecord, TaughtWeights
from samdesk.training.teach.events import (
    MaterialFound,
    TrainingEnded,
    TrainingFailed,
    TrainingProgress,
    TrainingResult,
    TrainingStarted,
    TrainingStopped,
    WeightsUsed,
    from_line,
    to_line,
)
from samdesk.workers import training_process as worker
from samdesk.workers.failure import Failure
from samdesk.workers.teach import Arguments, TeachClient, teach_arguments
from tests.helpers import teach_processes

ROOT = Path(__file__).resolve().parents[2]
PATIENCE_MS = 240_000


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    (tmp_path / "photos").mkdir()
    return tmp_path / "photos"


class Recorder(QObject):
    """Records the signals of a client."""

    def __init__(self, arguments: Arguments) -> None:
        super().__init__()
        self.client = TeachClient(arguments)
        self.events: list[Any] = []
        self.results: list[TaughtWeights] = []
        self.failures: list[Failure] = []
        self.finished: list[bool] = []
        self.client.event_received.connect(self.events.append)
        self.client.result.connect(self.results.append)
        self.client.failed.connect(self.failures.append)
        self.client.finished.connect(self.finished.append)

    @property
    def progress(self) -> list[TrainingProgress]:
        return [event for event in self.events if isinstance(event, TrainingProgress)]


@pytest.fixture
def record() -> Iterator[Callable[[Arguments], Recorder]]:
    recorder: list[Recorder] = []

    def start(arguments: Arguments) -> Recorder:
        recorder.append(Recorder(arguments))
        return recorder[-1]

    yield start
    for listener in recorder:
        listener.client.stop()


Record = Callable[[Arguments], Recorder]


def test_from_start_to_end(record: Record, folder: Path, qtbot: QtBot) -> None:
    recorder = record(teach_processes.stand_in())
    recorder.client.start(folder, [MASKS, DETECTOR])
    assert recorder.client.running
    recorder.client.start(folder, [DETECTOR])
    assert "already" in recorder.failures.pop().what
    qtbot.waitUntil(lambda: recorder.finished == [False], timeout=PATIENCE_MS)
    assert not recorder.client.running
    assert recorder.failures == []
    assert isinstance(recorder.events[0], MaterialFound)
    assert [event for event in recorder.events if isinstance(event, TrainingStarted)] == [
        TrainingStarted(MASKS),
        TrainingStarted(DETECTOR),
    ]
    assert [event.done for event in recorder.progress] == [1, 2, 3, 4, 5, 6] * 2
    assert [result.kind for result in recorder.results] == [MASKS, DETECTOR]
    assert tuple(recorder.results) == TaughtRecord.read(folder).entries
    assert not TaughtRecord.read(folder).in_use, "the user decides"


def test_stopped_on_request(record: Record, folder: Path, qtbot: QtBot) -> None:
    recorder = record(teach_processes.stand_in("wait"))
    recorder.client.start(folder, [DETECTOR])
    qtbot.waitUntil(lambda: len(recorder.progress) == 3, timeout=PATIENCE_MS)
    recorder.client.cancel()
    recorder.client.cancel()
    qtbot.waitUntil(lambda: recorder.finished == [True], timeout=PATIENCE_MS)
    assert (recorder.failures, recorder.results) == ([], [])


@pytest.mark.logs("workers.training_process: .*killed")
def test_a_process_that_ignores_the_request_is_killed(
    record: Record, folder: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(worker, "STOP_TIMEOUT_MS", 50)
    recorder = record(teach_processes.stand_in("deaf"))
    recorder.client.start(folder, [DETECTOR])
    qtbot.waitUntil(lambda: len(recorder.progress) == 3, timeout=PATIENCE_MS)
    recorder.client.cancel()
    qtbot.waitUntil(lambda: recorder.finished == [True], timeout=PATIENCE_MS)
    assert recorder.failures == []


def test_closing_the_window_ends_the_process(record: Record, folder: Path, qtbot: QtBot) -> None:
    recorder = record(teach_processes.stand_in("deaf"))
    recorder.client.start(folder, [DETECTOR])
    qtbot.waitUntil(lambda: len(recorder.progress) == 3, timeout=PATIENCE_MS)
    process = psutil.Process(recorder.client.process_id)
    assert recorder.client.stop(timeout_ms=50)
    process.wait(60)
    assert recorder.finished == []


@pytest.mark.skipif(os.name == "nt", reason="needs signals")
@pytest.mark.logs("workers.training_process: ")
def test_a_crash_is_reported_and_the_training_resumes(record: Record, folder: Path, qtbot: QtBot) -> None:
    modes = iter(["crash", "through"])
    recorder = record(teach_processes.stand_in(lambda: next(modes)))
    recorder.client.start(folder, [DETECTOR])
    qtbot.waitUntil(lambda: recorder.finished == [False], timeout=PATIENCE_MS)
    (failure,) = recorder.failures
    assert "killed by the system" in failure.what
    assert "teach again to resume" in failure.next
    recorder.client.start(folder, [DETECTOR])
    qtbot.waitUntil(lambda: recorder.finished == [False, False], timeout=PATIENCE_MS)
    assert TrainingStarted(DETECTOR, again=True) in recorder.events
    assert len(recorder.results) == 1


def test_a_failed_training_is_reported(record: Record, folder: Path, qtbot: QtBot) -> None:
    recorder = record(teach_processes.stand_in("fail"))
    recorder.client.start(folder, [MASKS])
    qtbot.waitUntil(lambda: recorder.finished == [False], timeout=PATIENCE_MS)
    assert [(f.what, f.where) for f in recorder.failures] == [
        ("There are 3 images with accepted masks.", MASKS)
    ]


@pytest.mark.logs("workers.training_process: ")
def test_a_process_that_ends_unexpectedly(record: Record, folder: Path, qtbot: QtBot) -> None:
    recorder = record(teach_processes.stand_in("error"))
    recorder.client.start(folder, [MASKS])
    qtbot.waitUntil(lambda: recorder.finished == [False], timeout=PATIENCE_MS)
    assert "ended unexpectedly (no memory left in this machine)" in recorder.failures[0].what


def test_a_missing_program(
    record: Record, folder: Path, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sys, "executable", str(folder / "no-python"))
    recorder = record(teach_processes.stand_in())
    recorder.client.start(folder, [MASKS])
    qtbot.waitUntil(lambda: recorder.finished == [False], timeout=PATIENCE_MS)
    assert "could not be started" in recorder.failures[0].what
    assert not recorder.client.running


WINDOW = """
import sys
from pathlib import Path
import psutil
from PySide6.QtCore import QCoreApplication
from samdesk.workers.teach import TeachClient
from tests.helpers import teach_processes
application = QCoreApplication([])
client = TeachClient(teach_processes.quick(Path(sys.argv[2])))
def tell(event):
    if "TrainingProgress" in str(event):
        psutil.Process(client.process_id).suspend()
    print(client.process_id, event, flush=True)
client.event_received.connect(tell)
client.finished.connect(application.quit)
client.start(Path(sys.argv[1]), ["detector"])
application.exec()
"""


@pytest.mark.logs("workers.training_process: ")
def test_a_real_training_resumes_after_crashes(record: Record, tmp_path: Path, qtbot: QtBot) -> None:
    base, folder = teach_processes.base(tmp_path), teach_processes.parts(tmp_path / "parts")
    recorder = record(teach_processes.quick(base))

    def hold(event: object) -> None:
        """Holds the training in its second epoch: otherwise it would soon be finished."""
        if isinstance(event, TrainingProgress) and event.done >= 3:
            psutil.Process(recorder.client.process_id).suspend()

    recorder.client.event_received.connect(hold)
    recorder.client.start(folder, [DETECTOR])
    qtbot.waitUntil(lambda: len(recorder.progress) >= 3, timeout=PATIENCE_MS)
    recorder.client.event_received.disconnect(hold)
    process = psutil.Process(recorder.client.process_id)
    assert process.nice() > psutil.Process().nice() or process.nice() == 19 or os.name == "nt"
    second = record(teach_processes.quick(base))
    second.client.start(folder, [DETECTOR])
    qtbot.waitUntil(lambda: second.finished == [False], timeout=PATIENCE_MS)
    assert "is being taught in another samdesk" in second.failures[0].what
    process.kill()
    qtbot.waitUntil(lambda: recorder.finished == [False], timeout=PATIENCE_MS)
    assert "killed by the system" in recorder.failures[0].what

    window = subprocess.Popen(
        [sys.executable, "-c", WINDOW, str(folder), str(base)], stdout=subprocess.PIPE, text=True, cwd=ROOT
    )
    assert window.stdout is not None
    watchdog = Timer(PATIENCE_MS / 1000, window.kill)
    watchdog.daemon = True
    watchdog.start()  # a window that has nothing more to say would be waited for without end
    lines: list[str] = []
    while not any("TrainingProgress" in line for line in lines):
        line = window.stdout.readline()
        assert line, f"no progress was told, only {lines}"
        lines.append(line)
    watchdog.cancel()
    last = lines[-1]
    assert "done=1," not in last, "the first epoch is not done again"
    child = psutil.Process(int(last.split()[0]))
    window.kill()
    window.communicate(timeout=60)
    child.resume()
    child.wait(PATIENCE_MS / 1000)  # it stops by itself

    recorder.client.start(folder, [DETECTOR])
    qtbot.waitUntil(lambda: recorder.finished == [False, False], timeout=PATIENCE_MS)
    assert TrainingStarted(DETECTOR, again=True) in recorder.events
    assert {event.total for event in recorder.progress} == {teach_processes.STEPS}
    (result,) = recorder.results
    assert result.names == teach_processes.LABELLED
    assert not TaughtRecord.read(folder).unfinished(DETECTOR)


def test_the_command_of_a_frozen_program(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    folder = str(Path.cwd() / "x")  # the training's working folder is another one
    assert teach_arguments(Path("x"), [MASKS])[:4] == ["-m", "samdesk", "teach", folder]
    assert "--no-detector" in teach_arguments(Path("x"), [MASKS])
    monkeypatch.setattr(sys, "frozen", True, raising=False)
    assert teach_arguments(Path("x"), [DETECTOR])[:3] == ["teach", folder, "--no-masks"]
    monkeypatch.setattr(sys, "executable", str(tmp_path / "samdesk-gui.exe"))
    assert child_process.program() == sys.executable
    (tmp_path / "samdesk.exe").touch()
    assert child_process.program() == str(tmp_path / "samdesk.exe")


def test_events_are_parsed_from_their_lines() -> None:
    events = [
        MaterialFound(9, 3, 2), TrainingStarted(MASKS), TrainingStarted(DETECTOR, again=True),
        TrainingProgress(MASKS, 1, 9, 0.5, 16.0),
        TrainingResult(TaughtWeights("m-1", MASKS, 1.0, path=Path("w"))), WeightsUsed(("a", "b")),
        TrainingFailed("no"), TrainingFailed("no", MASKS), TrainingStopped(), TrainingEnded(),
    ]  # fmt: skip
    assert [from_line(to_line(event)) for event in events] == events


@pytest.mark.parametrize(
    "line", ["", "{}", "[1]", "Epoch 3", '{"event": "begun"}', '{"event": "begun", "kind": "x"}']
)
def test_other_lines_are_ignored(line: str) -> None:
    assert from_line(line) is None
