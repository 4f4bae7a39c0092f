"""Does the main thread ever wait? A 5 ms heartbeat while everything else is at work.

    python -m samdesk.bench.heartbeat FOLDER [--seconds 30] [--model mobile_sam.pt] [--detector yolo11n.pt]

The photos are copied to a temporary folder. Without ``--model`` a MobileSAM network with seeded random
weights is used, and masks such as a trained one gives are put in place of its noise (``plausible``).
"""

from __future__ import annotations

import argparse
import os
import platform
import random
import shutil
import subprocess
import sys
import tempfile
import time
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from PySide6.QtCore import QCoreApplication, QEventLoop, QObject, Qt, QTimer, SignalInstance

from samdesk.bench.plausible import load_plausible
from samdesk.domain.annotation import Annotation, Source, new_annotation_id
from samdesk.domain.document import ImageKey
from samdesk.domain.edits import Transaction, add, by_person
from samdesk.domain.geometry import RgbImage
from samdesk.domain.labels import LabelSet
from samdesk.domain.prompts import BoxPrompt, PointPrompt, PromptSet
from samdesk.engine.autoannotate import AutoAnnotatePlan
from samdesk.engine.batch_models import Loaders
from samdesk.engine.load import load_detector, load_predictor
from samdesk.io.images import scan
from samdesk.workers.batch import AutoAnnotateClient
from samdesk.workers.failure import Failure
from samdesk.workers.images import ImageLoader
from samdesk.workers.inference import InferenceClient, Prediction
from samdesk.workers.inference_loop import Loader
from samdesk.workers.lifecycle import stop_all
from samdesk.workers.storage import StorageClient

BEAT_MS = 5
MOVE_MS = 8  # a mouse of 125 Hz
CLICK_MS = 700
TURN_MS = 1500  # after the photo was encoded
STOP_MS = 600_000
MOST_PHOTOS = 24


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

    def _beat(self) -> None:
        now = time.perf_counter()
        self.phases[-1].gaps_ms.append((now - self._last) * 1e3)
        self._last = now


class Hand(QObject):
    """A user who never rests: hovers, clicks, drags boxes, keeps masks, turns to the next photo."""

    def __init__(self, folder: Path, keys: Sequence[ImageKey], loader: Loader) -> None:
        super().__init__()
        self.inference = InferenceClient(loader)
        self.loader = ImageLoader()
        self.storage = StorageClient()
        self.failures: list[str] = []
        self.counts = dict.fromkeys(
            ("photos", "encodes", "cache hits", "hover masks", "click masks", "saved"), 0
        )
        self.labels = LabelSet.from_names(["object"])
        self._folder, self._keys, self._at = folder, list(keys), -1
        self._random = random.Random(0)
        self._size = (640, 480)
        self._x, self._y = 100.0, 100.0
        self._page = QTimer(self, interval=TURN_MS, singleShot=True)
        self._page.timeout.connect(self._turn)
        self._timers = [QTimer(self, interval=MOVE_MS), QTimer(self, interval=CLICK_MS)]
        for timer, act in zip(self._timers, (self._move, self._click), strict=True):
            timer.timeout.connect(act)
        self.inference.predicted.connect(self._take)
        self.inference.encoded.connect(self._note_encoded)
        self.loader.loaded.connect(self._note_size)
        self.storage.saved.connect(lambda _seq: self._count("saved"))
        for signal in (
            self.inference.failed, self.inference.model_failed, self.loader.failed,
            self.storage.save_failed, self.storage.open_failed, self.storage.failed,
        ):  # fmt: skip
            signal.connect(self._note_failure)

    def change_labels(self, text: str, labels: LabelSet) -> None:
        """Makes a new label set durable."""
        self.storage.commit(Transaction(text, labels=labels, labels_before=self.labels))
        self.labels = labels

    def work(self) -> None:
        """Starts."""
        self._turn()
        for timer in self._timers:
            timer.start()

    def rest(self) -> None:
        """Stops moving; what was asked is still answered."""
        for timer in [*self._timers, self._page]:
            timer.stop()

    def _count(self, what: str) -> None:
        self.counts[what] += 1

    def _turn(self) -> None:
        self._at = (self._at + (1 if self._random.random() < 0.8 else -1)) % len(self._keys)
        key = self._keys[self._at]
        self.loader.load(key, self._folder / key)
        self.storage.load(key)
        self.inference.show_image(key, self._folder / key)
        ahead = [self._keys[(self._at + by) % len(self._keys)] for by in (1, -1, 2)]
        self.loader.preload([self._folder / k for k in ahead])
        self.inference.prefetch([(k, self._folder / k) for k in ahead])
        self._count("photos")

    def _move(self) -> None:
        width, height = self._size
        self._x = min(max(self._x + self._random.gauss(0, 6), 0), width)
        self._y = min(max(self._y + self._random.gauss(0, 6), 0), height)
        self.inference.predict(PromptSet((PointPrompt(self._x, self._y),)), hover=True)

    def _click(self) -> None:
        point = PointPrompt(self._x, self._y)
        box = BoxPrompt(self._x - 40, self._y - 40, self._x + 40, self._y + 40)
        self.inference.predict(PromptSet((point,), box if self._random.random() < 0.5 else None))

    def _take(self, prediction: Prediction) -> None:
        self._count("hover masks" if prediction.hover else "click masks")
        if prediction.hover or not prediction.masks or prediction.masks[0].region.is_empty:
            return
        shown = prediction.masks[0]
        annotation = Annotation(
            new_annotation_id(), self.labels.labels[0].id, shown.region, Source.SAM, mask_score=shown.score
        )
        edit = by_person(add([annotation]))
        self.storage.commit(Transaction("Add object", ((prediction.key, edit),)))

    def _note_encoded(self, _key: str, _ms: float, cached: bool) -> None:
        self._count("cache hits" if cached else "encodes")
        self._page.start()

    def _note_size(self, _key: str, rgb: RgbImage) -> None:
        self._size = (rgb.shape[1], rgb.shape[0])

    def _note_failure(self, failure: Failure) -> None:
        self.failures.append(str(failure))


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


def measure(photos: Path, model: str = "", detector: str = "", seconds: float = 30.0) -> Report:
    """Runs it all.

    Args:
        photos: A folder of photos; it is not changed.
        model: A SAM by name or path; "": MobileSAM with seeded weights.
        detector: A YOLO by name or path for an auto-annotate run; "": no such run.
        seconds: How long each phase lasts.
    """
    app = QCoreApplication.instance() or QCoreApplication(sys.argv[:1])
    sys.setswitchinterval(0.001)  # as the app does
    with tempfile.TemporaryDirectory(prefix="samdesk-heartbeat-") as name:
        folder = Path(name)
        keys = _copied(photos, folder / "photos")
        load = load_predictor if model else load_plausible
        heart, hand = Heart(), Hand(folder / "photos", keys, load)
        loaders = Loaders(load_detector, load, lambda: model)
        batch = AutoAnnotateClient(hand.storage, lambda: hand.labels, hand.change_labels, loaders=loaders)
        batch.failed.connect(lambda failure: hand.failures.append(str(failure)))
        batch.set_dataset(folder / "photos", keys)
        # A seeded checkpoint needs torch: it is made by another process, so that the first load shows.
        model = model or str(_seeded(folder / "mobile_sam.pt"))
        hand.storage.open(folder / "photos")
        hand.change_labels("Add label", hand.labels)
        heart.start("importing torch, loading the model")
        hand.inference.load(model)
        _run(app, hand.inference.model_loaded, hand.inference.model_failed)
        heart.start("encoding, hovering, clicking, turning pages")
        hand.work()
        _run(app, seconds=seconds)
        if detector:
            heart.start("the same during an auto-annotate run")
            batch.finished.connect(lambda run: hand.counts.update({"annotated by the run": run.annotated}))
            batch.start(AutoAnnotatePlan(detector, model, existing="add"))
            _run(app, seconds=seconds)
        hand.rest()
        phases = list(heart.phases)
        batch.cancel()
        stop_all([batch, hand.loader, hand.inference, hand.storage], STOP_MS)
        return Report(_machine(), phases, hand.counts, hand.failures)


def _copied(photos: Path, target: Path) -> list[ImageKey]:
    keys = scan(photos)[:MOST_PHOTOS]
    for key in keys:
        (target / key).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(photos / key, target / key)
    return keys


# In a process of its own, so that this one imports torch only when the first model is loaded.
_SEED = """
import sys, torch
from samdesk.engine.ultralytics_door import build_network
torch.manual_seed(0)
torch.save(build_network("mobile_sam").state_dict(), sys.argv[1])
"""


def _seeded(path: Path) -> Path:
    subprocess.run([sys.executable, "-c", _SEED, str(path)], check=True)
    return path


def _run(app: QCoreApplication, *until: SignalInstance, seconds: float = 300.0) -> None:
    """Handles events until one of the signals, or the end of the time."""
    loop = QEventLoop(app)
    for signal in until:
        signal.connect(loop.quit)
    QTimer.singleShot(int(seconds * 1000), loop, loop.quit)
    loop.exec()


def _machine() -> str:
    name = next((line.split(":")[1].strip() for line in _cpuinfo() if line.startswith("model name")), "")
    load = f", load {os.getloadavg()[0]:.1f}" if hasattr(os, "getloadavg") else ""
    return f"{os.cpu_count()} cores of {name or platform.processor() or platform.machine()}{load}"


def _cpuinfo() -> list[str]:
    try:
        return Path("/proc/cpuinfo").read_text("utf-8").splitlines()
    except OSError:
        return []


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
    report = measure(given.folder, given.model, given.detector, given.seconds)
    sys.stdout.write(f"{report}\n")
    return 1 if report.failures else 0


if __name__ == "__main__":
    sys.exit(main())
