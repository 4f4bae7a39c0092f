"""How long the user waits for a mask while a run works in the background of the real window.

Meant for a process of its own.
"""

from __future__ import annotations

import random
import shutil
import sys
from collections.abc import Callable
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path
from time import perf_counter

from PySide6.QtCore import QEventLoop, QTimer

from samdesk.app import SWITCH_INTERVAL_S, Desk, Services, build, make_application
from samdesk.batch.models import Loaders
from samdesk.batch.plan import AutoAnnotatePlan
from samdesk.bench.heartbeat import HeartbeatTimer, temporary_home
from samdesk.bench.plausible import load_plausible
from samdesk.bench.seeded import Checkpoint
from samdesk.demo.input_driver import InputDriver
from samdesk.engine.models.load import load_detector, load_predictor
from samdesk.settings.table import MODEL_NAME, Settings
from samdesk.workers.inference.client import Prediction

_MOVE_MS, _MOVES = 16, 12
_IDLE_MS = 700
"""Between two trials nothing happens for so long: a run is at full speed again by then."""
_LIMIT_S = 60.0
_COPIES = 40
"""Of each image, so that the run does not end."""


@dataclass
class Waits:
    """What the user has waited for, milliseconds each.

    Attributes:
        hover: From a movement of the mouse to the mask under it.
        click: From a click, after the mouse was moved there, to the mask.
        cold_click: From a click with a mouse that lay still, to the mask.
        longest_gap: Longest pause of the main thread.
        images: Images that the run finished meanwhile.
        seconds: Duration.
    """

    hover: list[float] = field(default_factory=list)
    click: list[float] = field(default_factory=list)
    cold_click: list[float] = field(default_factory=list)
    longest_gap: float = 0.0
    images: int = 0
    seconds: float = 0.0


def measure_waits(
    images: Path, scratch: Path, mask_model: Checkpoint, detector: str, trials: int
) -> tuple[Waits, Waits]:
    """Measures without a run, then during one.

    Args:
        images: A folder of images; they are copied.
        scratch: A folder for them.
        mask_model: Of the canvas and of the run.
        detector: Of the run.
        trials: Clicks of each kind.
    """
    shutil.rmtree(scratch, ignore_errors=True)
    folder = scratch / "images"
    folder.mkdir(parents=True)
    for path in sorted(images.iterdir()):
        for number in range(_COPIES):
            shutil.copyfile(path, folder / f"{number:02}_{path.name}")
    with temporary_home(scratch / "home"):
        return _measure(scratch, mask_model, detector, trials)


def _measure(scratch: Path, mask_model: Checkpoint, detector: str, trials: int) -> tuple[Waits, Waits]:
    app = make_application()
    sys.setswitchinterval(SWITCH_INTERVAL_S)
    settings = Settings(scratch / "settings.json")
    settings.set(MODEL_NAME, mask_model.source)
    load = load_plausible if mask_model.random else load_predictor
    loaders = Loaders(load_detector, load, lambda: mask_model.source)
    desk = build(app, settings, Services(load_predictor=load, loaders=loaders))
    user = _User(desk)
    desk.start([scratch / "images"])
    user.wait_for(lambda: bool(user.encoded))
    user.trial(moves=True)  # warms up
    quiet = user.work(trials)
    finished: list[int] = []
    desk.workers.batch.progress.connect(lambda progress: finished.append(progress.done))
    desk.flows.batch.start(AutoAnnotatePlan(detector, mask_model.source, existing="add"))
    user.wait_for(lambda: len(finished) > 1)
    before = finished[-1]
    during = user.work(trials)
    during.images = finished[-1] - before
    desk.flows.batch.cancel()
    while not desk.stop():
        pass
    return quiet, during


class _User:
    """Moves the mouse and clicks, and notes when the masks come."""

    def __init__(self, desk: Desk) -> None:
        self.desk = desk
        self.encoded: list[str] = []
        self._input = InputDriver(desk.view.canvas)
        self._random = random.Random(0)
        self._hovers = self._clicks = 0
        self._waits = Waits()
        self._heartbeat = HeartbeatTimer()
        desk.workers.inference.encoded.connect(lambda key, _ms, _cached: self.encoded.append(key))
        desk.workers.inference.predicted.connect(self._count)

    def work(self, trials: int) -> Waits:
        """Does the trials of both kinds in turn."""
        self._waits = Waits()
        self._heartbeat.start("trials")
        started = perf_counter()
        for _ in range(trials):
            self.trial(moves=True)
            self.trial(moves=False)
        self._waits.seconds = perf_counter() - started
        self._heartbeat.stop()
        self._waits.longest_gap = max(self._heartbeat.phases[-1].gaps_ms)
        return self._waits

    def trial(self, *, moves: bool) -> None:
        """Moves the mouse somewhere, if so, and clicks there."""
        self._pause(_IDLE_MS)
        width, height = self.desk.view.canvas.image_size or (640, 480)
        x, y = (self._random.uniform(0.2, 0.8) * size for size in (width, height))
        for i in range(_MOVES if moves else 0):
            seen, begun = self._hovers, perf_counter()
            self._input.move(x - 3 * (_MOVES - i), y)
            self.wait_for(partial(self._has_hovered, seen), 1.0)
            self._waits.hover.append((perf_counter() - begun) * 1e3)
            self._pause(_MOVE_MS)
        seen, begun = self._clicks, perf_counter()
        self._input.click(x, y)
        self.wait_for(lambda: self._clicks > seen)
        spent = (perf_counter() - begun) * 1e3
        (self._waits.click if moves else self._waits.cold_click).append(spent)
        self.desk.view.actions.trigger("prompt.clear")

    def wait_for(self, holds: Callable[[], bool], limit_s: float = _LIMIT_S) -> None:
        """Runs the event loop until something holds."""
        loop = QEventLoop()
        look = QTimer(interval=1)
        look.timeout.connect(lambda: loop.quit() if holds() else None)
        QTimer.singleShot(int(limit_s * 1e3), loop, loop.quit)
        look.start()
        if not holds():
            loop.exec()

    def _has_hovered(self, seen: int) -> bool:
        return self._hovers > seen

    def _pause(self, ms: int) -> None:
        loop = QEventLoop()
        QTimer.singleShot(ms, loop, loop.quit)
        loop.exec()

    def _count(self, prediction: Prediction) -> None:
        if prediction.hover:
            self._hovers += 1
        else:
            self._clicks += 1
