"""Measures pauses of the main thread with a 5 ms timer while the whole program is busy.

    python -m samdesk.bench.heartbeat FOLDER [--seconds 30] [--model mobile_sam.pt] [--detector yolo11n.pt]

The images are copied to a temporary folder. Without ``--model`` a MobileSAM network with seeded random
weights is used, and its noise is replaced by masks like those of a trained network (``plausible``).
"""

from __future__ import annotations

import argparse
import os
import shutil
import sys
import tempfile
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PySide6.QtCore import QCoreApplication, QEventLoop, QObject, Qt, QTimer, SignalInstance

from samdesk.app import SWITCH_INTERVAL_S, Services, build, make_application
from samdesk.batch.models import Loaders, LoadPredictor
from samdesk.batch.plan import AutoAnnotatePlan
from samdesk.bench.machine import cores_of, load_average, processor
from samdesk.bench.plausible import load_plausible
from samdesk.bench.seeded import save_seeded
from samdesk.bench.simulated_user import DEFAULT_INTERVALS, ActionIntervals, WindowUser
from samdesk.bench.subprocess import run_in_subprocess
from samdesk.engine.models import weights
from samdesk.engine.models.load import load_detector, load_predictor
from samdesk.engine.models.registry import FLINT
from samdesk.engine.runtime.device import cores
from samdesk.images.sources import scan
from samdesk.settings.table import MODEL_NAME, Settings

BEAT_MS = 5
MAX_IMAGES = 24
MAX_REPEATS = 10
"""Maximum repeats of a phase on a machine too busy to save one annotation in ``seconds``."""


@dataclass
class Phase:
    """The measurement during one phase.

    Attributes:
        name: What the program was doing.
        gaps_ms: Times between two consecutive beats, milliseconds.
    """

    name: str
    gaps_ms: list[float] = field(default_factory=list)

    def __str__(self) -> str:
        gaps = np.array(self.gaps_ms or [0.0])
        p99, longest = np.percentile(gaps, 99), gaps.max()
        return f"{self.name:<44} {len(gaps):>6} beats   p99 {p99:6.1f} ms   longest {longest:6.1f} ms"


class HeartbeatTimer(QObject):
    """A 5 ms timer on the main thread that records the time between its timeouts."""

    def __init__(self) -> None:
        super().__init__()
        self.phases: list[Phase] = []
        self._last = time.perf_counter()
        self._timer = QTimer(self, interval=BEAT_MS, timerType=Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._beat)

    def start(self, name: str) -> None:
        """Starts a new phase."""
        self.phases.append(Phase(name))
        self._last = time.perf_counter()
        self._timer.start()

    def stop(self) -> None:
        """Stops the timer."""
        self._timer.stop()

    def _beat(self) -> None:
        now = time.perf_counter()
        self.phases[-1].gaps_ms.append((now - self._last) * 1e3)
        self._last = now


@dataclass(frozen=True)
class HeartbeatReport:
    """The measurements of all phases.

    Attributes:
        machine: Processor and load average.
        phases: In the order they ran.
        counts: What the simulated user did, by name.
        failures: Texts of all failures.
    """

    machine: str
    phases: list[Phase]
    counts: dict[str, int]
    failures: list[str]

    def __str__(self) -> str:
        did = ", ".join(f"{count} {what}" for what, count in self.counts.items())
        return "\n".join([self.machine, *map(str, self.phases), f"meanwhile: {did}", *self.failures])


def measure(
    images: Path,
    model: str = "",
    detector: str = "",
    seconds: float = 30.0,
    *,
    plausible: bool = False,
    intervals: ActionIntervals = DEFAULT_INTERVALS,
) -> HeartbeatReport:
    """Measures all phases on the real window with a simulated user.

    Args:
        images: A folder of images; it is not changed.
        model: A SAM model by name or path; "": MobileSAM with seeded weights.
        detector: A YOLO model by name or path for an auto-annotate run; "": no run.
        seconds: Minimum duration of each phase.
        plausible: The model's weights are random: replaces its masks by ones like a trained network's.
        intervals: Intervals between the simulated user's actions.
    """
    with tempfile.TemporaryDirectory(prefix="samdesk-heartbeat-") as name:
        folder = Path(name)
        _copy_images(images, folder / "photos")
        load = load_plausible if plausible or not model else load_predictor
        # Made in another process, as it needs torch: importing torch here is part of what is measured.
        model = _resolve_model(model) if model else str(_save_seeded_checkpoint(folder / "mobile_sam.pt"))
        detector = _resolve_model(detector)
        with temporary_home(folder / "home"):
            return _measure(folder, load, model, detector, seconds, intervals)


def _measure(
    folder: Path, load: LoadPredictor, model: str, detector: str, seconds: float, intervals: ActionIntervals
) -> HeartbeatReport:
    """Measures on the images in ``folder / "photos"``."""
    app = make_application()
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    settings = Settings(folder / "settings.json")
    settings.set(MODEL_NAME, model)
    loaders = Loaders(load_detector, load, lambda: model)
    heartbeat = HeartbeatTimer()
    desk = build(app, settings, Services(load_predictor=load, loaders=loaders))
    user = WindowUser(desk, intervals)
    heartbeat.start("showing the window, loading the model")
    desk.start([folder / "photos"])
    _process_events(app, desk.workers.inference.model_loaded, desk.workers.inference.model_failed)
    heartbeat.start("encoding, hovering, clicking, changing images")
    user.start()
    _process_events(app, seconds=seconds)
    for _ in range(MAX_REPEATS - 1):
        if user.has_done_everything:
            break
        _process_events(app, seconds=seconds)
    if detector:
        heartbeat.start("the same during an auto-annotate run")
        desk.flows.batch.finished.connect(
            lambda run: user.counts.update({"annotated by the run": run.annotated})
        )
        desk.flows.batch.start(AutoAnnotatePlan(detector, model, existing="add"))
        _process_events(app, seconds=seconds)
    user.stop()
    phases = list(heartbeat.phases)
    heartbeat.stop()
    desk.flows.batch.cancel()
    while not desk.stop():
        pass
    return HeartbeatReport(_describe_machine(), phases, user.counts, user.failures)


@contextmanager
def temporary_home(folder: Path) -> Iterator[None]:
    """Sets ``SAMDESK_HOME`` to a folder within the block, so that the embedding cache starts empty."""
    before = os.environ.get("SAMDESK_HOME")
    os.environ["SAMDESK_HOME"] = str(folder)
    try:
        yield
    finally:
        del os.environ["SAMDESK_HOME"]
        if before is not None:
            os.environ["SAMDESK_HOME"] = before


def _resolve_model(name: str) -> str:
    """Returns the path of a model's file, which does not depend on ``SAMDESK_HOME``; else the name."""
    path = None if name.lower() in ("", FLINT) else weights.find(name)
    return name if path is None else str(path)


def _copy_images(source: Path, target: Path) -> None:
    for key in scan(source)[:MAX_IMAGES]:
        (target / key).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(source / key, target / key)


def _save_seeded_checkpoint(path: Path) -> Path:
    """Writes a checkpoint from another process, so that this one imports torch with the first model."""
    run_in_subprocess(save_seeded, "mobile_sam", path)
    return path


def _process_events(app: QCoreApplication, *until: SignalInstance, seconds: float = 300.0) -> None:
    """Runs the event loop until one of the signals is emitted or the time is over."""
    loop = QEventLoop(app)
    for signal in until:
        signal.connect(loop.quit)
    QTimer.singleShot(int(seconds * 1000), loop, loop.quit)
    loop.exec()


def _describe_machine() -> str:
    load = load_average()
    return cores_of(cores(), processor()) + (f", load average {load:.1f}" if load is not None else "")


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command line and returns the exit code: 0, 1 with failures, 2 without images."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="folder of images; they are copied")
    parser.add_argument(
        "--model", default="", help="SAM model by name or path (default: MobileSAM with seeded weights)"
    )
    parser.add_argument("--detector", default="", help="YOLO model by name or path, for an auto-annotate run")
    parser.add_argument("--seconds", type=float, default=30.0, help="duration of each phase")
    options = parser.parse_args(arguments)
    if not options.folder.is_dir() or not scan(options.folder):
        sys.stdout.write(f"There are no images in {options.folder}.\n")
        return 2
    report = measure(options.folder, options.model, options.detector, options.seconds)
    sys.stdout.write(f"{report}\n")
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
