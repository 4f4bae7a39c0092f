"""What all threads share does not change once the window is up, whatever is imported and loaded."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

_ROOT = Path(__file__).resolve().parents[2]
_SCRIPT = """
import json, os, sys
from pathlib import Path

import samdesk.app
from samdesk.base.cv import cv2
from tests.helpers.process_state import snapshot

application = samdesk.app.make_application()
desk = samdesk.app.build(application)
desk.start([Path(sys.argv[1])])
before, set_at_once = snapshot(), []


def recorded(module, name):  # a value that is set and set back is not in the snapshots
    function = getattr(module, name)

    def call(*arguments):
        set_at_once.append(f"{name}{arguments}")
        return function(*arguments)

    call.__module__, call.__qualname__ = function.__module__, function.__qualname__
    setattr(module, name, call)
    return function


originals = {(m, n): recorded(m, n) for m, n in ((cv2, "setNumThreads"), (os, "putenv"), (os, "unsetenv"))}


def until(holds):
    while not holds():
        application.processEvents()


until(lambda: desk.flows.models.info is not None)
until(lambda: desk.session.model.document is not None)
from samdesk.engine.models.load import load_detector

detector = load_detector("flint", "cpu")  # imports torch and ultralytics, as auto-annotate does
for (module, name), function in originals.items():
    setattr(module, name, function)
before = {**snapshot(), **before}  # torch's part did not exist before
import torch

before["torch.save"] = f"torch.serialization.save {id(torch.serialization.save)}"

from samdesk.engine import ultralytics
import numpy as np

detector.detect([np.zeros((64, 64, 3), np.uint8)])
yolo = ultralytics.build_yolo("yolo11n", ["a"])
ultralytics.network_facts(yolo.model, 64)
ultralytics.sam_predictor(ultralytics.build_network("mobile_sam"), "mobile_sam", "cpu")
after = snapshot()
changed = {k: [v, after[k]] for k, v in before.items() if after[k] != v}
desk.close_without_waiting()
print(json.dumps({"changed": changed, "set": set_at_once, "imported": "ultralytics" in sys.modules}))
"""


@pytest.fixture(scope="module")
def state(tmp_path_factory: pytest.TempPathFactory) -> dict[str, object]:
    """What a process that showed the window and loaded the models has changed."""
    from tests.helpers.desk import photos

    home = tmp_path_factory.mktemp("home")
    folder = photos(home / "photos", 1)
    environment = {
        name: value
        for name, value in os.environ.items()
        if not name.startswith(("YOLO_", "SAMDESK", "OMP_", "GOMP_", "KINETO", "TORCH"))
    }
    environment |= {"SAMDESK_HOME": str(home), "QT_QPA_PLATFORM": "offscreen", "PYTHONPATH": str(_ROOT)}
    done = subprocess.run(
        [sys.executable, "-c", _SCRIPT, str(folder)],
        cwd=_ROOT,
        env=environment,
        capture_output=True,
        text=True,
        timeout=300,
    )
    assert done.returncode == 0, done.stderr[-3000:]
    found: dict[str, object] = json.loads(done.stdout.splitlines()[-1])
    return found


def test_loading_models_changes_nothing_that_all_threads_share(state: dict[str, object]) -> None:
    assert state["imported"] is True
    assert state["changed"] == {}


def test_nothing_is_set_and_set_back_while_the_window_paints(state: dict[str, object]) -> None:
    assert state["set"] == []
