"""Fine-tunes the detector on the user's own classes, from the accepted images of a dataset.

YOLO11n is trained with the Ultralytics trainer: minutes on two CPU cores for some tens of images. The result
is measured on held-out images. The best epoch is chosen on the same images, so the score after training is
slightly optimistic; the score before is not.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from samdesk.base import atomic
from samdesk.base.hashing import hash_file
from samdesk.base.jobs import CancelToken, Progress
from samdesk.engine import ultralytics
from samdesk.engine.flint.detector import load_flint_detector, read_yolo
from samdesk.engine.protocols import EngineError
from samdesk.engine.runtime.device import resolve, translate_torch_errors
from samdesk.images.errors import ImageError
from samdesk.training.detector.held_out import split
from samdesk.training.detector.state import WorkFolder, fingerprint
from samdesk.training.detector.trainer import TrainerArguments, can_resume, train
from samdesk.training.detector.yolo_dataset import write_yolo_dataset
from samdesk.training.evaluate.average_precision import DetectorScore, score
from samdesk.training.samples import TrainingImage

MIN_IMAGES = 8
"""Accepted images with instances; with fewer there are too few held-out images to measure with."""


@dataclass(frozen=True)
class DetectorTeachSettings:
    """How the detector is fine-tuned.

    Attributes:
        imgsz: Longest side of the training images, pixels.
        detect_imgsz: Longest side of the images in use and evaluation, pixels.
        epochs: Maximum number of epochs.
        views: Approximate total of images over all epochs: with many images there are fewer epochs.
        least_epochs: Minimum for the epochs that ``views`` allows.
        patience: Epochs without improvement on the held-out images after which training stops.
        batch: Images per step.
        freeze: Number of first layers that are frozen (11: the backbone).
        lr: Initial learning rate.
        held_out: Approximate fraction of the images to hold out; at least 4 images are.
        seed: Random seed.
        device: A device as for ``engine.runtime.device.resolve``; "" for the best one.
        threads: CPU threads of torch; 0 for all cores but one. More threads than free cores make training
            many times slower, as they wait for each other.
    """

    imgsz: int = 640
    detect_imgsz: int = 640
    epochs: int = 60
    views: int = 1500
    least_epochs: int = 10
    patience: int = 15
    batch: int = 4
    freeze: int = 11
    lr: float = 0.002
    held_out: float = 0.22
    seed: int = 0
    device: str = ""
    threads: int = 0

    def epochs_for(self, images: int) -> int:
        """Maximum number of epochs for a number of training images."""
        return min(self.epochs, max(self.least_epochs, self.views // max(images, 1)))


@dataclass(frozen=True)
class DetectorTeachResult:
    """The result of a training.

    Attributes:
        before: Score of the detector it started from, on the held-out images.
        after: Score of the detector written, on the held-out images.
        epochs: Number of finished epochs.
        best_epoch: The epoch that was kept, counted from 1.
        seconds: Training time over all calls.
        n_train: Number of training images.
        n_held_out: Number of held-out images.
        path: The file written, in the format of Flint's detector.
    """

    before: DetectorScore
    after: DetectorScore
    epochs: int
    best_epoch: int
    seconds: float
    n_train: int
    n_held_out: int
    path: Path


def teach_detector(
    images: Sequence[TrainingImage],
    names: Sequence[str],
    *,
    base: Path,
    out: Path,
    work: Path,
    settings: DetectorTeachSettings,
    progress: Progress,
    cancel: CancelToken,
) -> DetectorTeachResult:
    """Fine-tunes a detector and writes it to ``out``, atomically, at the end.

    It changes torch's threads and random state, so run it in a process of its own. A call with the same
    arguments resumes an earlier one that was cancelled or killed, at the start of the epoch it was in; with
    other images, names, base or settings it starts over.

    Args:
        images: Accepted images with unique keys; those without instances serve as background.
        names: Class names by class id.
        base: Weights to start from: Flint's own or taught ones.
        out: The file to write; nothing else outside of ``work`` is written.
        work: A folder for this training only: its dataset and its state.
        settings: How to train.
        progress: Called with batches done and their total.
        cancel: Checked before each image and each batch.

    Raises:
        Cancelled: ``cancel`` was used; ``out`` is unchanged.
        EngineError: There are too few images, an image or the weights cannot be read, or the disk is full.
        OutOfMemory: The device is out of memory.
    """
    images, names = tuple(images), tuple(names)
    _validate(images, names)
    weights = read_yolo(base)
    device = resolve(settings.device)
    train_images, held_out = split(images, share=settings.held_out, seed=settings.seed)
    arguments = _arguments(settings, len(train_images), device)
    with _as_engine_errors(device), ultralytics.quiet(), _threads(settings.threads):
        plan = fingerprint(images, names, hash_file(base), _plan_settings(settings, device))
        folder = WorkFolder.open(work, plan)
        if folder.checkpoint is not None and not can_resume(folder.checkpoint):
            folder.clear()
            folder = WorkFolder.open(work, plan)
        if not folder.state.finished:
            data = write_yolo_dataset(
                folder.dataset, train_images, held_out, names, arguments.imgsz, cancel.check
            )
            folder = train(data, weights, names, folder, arguments, progress, cancel)
        before, after = (
            score(
                load_flint_detector(path, device, "fp32"),
                held_out,
                names,
                imgsz=settings.detect_imgsz,
                cancel=cancel,
            )
            for path in (base, folder.best)
        )
        atomic.write_bytes(out, folder.best.read_bytes())
        state = folder.clean_up().state
    return DetectorTeachResult(
        before, after, state.epochs, state.best_epoch, state.seconds, len(train_images), len(held_out), out
    )


def _plan_settings(settings: DetectorTeachSettings, device: str) -> dict[str, object]:
    """The settings that determine the result, by name."""
    return {**asdict(settings), "device": device, "threads": 0}


@contextmanager
def _threads(count: int) -> Iterator[None]:
    """Sets torch's number of threads within the context; 0: all cores but one."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(count or max(1, (os.cpu_count() or 1) - 1))
    try:
        yield
    finally:
        torch.set_num_threads(before)


def _arguments(settings: DetectorTeachSettings, images: int, device: str) -> TrainerArguments:
    return TrainerArguments(
        imgsz=settings.imgsz,
        epochs=settings.epochs_for(images),
        patience=settings.patience,
        batch=settings.batch,
        freeze=settings.freeze,
        lr=settings.lr,
        seed=settings.seed,
        device=device,
    )


def _validate(images: Sequence[TrainingImage], names: Sequence[str]) -> None:
    labelled = sum(1 for image in images if image.instances)
    if labelled < MIN_IMAGES:
        raise EngineError(
            f"There are {labelled} accepted images with annotations; the detector needs at least "
            f"{MIN_IMAGES}, and 20 or more work well. Accept more images first."
        )
    if len({image.key for image in images}) < len(images):
        raise EngineError("Two training images have the same key.")
    if len(set(names)) < len(names) or not all(name.strip() for name in names):
        raise EngineError("Class names must not be empty or occur twice. Rename a class first.")
    if any(not 0 <= i.label < len(names) for image in images for i in image.instances):
        raise EngineError(f"An annotation has a class that is not among the {len(names)} names.")


@contextmanager
def _as_engine_errors(device: str) -> Iterator[None]:
    with translate_torch_errors("Training the detector", device):
        try:
            yield
        except ImageError as error:
            raise EngineError(f"{error.path} cannot be used for training: {error.reason}.") from error
        except OSError as error:
            where = f" ({error.filename})" if error.filename else ""
            raise EngineError(
                f"Training the detector stopped: {error.strerror or error}{where}. "
                "Progress so far is kept; free some space and start it again to resume."
            ) from error
