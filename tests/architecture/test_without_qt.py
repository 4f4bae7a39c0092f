"""Everything but the window works where PySide6 and qtawesome are not installed, as on a GPU server."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.helpers.machine_parts import parts_folder

ROOT = Path(__file__).resolve().parents[2]
BLOCKER = Path(__file__).with_name("without_qt")


def run(*arguments: str | Path, code: int = 0) -> subprocess.CompletedProcess[str]:
    """Runs Python with Qt out of reach; the process must end with this code."""
    path = os.pathsep.join([str(BLOCKER), str(ROOT)])
    done = subprocess.run(
        [sys.executable, *map(str, arguments)],
        capture_output=True,
        text=True,
        env={**os.environ, "PYTHONPATH": path},
    )
    assert done.returncode == code, done.stdout + done.stderr
    return done


def samdesk(*arguments: str | Path, code: int = 0) -> str:
    return run("-m", "samdesk", *arguments, code=code).stdout


@pytest.fixture(scope="module")
def parts(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A dataset with two labelled images."""
    folder = tmp_path_factory.mktemp("parts")
    parts_folder(folder, 2)
    return folder


@pytest.fixture
def folder(parts: Path, tmp_path: Path) -> Path:
    """The images, without labels."""
    return Path(shutil.copytree(parts / "images", tmp_path / "images"))


def test_qt_is_out_of_reach() -> None:
    assert "No module named 'PySide6'" in run("-c", "import PySide6", code=1).stderr


def test_the_public_functions(folder: Path) -> None:
    code = (
        "import sys, samdesk\n"
        "for name in samdesk.__all__: getattr(samdesk, name)\n"
        "found = samdesk.auto_annotate(sys.argv[1], det_model='flint', sam_model='flint', device='cpu')\n"
        "print(found.annotated)"
    )
    assert run("-c", code, folder).stdout.split() == ["2"]
    assert len(list((folder.parent / "labels").glob("*.txt"))) == 2


def test_annotate(folder: Path) -> None:
    assert "2 images" in samdesk("annotate", folder, "--det-model", "flint", "--sam-model", "flint")


def test_cache() -> None:
    assert "0 images" in samdesk("cache", "show")


def test_teach(parts: Path) -> None:
    assert "Flint's own" in samdesk("teach", parts, "--list")


def test_evaluate(parts: Path) -> None:
    assert "exact box" in samdesk("evaluate", parts, "--model", "box", "--all")


def test_doctor() -> None:
    assert "FAILED" not in samdesk("doctor", "--model", "flint", "--device", "cpu")


def test_train_says_what_it_needs(tmp_path: Path) -> None:
    done = run("-m", "samdesk", "train", tmp_path, "--out", tmp_path / "run", code=2)
    assert "annotated" in done.stderr
    assert "Traceback" not in done.stderr


def test_the_benchmark_skips_the_window_and_says_why(folder: Path, tmp_path: Path) -> None:
    rows = ["--only", "heartbeat_gap_max", "--only", "decoder_point"]
    how = ["--quick", "--precision", "fp32", "--device", "cpu"]
    samdesk("bench", folder, *rows, *how, "--json", tmp_path / "bench.json")
    found = {row["name"]: row for row in json.loads((tmp_path / "bench.json").read_text("utf-8"))["rows"]}
    assert found["heartbeat_gap_max"]["samdesk_ms"] is None
    assert found["heartbeat_gap_max"]["note"].startswith("skipped: PySide6 is not installed")
    assert found["decoder_point_fp32"]["samdesk_ms"] > 0


@pytest.mark.parametrize("command", [["open"], ["demo"], ["bench", "--heartbeat"]])
def test_what_needs_a_window_says_so(command: list[str], folder: Path) -> None:
    done = run("-m", "samdesk", *command, folder, code=2)
    assert "The window needs PySide6, which is not installed." in done.stderr
    assert "Traceback" not in done.stderr
