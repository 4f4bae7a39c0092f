"""Teaching the detector the user's own classes, from the images that were accepted.

YOLO11n learns them from the weights it has, with the Ultralytics trainer: minutes on two CPU cores for
some tens of images. What was learned is judged by images that were held out. The best epoch is chosen
by the same images, so that the figure after is a little too good; the figure before is not.
"""

from __future__ import annotations

import os
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import asdict, dataclass
from pathlib import Path

from samdesk.base import atomic
from samdesk.base.jobs import CancelToken, Progress
from samdesk.engine import ultralytics
from samdesk.engine.flint.detector import load_flint_detector, read_yolo
from samdesk.engine.models.weights import file_hash
from samdesk.engine.protocols import EngineError
from samdesk.engine.runtime.device import errors_in_words, resolve
from samdesk.images.reader import ImageError
from samdesk.training.detector.held_out import split
from samdesk.training.detector.state import WorkFolder, fingerprint
from samdesk.training.detector.trainer import TrainerArguments, train
from samdesk.training.detector.yolo_dataset import write_yolo_dataset
from samdesk.training.evaluate.average_precision import DetectorScore, score
from samdesk.training.samples import TrainingImage

MIN_IMAGES = 8
"""Accepted images with instances on them without which there is nothing to judge by."""


@dataclass(frozen=True)
class DetectorTeachSettings:
    """How to teach.

    Attributes:
        imgsz: Longest side the network sees while it learns, pixels.
        detect_imgsz: Longest side it sees when it is used, and judged, pixels.
        epochs: At most.
        views: Images looked at in all, about: many images have fewer epochs, but at least ``least_epochs``.
        least_epochs: See ``views``.
        patience: Epochs without a better result on the held-out images before it stops.
        batch: Images a step.
        freeze: The first so many layers of the network stay as they are (11: the backbone).
        lr: Learning rate at the start.
        held_out: Share of the images to hold out, about; at least 4 images are.
        seed: Of everything that is random.
        device: "" for the best there is, else as ``engine.device.resolve`` takes it.
        threads: Of torch on the CPU; 0 for all cores but one. Where other work runs beside it, a thread
            more than there are cores free makes it many times slower, as its threads wait for each other.
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
        """Epochs at most for so many images to learn from."""
        return min(self.epochs, max(self.least_epochs, self.views // max(images, 1)))


@dataclass(frozen=True)
class DetectorTeachResult:
    """What came of it.

    Attributes:
        before: On the held-out images, of the detector it started from.
        after: On the held-out images, of the one that was written.
        epochs: That were done.
        best_epoch: The one that was kept, counted from 1.
        seconds: Spent learning, over all calls.
        n_train: Images learned from.
        n_held_out: Images judged by.
        path: The file that was written, in the format of Flint's detector.
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
    """Teaches a detector and writes it to ``out``, atomically, when it is done.

    It takes the process it runs in for itself: torch's threads and random numbers. A call with the same
    arguments goes on where an earlier one was cancelled or killed, at the epoch it was in; with other
    images, names, base or settings it starts anew.

    Args:
        images: Accepted, keys unique; those without instances say what is no object.
        names: Class names by class id.
        base: Weights to start from: Flint's, or what was taught before.
        out: The file to write; nothing else outside of ``work`` is written.
        work: A folder of this teaching's own; what it needs and where it stands.
        settings: How.
        progress: Called with batches done and their total.
        cancel: Looked at before each photo and each batch.

    Raises:
        Cancelled: ``cancel`` was used; ``out`` is as it was.
        EngineError: In words: too few images, a photo or weights that cannot be read, a full disk.
        OutOfMemory: The device is full.
    """
    images, names = tuple(images), tuple(names)
    _check(images, names)
    weights = read_yolo(base)
    device = resolve(settings.device)
    learned, judged = split(images, share=settings.held_out, seed=settings.seed)
    arguments = _arguments(settings, len(learned), device)
    with _failures_in_words(device), ultralytics.quiet(), _threads(settings.threads):
        plan = fingerprint(images, names, file_hash(base), _deciding(settings, device))
        folder = WorkFolder.open(work, plan)
        if not folder.state.finished:
            data = write_yolo_dataset(folder.dataset, learned, judged, names, arguments.imgsz, cancel.check)
            folder = train(data, weights, names, folder, arguments, progress, cancel)
        before, after = (
            score(
                load_flint_detector(path, device, "fp32"),
                judged,
                names,
                imgsz=settings.detect_imgsz,
                cancel=cancel,
            )
            for path in (base, folder.best)
        )
        atomic.write_bytes(out, folder.best.read_bytes())
        state = folder.tidied().state
    return DetectorTeachResult(
        before, after, state.epochs, state.best_epoch, state.seconds, len(learned), len(judged), out
    )


def _deciding(settings: DetectorTeachSettings, device: str) -> dict[str, object]:
    """The settings that decide what is learned, by name."""
    return {**asdict(settings), "device": device, "threads": 0}


@contextmanager
def _threads(wanted: int) -> Iterator[None]:
    """So many threads for torch, for a while; 0: all cores but one."""
    import torch

    before = torch.get_num_threads()
    torch.set_num_threads(wanted or max(1, (os.cpu_count() or 1) - 1))
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


def _check(images: Sequence[TrainingImage], names: Sequence[str]) -> None:
    telling = sum(1 for image in images if image.instances)
    if telling < MIN_IMAGES:
        raise EngineError(
            f"There are {telling} accepted images with annotations; the detector needs at least "
            f"{MIN_IMAGES}, and 20 or more to be good. Accept more images first."
        )
    if len({image.key for image in images}) < len(images):
        raise EngineError("Two of the images to learn from have the same key.")
    if len(set(names)) < len(names) or not all(name.strip() for name in names):
        raise EngineError("The classes to learn need names that differ.")
    if any(not 0 <= i.label < len(names) for image in images for i in image.instances):
        raise EngineError(f"An annotation has a class that is not among the {len(names)} names.")


@contextmanager
def _failures_in_words(device: str) -> Iterator[None]:
    with errors_in_words("Teaching the detector", device):
        try:
            yield
        except ImageError as error:
            raise EngineError(f"{error.path} cannot be learned from: {error.reason}.") from error
        except OSError as error:
            where = f" ({error.filename})" if error.filename else ""
            raise EngineError(
                f"Teaching the detector stopped: {error.strerror or error}{where}. "
                "What it has learned so far is kept; make room and start it again."
            ) from error
