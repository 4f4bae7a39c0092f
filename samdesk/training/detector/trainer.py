"""The Ultralytics trainer, on a network of Flint's, with a state on disk after every epoch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path
from time import monotonic
from typing import TYPE_CHECKING, Any

from samdesk.base.jobs import CancelToken, Progress
from samdesk.engine import ultralytics
from samdesk.engine.flint.detector import VARIANT, YoloWeights, build_yolo
from samdesk.training.detector.pack import network_tensors, write_detector
from samdesk.training.detector.state import WorkFolder
from samdesk.training.evaluate.average_precision import same_names

if TYPE_CHECKING:
    from torch import Tensor


@dataclass(frozen=True)
class TrainerArguments:
    """What the Ultralytics trainer is told.

    Attributes:
        imgsz: Longest side the network sees, pixels.
        epochs: At most.
        patience: Epochs without a better result on the held-out images before it stops.
        batch: Images a step.
        freeze: The first so many layers of the network stay as they are (11: the backbone).
        lr: Learning rate at the start.
        seed: Of the order of images, their augmentation and new weights.
        device: As ``engine.device.resolve`` gives it.
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
    """Trains, or goes on where ``work`` stands, until the training is over.

    Args:
        data: A dataset's data.yaml.
        base: Weights to start from; those of classes of the same name are kept.
        names: Class names by class id.
        work: Has the best weights and the state after every epoch.
        arguments: For the trainer.
        progress: Called with batches done and their total.
        cancel: Looked at before each batch.

    Raises:
        Cancelled: ``cancel`` was used; ``work`` has every epoch that was done.
        OSError: ``work`` cannot be written.
        RuntimeError: The trainer failed.
    """
    if work.state.finished:
        return work
    log = _Log(work, names, progress, cancel)
    trainer = _trainer_class()(
        _overrides(data, work, arguments), lambda: adapted(base, names, arguments.seed).model
    )
    log.listen(trainer)
    trainer.train()
    return log.work


def adapted(base: YoloWeights, names: Sequence[str], seed: int = 0) -> Any:
    """Ultralytics' ``YOLO`` for other classes: all weights of ``base`` but those that tell classes apart.

    A class whose name ``base`` knows keeps its weights, a new one gets random ones.
    """
    import torch

    theirs = same_names(base.names, names)
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


class _Log:
    """Keeps the state on disk, tells the progress and stops the trainer, from the trainer's callbacks."""

    def __init__(
        self, work: WorkFolder, names: Sequence[str], progress: Progress, cancel: CancelToken
    ) -> None:
        self.work = work
        self._names = tuple(names)
        self._progress = progress
        self._cancel = cancel
        self._batch = 0
        self._since = monotonic()

    def listen(self, trainer: Any) -> None:
        """Takes the trainer's callbacks."""
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
        """First the weights, then the checkpoint, then the state: a crash between them loses one epoch."""
        epochs = trainer.epoch + 1
        best = self.work.state.best_epoch
        if trainer.best_fitness == trainer.fitness:
            write_detector(self.work.best, network_tensors(trainer.ema.ema), self._names)
            best = epochs
        now = monotonic()
        self.work = self.work.advanced(
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

    class Teaching(base):  # type: ignore[misc]  # it is known at run time only
        """Ultralytics' trainer on a network it is given."""

        def __init__(self, overrides: dict[str, Any], network: Callable[[], Any]) -> None:
            self._network = network
            super().__init__(overrides=overrides)

        def get_model(self, cfg: Any = None, weights: Any = None, verbose: bool = True) -> Any:
            """The network; with the weights of a checkpoint that is gone on from."""
            network = self._network()
            if weights is not None:
                network.load_state_dict(weights.float().state_dict())
            return network

        def final_eval(self) -> None:
            """Nothing: what was learned is measured as it is used, elsewhere."""

    return Teaching
