"""Runs the Ultralytics trainer on Flint's detector, with its state on disk after every epoch."""

from __future__ import annotations

import logging
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from samdesk.base.jobs import CancelToken, Progress
from samdesk.engine import ultralytics
from samdesk.engine.checkpoints.read import read_checkpoint
from samdesk.engine.flint.detector import VARIANT, YoloWeights, build_yolo
from samdesk.engine.protocols import EngineError
from samdesk.training.detector.pack import network_tensors, write_detector
from samdesk.training.detector.state import WorkFolder
from samdesk.training.evaluate.average_precision import match_class_names

if TYPE_CHECKING:
    from torch import Tensor


log = logging.getLogger(__name__)


@dataclass(frozen=True)
class TrainerArguments:
    """The arguments of the Ultralytics trainer.

    Attributes:
        imgsz: Longest side of the training images, pixels.
        epochs: Maximum number of epochs.
        patience: Epochs without improvement on the held-out images after which training stops.
        batch: Images per step.
        freeze: Number of first layers that are frozen (11: the backbone).
        lr: Initial learning rate.
        seed: Random seed of the image order, the augmentation and new weights.
        device: A device from ``engine.runtime.device.resolve``.
    """

    imgsz: int
    epochs: int
    patience: int
    batch: int
    freeze: int
    lr: float
    seed: int
    device: str


def train(
    data: Path,
    base: YoloWeights,
    names: Sequence[str],
    work: WorkFolder,
    arguments: TrainerArguments,
    progress: Progress,
    cancel: CancelToken,
) -> WorkFolder:
    """Trains until finished, resuming from the state in ``work``.

    Args:
        data: The data.yaml of the trainer's dataset.
        base: Weights to start from; classes of the same name keep theirs.
        names: Class names by class id.
        work: Receives the best weights and the state after every epoch.
        arguments: The arguments of the trainer.
        progress: Called with batches done and their total.
        cancel: Checked before each batch.

    Raises:
        Cancelled: ``cancel`` was used; ``work`` has every finished epoch.
        OSError: ``work`` cannot be written.
        RuntimeError: The trainer failed.
    """
    if work.state.finished:
        return work
    callbacks = _TrainerCallbacks(work, names, progress, cancel)
    overrides = _overrides(data, work, arguments)
    with ultralytics.checkpoints_read_with(lambda path: _read_own(path, overrides)):
        trainer = _trainer_class()(overrides, lambda: adapt_classes(base, names, arguments.seed).model)
        callbacks.register(trainer)
        trainer.train()
    return callbacks.work


def can_resume(checkpoint: Path) -> bool:
    """Whether a checkpoint can be read; it is not asked whether one that holds code may run it."""
    try:
        _read_own(checkpoint, {})
    except EngineError as error:
        log.warning("the training starts over: %s", error)
        return False
    return True


def _read_own(path: Path, overrides: Mapping[str, Any]) -> dict[str, Any]:
    """Reads the trainer's checkpoint, which lies beside a dataset that others may have made.

    Its weights, its optimizer and its counters are used; its arguments, which name files, are not.

    Raises:
        EngineError: It is damaged, or holds code.
    """
    content = read_checkpoint(path)
    if not isinstance(content, Mapping):
        raise EngineError(f"{path} is not a checkpoint of this training. Delete it and teach again.")
    arguments = {key: value for key, value in overrides.items() if key not in ("model", "resume")}
    kept = {key: value for key, value in content.items() if key not in ("modelopt", "train_args", "git")}
    return {**kept, "train_args": arguments}


def adapt_classes(base: YoloWeights, names: Sequence[str], seed: int = 0) -> Any:
    """Ultralytics' ``YOLO`` with the weights of ``base`` but other classes in the last classification layer.

    A class whose name ``base`` knows keeps its weights; a new one gets random ones.
    """
    import torch

    theirs = match_class_names(base.names, names)
    tensors: dict[str, Tensor] = dict(base.tensors)
    with torch.random.fork_rng(devices=[]), torch.no_grad():
        torch.manual_seed(seed)
        fresh = ultralytics.build_yolo(VARIANT, names).model
        head = len(fresh.model) - 1
        for key, value in fresh.state_dict().items():
            if key.startswith(f"model.{head}.cv3.") and key.split(".")[4] == "2":
                rows = value.clone()
                for their, our in theirs.items():
                    rows[our] = base.tensors[key][their].to(rows.dtype)
                tensors[key] = rows
        return build_yolo(YoloWeights(tensors, tuple(names)), "The detector to start from")


class _TrainerCallbacks:
    """The trainer's callbacks: they save the state, report progress and cancel the training."""

    def __init__(
        self, work: WorkFolder, names: Sequence[str], progress: Progress, cancel: CancelToken
    ) -> None:
        self.work = work
        self._names = tuple(names)
        self._progress = progress
        self._cancel = cancel
        self._batch = 0
        self._since = monotonic()

    def register(self, trainer: Any) -> None:
        """Adds the callbacks to a trainer."""
        trainer.add_callback("on_train_epoch_start", self._epoch_starts)
        for event in ("on_train_batch_start", "on_val_batch_start"):
            trainer.add_callback(event, self._before_batch)
        trainer.add_callback("on_train_batch_end", self._after_batch)
        trainer.add_callback("on_model_save", self._after_epoch)

    def _epoch_starts(self, _trainer: Any) -> None:
        self._batch = 0

    def _before_batch(self, _trainer: Any) -> None:
        self._cancel.check()

    def _after_batch(self, trainer: Any) -> None:
        self._batch += 1
        batches = len(trainer.train_loader)
        self._progress(min(trainer.epoch * batches + self._batch, trainer.epochs * batches - 1),
                       trainer.epochs * batches)  # fmt: skip

    def _after_epoch(self, trainer: Any) -> None:
        """Writes weights, checkpoint and state in this order: a crash in between loses one epoch."""
        epochs = trainer.epoch + 1
        best = self.work.state.best_epoch
        if trainer.best_fitness == trainer.fitness:
            write_detector(self.work.best, network_tensors(trainer.ema.ema), self._names)
            best = epochs
        now = monotonic()
        self.work = self.work.save_checkpoint(
            trainer.last.read_bytes(),
            epochs=epochs,
            best_epoch=best,
            seconds=self.work.state.seconds + now - self._since,
            finished=bool(trainer.stop) or epochs >= trainer.epochs,
        )
        self._since = now


def _overrides(data: Path, work: WorkFolder, arguments: TrainerArguments) -> dict[str, Any]:
    start = work.checkpoint
    return {
        "model": str(start) if start else f"{VARIANT}.yaml",
        "resume": str(start) if start else False,
        "data": str(data),
        "save_dir": str(work.run.absolute()),
        "imgsz": arguments.imgsz,
        "epochs": arguments.epochs,
        "patience": arguments.patience,
        "batch": arguments.batch,
        "nbs": arguments.batch,  # a step of the optimizer for every batch
        "freeze": arguments.freeze,
        "optimizer": "AdamW",
        "lr0": arguments.lr,
        "momentum": 0.9,
        "warmup_epochs": min(3.0, arguments.epochs / 10),
        "warmup_bias_lr": 0.0,
        "close_mosaic": min(10, arguments.epochs // 4),
        "seed": arguments.seed,
        "device": arguments.device,
        "workers": 0,
        "amp": False,
        "plots": False,
        "verbose": False,
        "exist_ok": True,
    }


def _trainer_class() -> Any:
    base: Any = ultralytics.detection_trainer()

    class PresetNetworkTrainer(base):  # type: ignore[misc]  # Any: known at run time only
        """Ultralytics' trainer for a network made by a function."""

        def __init__(self, overrides: dict[str, Any], network: Callable[[], Any]) -> None:
            self._network = network
            super().__init__(overrides=overrides)

        def get_model(self, cfg: Any = None, weights: Any = None, verbose: bool = True) -> Any:
            """Returns the network, with the weights of the checkpoint when resuming."""
            network = self._network()
            if weights is not None:
                network.load_state_dict(weights.float().state_dict())
            return network

        def final_eval(self) -> None:
            """Does nothing: the result is measured with the detector as it is used, elsewhere."""

    return PresetNetworkTrainer
