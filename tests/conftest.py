"""What every test runs under: a home of its own, offscreen Qt, no network, and the guards."""

from __future__ import annotations

import os
import socket
from pathlib import Path

import pytest

from samdesk.base.environment import set_for_program
from tests.guards import no_thread_left_running, no_unexpected_log_record, started_threads

__all__ = ["no_thread_left_running", "no_unexpected_log_record", "started_threads"]

set_for_program()  # threads wait as they do in the program
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ.setdefault("YOLO_OFFLINE", "true")

SHARED = Path(__file__).resolve().parents[1].parent / "shared"


@pytest.fixture(autouse=True)
def samdesk_home(tmp_path_factory: pytest.TempPathFactory, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Config, cache, state and weights of this test only."""
    home = tmp_path_factory.mktemp("home")
    monkeypatch.setenv("SAMDESK_HOME", str(home))
    monkeypatch.setenv("YOLO_CONFIG_DIR", str(home / "ultralytics"))
    return home


@pytest.fixture(autouse=True)
def no_network(monkeypatch: pytest.MonkeyPatch) -> None:
    """Only this machine can be reached."""
    connect = socket.socket.connect

    def guarded(self: socket.socket, address: object) -> object:
        host = address[0] if isinstance(address, tuple) else address
        if self.family != socket.AF_UNIX and host not in ("127.0.0.1", "::1", "localhost"):
            raise OSError(f"a test tried to reach {host!r}: tests have no network")
        return connect(self, address)  # type: ignore[arg-type]

    monkeypatch.setattr(socket.socket, "connect", guarded)


@pytest.fixture(scope="session")
def coco64() -> Path:
    """64 COCO photos with their annotations, where they are at hand."""
    folder = SHARED / "data" / "coco64"
    if not folder.is_dir():
        pytest.skip("needs the photos of ../shared/data/coco64")
    return folder


@pytest.fixture(scope="session")
def yolo11n() -> Path:
    """A real YOLO11n checkpoint, where it is at hand."""
    path = SHARED / "weights" / "yolo11n.pt"
    if not path.is_file():
        pytest.skip("needs ../shared/weights/yolo11n.pt")
    return path
