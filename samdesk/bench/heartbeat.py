"""Does the main thread ever wait? A 5 ms heartbeat while everything else is at work.

    python -m samdesk.bench.heartbeat FOLDER [--seconds 30] [--model mobile_sam.pt] [--detector yolo11n.pt]

The photos are copied to a temporary folder. Without ``--model`` a MobileSAM network with seeded random
weights is used, and masks such as a trained one gives are put in place of its noise (``plausible``).
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
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from PySide6.QtCore import QCoreApplication, QEventLoop, QObject, Qt, QTimer, SignalInstance

from samdesk.app import SWITCH_INTERVAL_S, Services, build, make_application
from samdesk.batch.models import Loaders, LoadPredictor
from samdesk.batch.plan import AutoAnnotatePlan
from samdesk.bench.busy_user import USUAL, Pace, User
from samdesk.bench.machine import cores, cores_of, load_average, processor
from samdesk.bench.plausible import load_plausible
from samdesk.bench.seeded import save_seeded
from samdesk.engine.models import weights
from samdesk.engine.models.load import load_detector, load_predictor
from samdesk.engine.models.registry import FLINT
from samdesk.images.sources import scan
from samdesk.settings.table import MODEL_NAME, Settings

BEAT_MS = 5
MOST_PHOTOS = 24
MOST_TIMES = 10
"""So often a phase goes on where the machine is too busy for one kept mask."""


@dataclass
class Phase:
    """What was measured while one thing went on.

    Attributes:
        name: What went on.
        gaps_ms: Times between two heartbeats, milliseconds.
    """

    name: str
    gaps_ms: list[float] = field(default_factory=list)

    def __str__(self) -> str:
        gaps = np.array(self.gaps_ms or [0.0])
        p99, longest = np.percentile(gaps, 99), gaps.max()
        return f"{self.name:<44} {len(gaps):>6} beats   p99 {p99:6.1f} ms   longest {longest:6.1f} ms"


class Heart(QObject):
    """Beats every 5 ms on the main thread and notes how late each beat was."""

    def __init__(self) -> None:
        super().__init__()
        self.phases: list[Phase] = []
        self._last = time.perf_counter()
        self._timer = QTimer(self, interval=BEAT_MS, timerType=Qt.TimerType.PreciseTimer)
        self._timer.timeout.connect(self._beat)

    def start(self, name: str) -> None:
        """From here on beats count for a new phase."""
        self.phases.append(Phase(name))
        self._last = time.perf_counter()
        self._timer.start()

    def stop(self) -> None:
        """Beats no more."""
        self._timer.stop()

    def _beat(self) -> None:
        now = time.perf_counter()
        self.phases[-1].gaps_ms.append((now - self._last) * 1e3)
        self._last = now


@dataclass(frozen=True)
class Report:
    """What came of it."""

    machine: str
    phases: list[Phase]
    counts: dict[str, int]
    failures: list[str]

    def __str__(self) -> str:
        did = ", ".join(f"{count} {what}" for what, count in self.counts.items())
        return "\n".join([self.machine, *map(str, self.phases), f"meanwhile: {did}", *self.failures])


def measure(
    photos: Path,
    model: str = "",
    detector: str = "",
    seconds: float = 30.0,
    *,
    plausible: bool = False,
    pace: Pace = USUAL,
) -> Report:
    """Runs it all on the real window.

    Args:
        photos: A folder of photos; it is not changed.
        model: A SAM by name or path; "": MobileSAM with seeded weights.
        detector: A YOLO by name or path for an auto-annotate run; "": no such run.
        seconds: How long each phase lasts, at least.
        plausible: The model's weights are random: masks such as a trained one gives replace its noise.
        pace: How busy the user is.
    """
    with tempfile.TemporaryDirectory(prefix="samdesk-heartbeat-") as name:
        folder = Path(name)
        _copied(photos, folder / "photos")
        load = load_plausible if plausible or not model else load_predictor
        # A seeded checkpoint needs torch: it is made by another process, so that the first load shows.
        model = _file(model) if model else str(_seeded(folder / "mobile_sam.pt"))
        detector = _file(detector)
        with _home(folder / "home"):
            return _measured(folder, load, model, detector, seconds, pace)


def _measured(
    folder: Path, load: LoadPredictor, model: str, detector: str, seconds: float, pace: Pace
) -> Report:
    """On the photos in ``folder / "photos"``."""
    app = make_application()
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    settings = Settings(folder / "settings.json")
    settings.set(MODEL_NAME, model)
    loaders = Loaders(load_detector, load, lambda: model)
    heart = Heart()
    desk = build(app, settings, Services(load_predictor=load, loaders=loaders))
    user = User(desk, pace)
    heart.start("showing the window, loading the model")
    desk.start([folder / "photos"])
    _run(app, desk.workers.inference.model_loaded, desk.workers.inference.model_failed)
    heart.start("encoding, hovering, clicking, turning pages")
    user.work()
    _run(app, seconds=seconds)
    for _ in range(MOST_TIMES - 1):
        if user.has_worked:
            break
        _run(app, seconds=seconds)
    if detector:
        heart.start("the same during an auto-annotate run")
        desk.flows.batch.finished.connect(
            lambda run: user.counts.update({"annotated by the run": run.annotated})
        )
        desk.flows.batch.start(AutoAnnotatePlan(detector, model, existing="add"))
        _run(app, seconds=seconds)
    user.rest()
    phases = list(heart.phases)
    heart.stop()
    desk.flows.batch.cancel()
    while not desk.stop():
        pass
    return Report(_machine(), phases, user.counts, user.failures)


@contextmanager
def _home(folder: Path) -> Iterator[None]:
    """What the program keeps is kept there: no image was encoded before, and none is left behind."""
    before = os.environ.get("SAMDESK_HOME")
    os.environ["SAMDESK_HOME"] = str(folder)
    try:
        yield
    finally:
        del os.environ["SAMDESK_HOME"]
        if before is not None:
            os.environ["SAMDESK_HOME"] = before


def _file(name: str) -> str:
    """A model by its file, which is found from any home."""
    path = None if name.lower() in ("", FLINT) else weights.find(name)
    return name if path is None else str(path)


def _copied(photos: Path, target: Path) -> None:
    for key in scan(photos)[:MOST_PHOTOS]:
        (target / key).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(photos / key, target / key)


def _seeded(path: Path) -> Path:
    """A checkpoint made in another process, so that this one imports torch when the first model is loaded."""
    maker = get_context("spawn").Process(target=save_seeded, args=("mobile_sam", path))
    maker.start()
    maker.join()
    return path


def _run(app: QCoreApplication, *until: SignalInstance, seconds: float = 300.0) -> None:
    """Handles events until one of the signals, or the end of the time."""
    loop = QEventLoop(app)
    for signal in until:
        signal.connect(loop.quit)
    QTimer.singleShot(int(seconds * 1000), loop, loop.quit)
    loop.exec()


def _machine() -> str:
    load = load_average()
    words = f", load {load:.1f}" if load is not None else ""
    return cores_of(cores(), processor()) + words


def main(arguments: Sequence[str] | None = None) -> int:
    """The command line."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("folder", type=Path, help="photos; they are copied")
    parser.add_argument(
        "--model", default="", help="a SAM by name or path (default: MobileSAM, seeded weights)"
    )
    parser.add_argument("--detector", default="", help="a YOLO by name or path, for an auto-annotate run")
    parser.add_argument("--seconds", type=float, default=30.0, help="of each phase")
    given = parser.parse_args(arguments)
    if not given.folder.is_dir() or not scan(given.folder):
        sys.stdout.write(f"There are no photos in {given.folder}.\n")
        return 2
    report = measure(given.folder, given.model, given.detector, given.seconds)
    sys.stdout.write(f"{report}\n")
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
