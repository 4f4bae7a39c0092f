"""The trainings of a dataset: a folder each, with Ultralytics' results and what is needed to resume it.

They are in samdesk's state folder, or where the user wants one (``--out``). A training that was killed is one
whose ``fit.json`` says that it runs while no process holds the lock of the dataset's trainings.
"""

from __future__ import annotations

import csv
import math
import os
import shutil
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any, Literal, TypeAlias, get_args

from samdesk.base import json_file, places
from samdesk.base.json_file import JsonError
from samdesk.base.regular import read_text
from samdesk.dataset.lock import DatasetLock, dataset_id
from samdesk.engine.models.trained import new_name
from samdesk.training.fit.errors import FitError
from samdesk.training.fit.settings import FitSettings

State: TypeAlias = Literal["running", "stopped", "failed", "done"]

_FILE, _LOCK = "fit.json", "fit.lock"


@dataclass(frozen=True)
class EpochFigures:
    """The figures of an epoch.

    Attributes:
        epoch: From 1.
        values: By Ultralytics' names: "train/box_loss", "val/seg_loss", "metrics/mAP50(M)".
    """

    epoch: int
    values: dict[str, float] = field(default_factory=dict)

    def value(self, name: str) -> float | None:
        """A figure; None if the epoch has none."""
        return self.values.get(name)


@dataclass(frozen=True)
class FitRun:
    """A training.

    Attributes:
        name: The name of the model it makes.
        folder: Its folder.
        dataset: The dataset.
        settings: What it was asked to do.
        state: How far it is; "running" also after its process was killed.
        names: Class names by class id when it began.
        start: What it started from, in words.
        when: When it began, seconds since the epoch.
        seconds: Time spent, without interruptions.
        best_epoch: The epoch of ``best``; 0: none yet.
        by_class: Class name -> mask AP50 and AP50-95 of that epoch.
        images: Split -> number of images.
        message: Why it failed.
    """

    name: str
    folder: Path
    dataset: Path
    settings: FitSettings = field(default_factory=FitSettings)
    state: State = "running"
    names: tuple[str, ...] = ()
    start: str = ""
    when: float = 0.0
    seconds: float = 0.0
    best_epoch: int = 0
    by_class: dict[str, tuple[float, float]] = field(default_factory=dict)
    images: dict[str, int] = field(default_factory=dict)
    message: str = ""

    @property
    def last(self) -> Path:
        """The trainer's state after the last epoch."""
        return self.folder / "weights" / "last.pt"

    @property
    def best(self) -> Path:
        """The trainer's state after the best epoch."""
        return self.folder / "weights" / "best.pt"

    @property
    def data(self) -> Path:
        """The data.yaml that the trainer reads."""
        return self.folder / "data.yaml"

    @property
    def log(self) -> Path:
        """What Ultralytics logs."""
        return self.folder / "train.log"

    @property
    def resumable(self) -> bool:
        """Whether it can be resumed."""
        return self.state != "done" and self.last.is_file()

    def epochs(self) -> tuple[EpochFigures, ...]:
        """The figures of its epochs, from the trainer's ``results.csv``; what cannot be read is left out."""
        return read_results(self.folder / "results.csv")

    def write(self) -> FitRun:
        """Writes ``fit.json``. Raises ``OSError``."""
        value = {**asdict(self), "folder": None, "dataset": str(self.dataset)}
        json_file.write(self.folder / _FILE, {k: v for k, v in value.items() if v is not None}, indent=1)
        return self

    def remove(self) -> None:
        """Deletes its folder, if it is one of samdesk's own."""
        if self.folder.parent == _home(self.dataset):
            shutil.rmtree(self.folder, ignore_errors=True)


def read_run(folder: Path) -> FitRun | None:
    """The training in a folder; None if there is none, or it cannot be read."""
    try:
        value = json_file.read_object(folder / _FILE)
        run = FitRun(
            str(value["name"]),
            folder,
            Path(str(value["dataset"])),
            FitSettings.from_json(value["settings"]),
            value["state"],
            tuple(map(str, value["names"])),
            str(value["start"]),
            float(value["when"]),
            float(value["seconds"]),
            int(value["best_epoch"]),
            {str(k): (float(v[0]), float(v[1])) for k, v in value["by_class"].items()},
            {str(k): int(v) for k, v in value["images"].items()},
            str(value["message"]),
        )
    except (OSError, JsonError, KeyError, TypeError, ValueError, AttributeError, IndexError, FitError):
        return None
    return run if run.state in get_args(State) else None


def fit_runs(dataset: Path) -> tuple[FitRun, ...]:
    """The trainings of a dataset in samdesk's folder, the newest first."""
    try:
        folders = [entry.path for entry in os.scandir(_home(dataset)) if entry.is_dir()]
    except OSError:
        return ()
    found = [run for run in map(read_run, map(Path, folders)) if run is not None]
    return tuple(sorted(found, key=lambda run: (-run.when, run.name)))


def interrupted(dataset: Path) -> FitRun | None:
    """The newest training of a dataset if it was stopped, failed or killed and can be resumed, else None."""
    newest = next(iter(fit_runs(dataset)), None)
    return newest if newest is not None and newest.resumable and not is_training(dataset) else None


def new_run(dataset: Path, settings: FitSettings, out: Path | None = None) -> FitRun:
    """A new training, not written yet.

    Args:
        dataset: The dataset.
        settings: What to do.
        out: Its folder; None: one of samdesk's own.
    """
    dataset = dataset.resolve()
    home = _home(dataset)
    name = new_name(dataset, lambda name: (home / name).exists())
    return FitRun(name, out.absolute() if out else home / name, dataset, settings, when=time.time())


@contextmanager
def training_lock(dataset: Path) -> Iterator[None]:
    """Holds the lock of a dataset's trainings. Raises ``FitError`` if another process does."""
    lock = _lock(dataset)
    try:
        holder = lock.acquire()
    except OSError as error:
        raise FitError(f"{lock.path} cannot be written: {error.strerror or error}.") from error
    if holder:
        raise FitError(f"{holder}.", next="Wait until it has finished, or stop it there.")
    try:
        yield
    finally:
        lock.release()


def is_training(dataset: Path) -> bool:
    """Whether a process trains on a dataset."""
    lock = _lock(dataset)
    try:
        if lock.acquire():
            return True
    except OSError:
        return False
    lock.release()
    return False


def read_results(file: Path) -> tuple[EpochFigures, ...]:
    """The figures in a ``results.csv``, by epoch; after a resumption the later line of an epoch counts."""
    found: dict[int, EpochFigures] = {}
    try:
        for row in csv.DictReader(read_text(file).splitlines(), skipinitialspace=True):
            figures = _figures(row)
            if figures is not None:
                found[figures.epoch] = figures
    except (OSError, ValueError, csv.Error):
        return ()
    return tuple(found[epoch] for epoch in sorted(found))


def finite(values: Any) -> dict[str, float]:
    """The numbers among the values of a mapping that are finite, by name."""
    found = {}
    for key, value in dict(values).items():
        try:
            number = float(value)
        except (TypeError, ValueError):
            continue
        if math.isfinite(number):
            found[str(key).strip()] = number
    return found


def stopped(run: FitRun, state: State, message: str = "") -> FitRun:
    """The training as it is on disk, with another state."""
    return replace(read_run(run.folder) or run, state=state, message=message).write()


def _figures(row: dict[str, Any]) -> EpochFigures | None:
    values = finite({k: v for k, v in row.items() if k is not None and isinstance(v, str)})
    epoch = values.pop("epoch", 0.0)
    return EpochFigures(int(epoch), values) if epoch >= 1 and len(values) > 1 else None


def _home(dataset: Path) -> Path:
    return places.state() / "fit" / dataset_id(dataset)


def _lock(dataset: Path) -> DatasetLock:
    return DatasetLock(dataset, _home(dataset).with_suffix(".lock"), "being trained on")
