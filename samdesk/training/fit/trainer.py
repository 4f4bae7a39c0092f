"""Runs Ultralytics' segmentation trainer, reports its progress, and leaves a state that can be resumed."""

from __future__ import annotations

import io
import logging
import math
from collections import Counter
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, replace
from pathlib import Path
from time import monotonic
from typing import Any, TypeAlias

from samdesk.base import atomic
from samdesk.base.jobs import CancelToken
from samdesk.base.text import counted
from samdesk.engine import ultralytics, ultralytics_trainer
from samdesk.engine.checkpoints.read import read_checkpoint
from samdesk.training.fit.errors import FitError
from samdesk.training.fit.events import FitBegun, FitEpoch, FitEvent, FitNote, FitProgress
from samdesk.training.fit.record import FitRun, finite
from samdesk.training.fit.start import FitStart

log = logging.getLogger(__name__)

OnEvent: TypeAlias = Callable[[FitEvent], None]

_EVERY_S = 0.25
_MOST_NAMES = 8


@dataclass
class Training:
    """A training, and how far it has got.

    Attributes:
        run: As it is on disk.
        start: What it starts from.
        more: All other arguments of the trainer.
        device: A resolved device.
        on_event: Called with what happens.
        cancel: Checked before each batch.
    """

    run: FitRun
    start: FitStart
    more: Mapping[str, Any]
    device: str
    on_event: OnEvent
    cancel: CancelToken

    def train(self, done: int) -> None:
        """Trains until finished.

        Args:
            done: Epochs done, from which it is resumed; 0: it begins.

        Raises:
            Cancelled: ``cancel`` was used; every finished epoch is on disk.
            EngineError: A checkpoint cannot be read.
            Exception: Whatever the trainer raises.
        """
        overrides = self._overrides(resume=done > 0)
        with ultralytics.checkpoints_read_with(lambda path: _read_own(path, overrides)):
            trainer = _trainer_class()(overrides, self.start)
            Callbacks(self).register(trainer)
            trainer.train()

    def _overrides(self, *, resume: bool) -> dict[str, Any]:
        run = self.run
        return {
            **self.more,
            "model": str(run.last) if resume else self.start.model,
            "resume": str(run.last) if resume else False,
            "data": str(run.data),
            "save_dir": str(run.folder),
            "epochs": run.settings.epochs,
            "imgsz": run.settings.imgsz,
            "batch": run.settings.batch,
            "device": self.device,
            "plots": bool(self.more.get("plots", False)),
            "exist_ok": True,
        }


class Callbacks:
    """The trainer's callbacks."""

    def __init__(self, training: Training) -> None:
        self._training = training
        self._emit = training.on_event
        self._batch = 0
        self._batch_size = 0
        self._sent = 0.0
        self._since = self._epoch_since = monotonic()
        self._durations: list[float] = []

    def register(self, trainer: Any) -> None:
        """Adds the callbacks to a trainer."""
        for event, callback in (
            ("on_train_start", self._begun),
            ("on_train_epoch_start", self._epoch_starts),
            ("on_train_batch_start", self._check),
            ("on_val_batch_start", self._check),
            ("on_train_batch_end", self._batch_ends),
            ("on_train_epoch_end", self._validates),
            ("on_model_save", self._epoch_ends),
        ):
            trainer.add_callback(event, callback)

    def _begun(self, trainer: Any) -> None:
        labels = {"train": trainer.train_loader.dataset.labels, "val": trainer.test_loader.dataset.labels}
        images = {split: len(found) for split, found in labels.items()}
        instances = {split: sum(len(label["cls"]) for label in found) for split, found in labels.items()}
        left_out = sum(self._training.run.images.values()) - sum(images.values())
        self._training.run = replace(self._training.run, images=images).write()
        run = self._training.run
        if not trainer.start_epoch:
            self._note_empty(labels["train"])
            if left_out > 0:
                text = (
                    f"The trainer leaves out {counted(left_out, 'image')} that it cannot use (see the log)."
                )
                self._emit(FitNote(text))
        self._batch_size = int(trainer.batch_size)
        self._emit(
            FitBegun(
                run.name,
                str(run.folder),
                run.start,
                images,
                instances,
                int(trainer.epochs),
                int(trainer.start_epoch),
                self._training.device,
                self._batch_size,
                int(trainer.args.imgsz),
            )
        )
        self._since = self._epoch_since = monotonic()

    def _note_empty(self, labels: Any) -> None:
        seen = Counter(int(c) for label in labels for c in label["cls"].reshape(-1))
        empty = [name for class_id, name in enumerate(self._training.run.names) if not seen[class_id]]
        if empty:
            shown = ", ".join(empty[:_MOST_NAMES]) + (", …" if len(empty) > _MOST_NAMES else "")
            classes = counted(len(empty), "class has", "classes have")
            self._emit(FitNote(f"{classes} no training instance and cannot be learnt: {shown}."))

    def _epoch_starts(self, trainer: Any) -> None:
        self._batch = 0
        if self._batch_size and int(trainer.batch_size) != self._batch_size:
            self._batch_size = int(trainer.batch_size)
            text = (
                f"The device ran out of memory; the training goes on with {self._batch_size} images per step."
            )
            self._emit(FitNote(text))

    def _check(self, _trainer: Any) -> None:
        self._training.cancel.check()

    def _batch_ends(self, trainer: Any) -> None:
        self._batch += 1
        self._progress(trainer, "train")

    def _validates(self, trainer: Any) -> None:
        self._sent = 0.0
        self._progress(trainer, "val")

    def _progress(self, trainer: Any, stage: Any) -> None:
        now = monotonic()
        if now - self._sent < _EVERY_S:
            return
        self._sent = now
        batches = len(trainer.train_loader)
        losses = {}
        if trainer.tloss is not None:
            named = finite(trainer.label_loss_items(trainer.tloss, prefix="train"))
            losses = {name.removeprefix("train/"): value for name, value in named.items()}
        left = None
        if self._durations:
            left = max(self._left(trainer, trainer.epoch) - (now - self._epoch_since), 0.0)
        self._emit(FitProgress(trainer.epoch + 1, trainer.epochs, self._batch, batches, stage, losses, left))

    def _left(self, trainer: Any, epoch: int) -> float:
        recent = self._durations[-10:]
        return sum(recent) / len(recent) * int(trainer.epochs - epoch)

    def _epoch_ends(self, trainer: Any) -> None:
        """The checkpoint and results.csv have this epoch already: a crash in between loses nothing."""
        now = monotonic()
        run, best = self._training.run, trainer.best_fitness == trainer.fitness
        run = replace(run, seconds=run.seconds + now - self._since)
        if best:
            run = replace(run, best_epoch=trainer.epoch + 1, by_class=by_class(trainer, run.names))
        self._training.run = run.write()
        self._durations.append(now - self._epoch_since)
        self._since = self._epoch_since = now
        values = {**finite(trainer.label_loss_items(trainer.tloss)), **finite(trainer.metrics)}
        left = 0.0 if trainer.stop else self._left(trainer, trainer.epoch + 1)
        self._emit(FitEpoch(trainer.epoch + 1, trainer.epochs, values, bool(best), left))


def by_class(trainer: Any, names: tuple[str, ...]) -> dict[str, tuple[float, float]]:
    """Class name -> mask AP50 and AP50-95 of the validation just done, for classes it has instances of."""
    found = {}
    with suppress(AttributeError, IndexError, TypeError):
        figures = trainer.validator.metrics.seg
        for row, class_id in enumerate(figures.ap_class_index):
            ap50, ap = float(figures.ap50[row]), float(figures.ap[row])
            if math.isfinite(ap50) and math.isfinite(ap):
                found[names[int(class_id)]] = (ap50, ap)
    return found


def done_epochs(run: FitRun) -> int:
    """The number of epochs that a training can be resumed after. Raises ``EngineError``."""
    checkpoint = _own(run.last)
    try:
        return int(checkpoint["epoch"]) + 1
    except (KeyError, TypeError, ValueError) as error:
        raise FitError(f"{run.last} is not the state of a training.", next="Start a new training.") from error


def best_figures(run: FitRun) -> tuple[int, dict[str, float], Mapping[str, Any]]:
    """The epoch of the best checkpoint, its figures, and the checkpoint. Raises ``EngineError``."""
    checkpoint = _own(run.best)
    figures = finite(checkpoint.get("train_metrics") or {})
    epoch = int(checkpoint.get("epoch") or 0) + 1
    losses = next((found.values for found in run.epochs() if found.epoch == epoch), {})
    return epoch, {**losses, **figures}, checkpoint


def stripped_file(checkpoint: Mapping[str, Any]) -> bytes:
    """The file of a checkpoint without what only training needs."""
    import torch

    stream = io.BytesIO()
    torch.save(ultralytics_trainer.stripped(checkpoint), stream)
    return stream.getvalue()


def _own(path: Path) -> Mapping[str, Any]:
    content = read_checkpoint(path)
    if not isinstance(content, Mapping):
        raise FitError(f"{path} is not the state of a training.", next="Start a new training.")
    return content


def _read_own(path: Path, overrides: Mapping[str, Any]) -> Mapping[str, Any]:
    """Reads a checkpoint; of the one that is resumed the arguments are not used, which name files."""
    content = read_checkpoint(path)
    if overrides["resume"] and isinstance(content, Mapping) and str(path) == overrides["resume"]:
        arguments = {key: value for key, value in overrides.items() if key not in ("model", "resume")}
        return {**content, "train_args": {**arguments, "task": "segment", "mode": "train"}}
    return content  # type: ignore[no-any-return]


class _WholeFile(type(Path())):  # type: ignore[misc]  # the system's kind of path
    """A path at which a file is written whole or not at all."""

    def write_bytes(self, data: bytes) -> int:
        """Writes the file with one rename."""
        atomic.write_bytes(Path(self), data)
        return len(data)


def _trainer_class() -> Any:
    base: Any = ultralytics_trainer.segmentation_trainer()

    class ResumableTrainer(base):  # type: ignore[misc]
        """Ultralytics' trainer, whose checkpoints are whole whenever it is killed."""

        def __init__(self, overrides: dict[str, Any], start: FitStart) -> None:
            self._start = start
            super().__init__(overrides=overrides)
            for name in ("last", "best"):
                setattr(self, name, _WholeFile(getattr(self, name)))

        def get_model(self, cfg: Any = None, weights: Any = None, verbose: bool = True) -> Any:
            """Returns the network; where it starts from a detector, with the layers of that."""
            if weights is None and not self.args.resume:
                weights = self._start.weights()
            return super().get_model(cfg, weights, verbose)

        def final_eval(self) -> None:
            """Does nothing: the best epoch was validated, and its checkpoint is stripped elsewhere."""

    return ResumableTrainer
