"""Weights fetched beside the main thread."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from samdesk.base.jobs import CancelToken, Progress
from samdesk.engine.protocols import EngineError
from samdesk.workers.downloads import DownloadClient
from samdesk.workers.failure import Failure
from tests.helpers.gated import Gate, settle, spin_until

BYTES = 5_000_000_000  # larger than a C int


class Server:
    def __init__(self) -> None:
        self.gate = Gate()
        self.asked: list[str] = []

    def __call__(self, name: str, progress: Progress, cancel: CancelToken) -> Path:
        self.asked.append(name)
        progress(0, BYTES)
        self.gate.pass_through()
        cancel.check()
        if name == "bad.pt":
            raise EngineError("bad.pt: the server has no such file.")
        progress(BYTES, BYTES)
        return Path("/weights") / name


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def client(qtbot: QtBot, server: Server) -> Iterator[DownloadClient]:
    made = DownloadClient(server)
    yield made
    server.gate.open()
    assert made.stop()


def test_progress_and_the_path_come_back(client: DownloadClient) -> None:
    finished: list[tuple[str, Path]] = []
    steps: list[tuple[str, int, int]] = []
    client.finished.connect(lambda name, path: finished.append((name, path)))
    client.progress.connect(lambda *step: steps.append(step))
    client.start("sam_b.pt")
    spin_until(lambda: bool(finished))
    assert finished == [("sam_b.pt", Path("/weights/sam_b.pt"))]
    assert steps[0] == ("sam_b.pt", 0, BYTES)
    assert steps[-1] == ("sam_b.pt", BYTES, BYTES)
    assert not client.running


def test_the_same_file_is_not_fetched_twice_at_once(client: DownloadClient, server: Server) -> None:
    server.gate.close()
    client.start("a.pt")
    server.gate.wait_for_arrival()
    client.start("a.pt")
    client.start("b.pt")
    server.gate.wait_for_arrival()
    assert server.asked == ["a.pt", "b.pt"]
    assert client.running == {"a.pt", "b.pt"}


def test_cancel_stops_one_and_it_can_be_started_again(client: DownloadClient, server: Server) -> None:
    cancelled: list[str] = []
    finished: list[str] = []
    client.cancelled.connect(cancelled.append)
    client.finished.connect(lambda name, _path: finished.append(name))
    server.gate.close()
    client.start("a.pt")
    server.gate.wait_for_arrival()
    client.cancel("a.pt")
    server.gate.open()
    spin_until(lambda: cancelled == ["a.pt"])
    client.start("a.pt")
    spin_until(lambda: finished == ["a.pt"])


def test_a_failure_is_told_in_words(client: DownloadClient) -> None:
    failures: list[Failure] = []
    client.failed.connect(failures.append)
    client.start("bad.pt")
    spin_until(lambda: bool(failures))
    assert (failures[0].where, str(failures[0])) == ("bad.pt", "bad.pt: the server has no such file.")


def test_an_unknown_model_is_told_in_words(qtbot: QtBot) -> None:
    client = DownloadClient()
    failures: list[Failure] = []
    client.failed.connect(failures.append)
    client.start("nonsense.pt")
    spin_until(lambda: bool(failures))
    assert "nonsense.pt" in str(failures[0])
    assert client.stop()


@pytest.mark.logs("workers.thread: .*download")
def test_stopping_cancels_and_waits(client: DownloadClient, server: Server) -> None:
    server.gate.close()
    client.start("a.pt")
    server.gate.wait_for_arrival()
    assert not client.stop(timeout_ms=1)
    server.gate.open()
    assert client.stop()
    settle()
