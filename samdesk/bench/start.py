"""Measures a start of samdesk, from the new process to the mask of the first click.

    python -m samdesk.bench.start FOLDER [--since SECONDS]

The real window opens the folder with the model that a start would load. The mouse is clicked in the middle of
the first image as soon as it is shown. One line of JSON is written: the stages, and what was loaded at each.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from samdesk.base import child_process

WINDOW, FIRST_IMAGE, FIRST_CLICK = "window", "first image", "first click"
STAGES = (WINDOW, FIRST_IMAGE, FIRST_CLICK)
HEAVY = (
    "numpy", "cv2", "onnxruntime", "torch", "torchvision", "ultralytics", "sympy", "triton", "matplotlib",
)  # fmt: skip
"""Packages that take long to import or much memory: a stage names those it has loaded."""
_PROGRAM = "import sys, samdesk.cli.main; from samdesk.bench.start import main; sys.exit(main())"
"""A start imports the command line first: that is part of what is measured."""
_LIMIT_S = 120.0


@dataclass(frozen=True)
class StartStage:
    """The state of the process when a stage of the start was reached.

    Attributes:
        seconds: Since the process was started.
        cpu_seconds: Processor time used by then, of all threads.
        resident_mb: Resident memory, MB; 0 where the system does not report it.
        loaded: Those of ``HEAVY`` that were imported by then.
    """

    seconds: float
    cpu_seconds: float
    resident_mb: float
    loaded: tuple[str, ...]


def measure_start(folder: Path, home: Path) -> dict[str, StartStage]:
    """Starts samdesk on a folder of images in a new process, without a display.

    Args:
        folder: The images; samdesk makes its store in it.
        home: The process's ``SAMDESK_HOME``: settings and weights, empty for those of a new installation.

    Returns:
        The stages by their names in ``STAGES``.

    Raises:
        RuntimeError: The process failed; the message is the end of its output.
    """
    environment = {
        **child_process.environment(),
        "SAMDESK_HOME": str(home.absolute()),
        "QT_QPA_PLATFORM": "offscreen",
    }
    command = [child_process.program(), "-c", _PROGRAM, str(folder.absolute()), "--since", repr(time.time())]
    done = subprocess.run(
        command, env=environment, cwd=home, capture_output=True, text=True, timeout=2 * _LIMIT_S, check=False
    )
    if done.returncode:
        raise RuntimeError((done.stderr.strip() or done.stdout.strip())[-1000:])
    stages = json.loads(done.stdout.splitlines()[-1])
    return {name: StartStage(**{**stage, "loaded": tuple(stage["loaded"])}) for name, stage in stages.items()}


def run(folder: Path, since: float) -> dict[str, StartStage]:
    """Starts the window in this process, clicks, and returns the stages that were reached.

    Args:
        folder: The images.
        since: When the process was started, as ``time.time()``.
    """
    from samdesk.app import SWITCH_INTERVAL_S, build, make_application

    sys.setswitchinterval(SWITCH_INTERVAL_S)
    application = make_application()
    desk = build(application)

    from PySide6.QtCore import QTimer

    from samdesk.demo.input_driver import InputDriver

    stages: dict[str, StartStage] = {}
    canvas, annotate = desk.view.canvas, desk.flows.annotate

    def reach(name: str, then: Callable[[], None] | None = None) -> None:
        if name not in stages:
            stages[name] = _stage(since)
            if then is not None:
                QTimer.singleShot(0, then)  # after the image is painted

    def click() -> None:
        width, height = canvas.image_size or (0, 0)
        canvas.proposal_changed.connect(answered)  # not before: prompts of the last session may be restored
        InputDriver(canvas).click(width / 2, height / 2)

    def answered() -> None:
        if annotate.has_prompts and annotate.proposal:
            reach(FIRST_CLICK, application.quit)

    desk.flows.navigate.image_shown.connect(lambda _key: reach(FIRST_IMAGE, click))
    QTimer.singleShot(int(_LIMIT_S * 1000), application.quit)
    desk.start([folder])
    reach(WINDOW)
    application.exec()
    desk.close_without_waiting()
    return stages


def _stage(since: float) -> StartStage:
    used = os.times()
    loaded = tuple(name for name in HEAVY if name in sys.modules)
    return StartStage(
        round(time.time() - since, 3), round(used.user + used.system, 3), round(_resident_mb(), 1), loaded
    )


def _resident_mb() -> float:
    # Not from ``bench.machine``, which imports OpenCV.
    try:
        pages = int(Path("/proc/self/statm").read_text("utf-8").split()[1])
        return pages * os.sysconf("SC_PAGE_SIZE") / 1e6
    except (OSError, ValueError, AttributeError):
        return 0.0


def as_json(stages: Mapping[str, StartStage]) -> str:
    """The stages as one line of JSON."""
    return json.dumps({name: asdict(stage) for name, stage in stages.items()})


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit code: 0, 1 if the first click was not answered."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="folder of images")
    parser.add_argument("--since", type=float, default=time.time(), help="time.time() of the start")
    options = parser.parse_args(arguments)
    stages = run(options.folder, options.since)
    sys.stdout.write(f"{as_json(stages)}\n")
    return 0 if FIRST_CLICK in stages else 1


if __name__ == "__main__":
    sys.exit(main())
