"""A disk that does not answer: the user is told, and can close the window without waiting for it."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from samdesk.app import Services
from samdesk.dataset.change import AppliedEdit
from samdesk.dataset.dataset import Dataset
from samdesk.dataset.types import CommittedStep
from samdesk.domain.edits import Transaction
from tests.helpers.desk import User
from tests.helpers.gated import Gate

SAYS = "A save does not come back"


class SlowDisk:
    """Every save passes a gate."""

    def __init__(self) -> None:
        self.gate = Gate()

    def open(self, folder: Path, store: Path | None) -> Dataset:
        gate = self.gate

        class Gated(Dataset):
            def commit_step(
                self, transaction: Transaction, applied: AppliedEdit | None = None
            ) -> CommittedStep:
                gate.pass_through()
                return super().commit_step(transaction, applied)

        return Gated.open(folder, store_path=store)


@pytest.fixture
def disk() -> SlowDisk:
    return SlowDisk()


@pytest.fixture
def slow_user(qtbot: QtBot, qapp: QApplication, disk: SlowDisk, folder: Path) -> User:
    user = User(qtbot, qapp, Services(open_dataset=disk.open))
    user.desk.flows.slow_disk.slow_ms = 20
    user.open(folder)
    return user


def test_a_save_that_does_not_come_back_is_said_until_it_does(
    slow_user: User, disk: SlowDisk, folder: Path
) -> None:
    disk.gate.close()
    slow_user.add_labels("cat")
    slow_user.until(lambda: SAYS in slow_user.message_text)
    assert str(folder) in slow_user.message_text
    slow_user.add_labels("dog")  # the window works on
    disk.gate.open()
    slow_user.until_saved()
    assert SAYS not in slow_user.message_text
    slow_user.close_window()
    again = Dataset.open(folder)
    assert list(again.labels.names) == ["cat", "dog"]
    again.close()


@pytest.mark.logs("still (busy|saving)")
def test_the_window_can_be_closed_without_waiting(slow_user: User, disk: SlowDisk) -> None:
    disk.gate.close()
    slow_user.add_labels("cat", "dog")
    disk.gate.wait_for_arrival()
    slow_user.answers.confirm = True
    slow_user.window.close()
    (question,) = slow_user.answers.asked
    assert question.startswith("Close without waiting? Saving in ")
    assert "2 changes not saved yet will be lost" in question
    assert not slow_user.window.isVisible()
    assert not slow_user.desk.stop(), "the process has to end"
    assert len(slow_user.answers.asked) == 1
    disk.gate.open()  # of the test only: its threads have to end
    assert slow_user.desk.workers.storage.stop()
    assert slow_user.desk.workers.inference.stop()
    slow_user.desk.workers.disk.close()
    slow_user.close_window()


@pytest.mark.logs("still (busy|saving)")
def test_whoever_cancels_waits_and_loses_nothing(
    slow_user: User, disk: SlowDisk, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[str] = []

    def cancel(title: str, text: str, **_more: object) -> bool:
        asked.append(title)
        if len(asked) == 2:
            disk.gate.open()
        return False

    monkeypatch.setattr(slow_user.desk.view.messages, "confirm", cancel)
    disk.gate.close()
    slow_user.add_labels("cat", "dog")
    disk.gate.wait_for_arrival()
    slow_user.close_window()
    assert asked[:2] == ["Close without waiting?"] * 2
    dataset = Dataset.open(folder)
    assert list(dataset.labels.names) == ["cat", "dog"]
    dataset.close()


HUNG = """
import sys, threading
from pathlib import Path
from PySide6.QtCore import QTimer
from samdesk import app
from samdesk.dataset.dataset import Dataset
from samdesk.domain.edits import Transaction
from samdesk.images.cache import ImageCache
from samdesk.workers import group

never, build = threading.Event(), app.build
group._READER_STOP_MS = 50
Dataset.commit_step = lambda *_: never.wait()
ImageCache.get = lambda *_: never.wait()

def hung(application):
    desk = build(application)
    desk.flows.slow_disk.slow_ms = 50
    desk.view.messages.confirm = lambda *_, **__: True
    def step():
        if desk.flows.files.info is None:
            return
        timer.stop()
        labels = desk.session.model.labels
        more = labels.add("cat")
        desk.workers.storage.history.commit(Transaction("Add", labels=more, labels_before=labels))
        desk.view.window.close()
    timer = QTimer(desk.view.window, interval=10)
    timer.timeout.connect(step)
    timer.start()
    return desk

app.build = hung
sys.exit(app.run(Path(sys.argv[1])))
"""


def test_the_process_ends_and_the_dataset_is_free(folder: Path) -> None:
    """A save and the image on screen hang for ever."""
    done = subprocess.run(
        [sys.executable, "-c", HUNG, str(folder)], capture_output=True, text=True, timeout=60, check=False
    )
    assert done.returncode == 0, done.stderr
    dataset = Dataset.open(folder)
    assert not dataset.read_only
    assert list(dataset.labels) == []
    dataset.close()
