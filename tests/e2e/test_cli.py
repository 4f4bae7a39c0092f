"""The command line in separate processes: help, version, doctor, the headless demo, a quick start."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

import samdesk
from samdesk.dataset.dataset import Dataset
from samdesk.domain.document import ImageKey
from samdesk.domain.review import ImageReview

SECONDS = 180.0


def run(home: Path, *arguments: str, timeout: float = SECONDS) -> subprocess.CompletedProcess[str]:
    """Runs Python without a display and without a network."""
    environment = {
        k: v for k, v in os.environ.items() if k not in ("DISPLAY", "WAYLAND_DISPLAY", "QT_QPA_PLATFORM")
    }
    root = str(Path(samdesk.__file__).parents[1])
    environment |= {
        "SAMDESK_HOME": str(home), "YOLO_CONFIG_DIR": str(home), "YOLO_OFFLINE": "true", "COLUMNS": "140",
        "HTTPS_PROXY": "http://127.0.0.1:9", "HTTP_PROXY": "http://127.0.0.1:9", "PYTHONPATH": root,
    }  # fmt: skip
    return subprocess.run(
        [sys.executable, *arguments],
        capture_output=True,
        text=True,
        env=environment,
        timeout=timeout,
        cwd=home,
        check=False,
    )


def test_help_names_every_command(tmp_path: Path) -> None:
    done = run(tmp_path, "-m", "samdesk", "--help")
    assert done.returncode == 0, done.stderr
    for word in ("open", "demo", "annotate", "teach", "train", "evaluate", "bench", "doctor", "version"):
        assert re.search(rf"^\W*{word}\s", done.stdout, re.MULTILINE), f"{word} is not in the help"


@pytest.mark.parametrize("words", [("version",), ("--version",)])
def test_version(tmp_path: Path, words: tuple[str, ...]) -> None:
    done = run(tmp_path, "-m", "samdesk", *words)
    assert (done.returncode, done.stdout) == (0, f"samdesk {samdesk.__version__}\n")


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere there is always a display")
def test_without_a_display_the_window_is_refused_in_words(tmp_path: Path) -> None:
    done = run(tmp_path, "-m", "samdesk", str(tmp_path))
    assert done.returncode == 2
    assert done.stderr.startswith("samdesk: There is no display to show a window on")
    assert "Traceback" not in done.stderr


def test_an_unknown_option_is_a_usage_error(tmp_path: Path) -> None:
    done = run(tmp_path, "-m", "samdesk", "demo", "--nonsense")
    assert done.returncode == 2
    assert "--nonsense" in done.stderr


@pytest.mark.parametrize("command", ["train", "evaluate"])
def test_a_missing_folder_is_an_error_without_a_traceback(tmp_path: Path, command: str) -> None:
    done = run(tmp_path, "-m", "samdesk", command, str(tmp_path / "nowhere"))
    assert done.returncode == 2
    assert done.stderr.startswith(f"samdesk {command}: ")
    assert str(tmp_path / "nowhere") in done.stderr
    assert "Traceback" not in done.stderr + done.stdout


def test_a_misspelt_command_is_not_taken_for_a_folder(tmp_path: Path) -> None:
    done = run(tmp_path, "-m", "samdesk", "anotate", str(tmp_path), "--conf", "0.3")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr == (
        "samdesk: There is no command, folder or image 'anotate'. Did you mean 'samdesk annotate'?\n"
    )
    done = run(tmp_path, "-m", "samdesk", str(tmp_path / "gone"))
    assert done.returncode == 2
    assert f"There is no command, folder or image '{tmp_path / 'gone'}'. 'samdesk --help'" in done.stderr


def test_doctor_measures_flint(tmp_path: Path) -> None:
    done = run(tmp_path, "-m", "samdesk", "doctor")
    assert done.returncode == 0, done.stdout + done.stderr
    for word in ("samdesk", "python", "PySide6", "torch", "safetensors", "Flint (", str(tmp_path)):
        assert word in done.stdout, word
    assert re.search(r"\d ms", done.stdout)


def test_the_headless_demo_runs_every_step(tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = run(tmp_path, "-m", "samdesk", "demo", "--headless", str(out))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "Every step worked." in done.stdout
    assert "Engine: Flint (flint)" in done.stdout
    assert not re.search(r"│ skipped", done.stdout)
    screenshots = {p.name for p in out.glob("*.png")}
    assert {"01-welcome.png", "02-hover.png", "05-accepted.png", "09-done.png"} <= screenshots
    (folder,) = out.glob("photos-*")
    dataset = Dataset.open(folder)
    counts = {key: len(dataset.load(key).annotations) for key in dataset.keys}
    assert all(counts.values()), counts
    assert set(counts) == {"bus.jpg", "zidane.jpg"}
    for key, count in counts.items():
        assert len((folder / key).with_suffix(".txt").read_text().splitlines()) == count
    assert dataset.load(ImageKey("zidane.jpg")).review is ImageReview.ACCEPTED
    assert dataset.labels.names[:2] == ("bus", "person")
    dataset.close()
