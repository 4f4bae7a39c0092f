"""What pip and a packager get: Flint's weights and the papers that go with them."""

from __future__ import annotations

import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

import samdesk
from samdesk.base.places import flint_weights

ROOT = Path(__file__).resolve().parents[2]


def build(kind: str, out: Path) -> Path:
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", kind, "-d", str(out)],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    (path,) = out.iterdir()
    return path


def test_the_wheel_has_flint_and_its_licence(tmp_path: Path) -> None:
    pytest.importorskip("hatchling")
    with zipfile.ZipFile(build("wheel", tmp_path)) as wheel:
        assert wheel.read("samdesk/_resources/models/flint.safetensors") == flint_weights().read_bytes()
        papers = f"samdesk-{samdesk.__version__}.dist-info/licenses"
        assert "YOLO11n" in wheel.read(f"{papers}/NOTICE").decode()
        assert "AFFERO" in wheel.read(f"{papers}/LICENSE").decode()


def test_the_source_has_flint_and_its_licence(tmp_path: Path) -> None:
    pytest.importorskip("hatchling")
    with tarfile.open(build("sdist", tmp_path)) as source:
        names = {name.partition("/")[2] for name in source.getnames()}
    assert {"resources/models/flint.safetensors", "NOTICE", "LICENSE"} <= names
