"""What a start of samdesk imports, and when: real processes, up to the mask of the first click."""

from __future__ import annotations

import subprocess
import sys

import pytest

from samdesk.bench.start import FIRST_CLICK, FIRST_IMAGE, HEAVY, STAGES, WINDOW, StartStage, measure_start
from samdesk.images.samples import make_demo_folder

HELP = """
import sys
from samdesk.cli.main import main
try:
    main(["--help"])
except SystemExit:
    print(*sorted(name for name in sys.modules if not name.startswith("_")), sep="\\n")
"""


@pytest.fixture(scope="module")
def start(tmp_path_factory: pytest.TempPathFactory) -> dict[str, StartStage]:
    """The stages of a start of a new installation."""
    folder, home = tmp_path_factory.mktemp("images"), tmp_path_factory.mktemp("home")
    make_demo_folder(folder)
    return measure_start(folder, home)


def test_the_help_imports_neither_numpy_nor_opencv_nor_the_engine() -> None:
    done = subprocess.run([sys.executable, "-c", HELP], capture_output=True, text=True, check=True)
    loaded = set(done.stdout.splitlines())
    assert "samdesk.cli.annotate" in loaded
    assert not loaded & {*HEAVY, "shapely", "PIL", "PySide6", "yaml", "safetensors"}
    assert not {
        name for name in loaded if name.startswith(("samdesk.engine", "samdesk.domain", "samdesk.ui"))
    }


def test_the_stages_follow_each_other(start: dict[str, StartStage]) -> None:
    assert tuple(start) == STAGES
    seconds = [stage.seconds for stage in start.values()]
    assert seconds == sorted(seconds)


@pytest.mark.parametrize("stage", [WINDOW, FIRST_IMAGE])
def test_the_window_and_the_first_image_come_before_torch(start: dict[str, StartStage], stage: str) -> None:
    assert set(start[stage].loaded) <= {"numpy", "cv2", "onnxruntime"}


def test_the_first_click_is_answered_without_torch(start: dict[str, StartStage]) -> None:
    assert set(start[FIRST_CLICK].loaded) == {"numpy", "cv2", "onnxruntime"}
    assert start[FIRST_CLICK].resident_mb < 500
