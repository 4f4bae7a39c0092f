"""samdesk started in a folder with Python files of somebody else's: none of them is ever run."""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

import psutil
import pytest
from PySide6.QtCore import QProcess
from pytestqt.qtbot import QtBot

from samdesk.base import child_process
from samdesk.bench.busy.busy_processes import busy_processes
from samdesk.bench.subprocess import run_in_subprocess
from samdesk.training.record.taught_record import MASKS
from samdesk.workers.failure import Failure
from samdesk.workers.teach import TeachClient

ROOT = Path(__file__).resolve().parents[2]
ALSO_FOR_THE_USER = (
    "numpy",
    "platformdirs",
    "typer",
    "torch",
    "typing",
    "pathlib",
    "json",
    "random",
    "PySide6",
)
"""``python -m`` looks for ``samdesk`` itself, and what Python needs for that, in the current folder."""
FOR_CHILDREN = (*ALSO_FOR_THE_USER, "samdesk", "pkgutil", "runpy", "multiprocessing", "pickle", "concurrent")


@pytest.fixture
def hostile(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """The current folder; a planted module that is run leaves its name in ``run``."""
    folder = tmp_path / "images"
    folder.mkdir()
    plant(folder, FOR_CHILDREN)
    monkeypatch.chdir(folder)
    return folder


def plant(folder: Path, names: tuple[str, ...]) -> None:
    for name in names:
        (folder / f"{name}.py").write_text(f"open({str(folder / 'run')!r}, 'a').write('{name} ')\n")


def was_run(folder: Path) -> str:
    return (folder / "run").read_text() if (folder / "run").exists() else ""


def test_a_planted_module_is_run_by_plain_python(hostile: Path) -> None:
    subprocess.run([sys.executable, "-c", "import platformdirs"], cwd=hostile, check=True, timeout=60)
    assert was_run(hostile) == "platformdirs "


@pytest.mark.parametrize("command", [["-m", "samdesk", "version"], ["-m", "samdesk", "doctor", "--help"]])
def test_python_m_samdesk(tmp_path: Path, command: list[str]) -> None:
    plant(tmp_path, ALSO_FOR_THE_USER)
    done = subprocess.run(
        [sys.executable, *command], cwd=tmp_path, env={**os.environ, "PYTHONPATH": str(ROOT)},
        capture_output=True, text=True, timeout=60,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert "samdesk" in done.stdout
    assert was_run(tmp_path) == ""


@pytest.mark.logs("the training process exited with code 0")
def test_the_training_process(hostile: Path, qtbot: QtBot) -> None:
    client = TeachClient(lambda folder, kinds: child_process.arguments("teach", str(folder), "--list"))
    failures: list[Failure] = []
    client.failed.connect(failures.append)
    with qtbot.waitSignal(client.finished, timeout=60_000):
        client.start(hostile, [MASKS])
        process = client.findChild(QProcess)
        assert Path(process.workingDirectory()) != hostile
    assert was_run(hostile) == ""
    assert [failure.what for failure in failures] == ["The training process ended unexpectedly (code 0)."]


def _place() -> tuple[str, list[str], dict[str, str]]:
    return str(Path.cwd()), sys.path, dict(os.environ)


def test_the_processes_of_the_benchmark(hostile: Path) -> None:
    before = _place()
    with busy_processes(1) as (busy,):
        start = psutil.Process(busy).cpu_times().user
        _, path, environment = run_in_subprocess(_place)
        assert psutil.Process(busy).cpu_times().user > start
    assert not psutil.pid_exists(busy)
    assert was_run(hostile) == ""
    assert environment["PYTHONSAFEPATH"] == "1"
    assert environment["GOMP_SPINCOUNT"] == "1000"
    assert not {"", str(hostile)} & set(path)
    assert _place() == before


def test_a_busy_process_ends_by_itself() -> None:
    with busy_processes(1, max_seconds=0.2) as (busy,):
        end = time.monotonic() + 30
        while psutil.Process(busy).status() != psutil.STATUS_ZOMBIE and time.monotonic() < end:
            time.sleep(0.02)
        assert psutil.Process(busy).status() == psutil.STATUS_ZOMBIE


def test_paths_that_are_relative_to_the_current_folder(
    hostile: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SAMDESK_HOME", "home")
    monkeypatch.setenv("YOLO_CONFIG_DIR", "ultralytics")
    monkeypatch.setenv("PYTHONPATH", os.pathsep.join(["", "mine", str(ROOT)]))
    found = child_process.environment()
    assert found["SAMDESK_HOME"] == str(hostile / "home")
    assert found["YOLO_CONFIG_DIR"] == str(hostile / "ultralytics")
    assert found["PYTHONPATH"] == os.pathsep.join([str(hostile / "mine"), str(ROOT)])  # no empty entry
    assert child_process.folder() == hostile / "home" / "cache" / "process"


def test_without_a_home_children_still_start_elsewhere(
    hostile: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (hostile / "file").touch()
    monkeypatch.setenv("SAMDESK_HOME", str(hostile / "file"))
    assert child_process.folder() == Path(sys.executable).absolute().parent
