"""Fine-tunes Flint's prompt head on the accepted masks of a dataset."""

from __future__ import annotations

import hashlib
import logging
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

from samdesk.base import json_file
from samdesk.base.jobs import CancelToken, Progress
from samdesk.engine.flint.arrays import ENCODER_KEY, encoder_hash
from samdesk.engine.flint.network import FlintNetwork
from samdesk.engine.flint.predictor import FlintPredictor
from samdesk.engine.flint.torch_runtime import TorchRuntime
from samdesk.engine.flint.weights import (
    head_tensors,
    load_network,
    write_weights,
)
from samdesk.engine.protocols import EngineError, ModelInfo
from samdesk.training.evaluate.masks import BOX, CLICK, evaluate, mean_iou
from samdesk.training.masks.images import load_images
from samdesk.training.masks.recipe import Recipe
from samdesk.training.masks.trainer import Trainer
from samdesk.training.samples import TrainingImage

log = logging.getLogger(__name__)

MIN_IMAGES = 8
"""Fewer accepted images are too few to train on and to measure with."""
_STATE, _PLAN = "masks.pt", "masks.json"
TAUGHT = Recipe(
    steps=240,
    warmup=20,
    decay_from=0.3,
    views=6,
    size=320,
    small_size=256,
    small_until=0.6,
    head_rate=3e-4,
    encoder_rate=0.0,
    ema=0.98,
    far=0.25,
    save_every=20,
)
"""The recipe for fine-tuning the head: minutes on two cores, with the encoder frozen."""


@dataclass(frozen=True)
class MaskTeachSettings:
    """How the head is fine-tuned.

    Attributes:
        recipe: Of the training.
        most_images: Maximum number of images; the others are left out, by the hash of their keys.
        most_judged: Maximum number of held-out instances that are evaluated before and after.
        held_out: Fraction of the images to hold out.
    """

    recipe: Recipe = field(default_factory=lambda: TAUGHT)
    most_images: int = 120
    most_judged: int = 60
    held_out: float = 0.25


@dataclass(frozen=True)
class Scores:
    """Mean IoU on held-out images, from an exact box and from one point in the middle (``click``)."""

    box: float
    click: float

    @property
    def mean(self) -> float:
        """Mean of the two."""
        return (self.box + self.click) / 2


@dataclass(frozen=True)
class MaskTeachResult:
    """The result of a training.

    Attributes:
        before: Scores of the weights it started from.
        after: Scores of the trained weights.
        n_train: Number of training images.
        n_held_out: Number of held-out images.
        seconds: Duration of this call, without earlier, stopped ones.
        path: The weights file; written even if it is not better.
    """

    before: Scores
    after: Scores
    n_train: int
    n_held_out: int
    seconds: float
    path: Path

    @property
    def better(self) -> bool:
        """Whether the held-out masks got better: on the whole, and neither kind worse by over 0.01."""
        worst = min(self.after.box - self.before.box, self.after.click - self.before.click)
        return self.after.mean > self.before.mean and worst > -0.01


def teach_masks(
    images: Sequence[TrainingImage],
    *,
    base: Path,
    out: Path,
    work: Path,
    settings: MaskTeachSettings | None = None,
    progress: Progress,
    cancel: CancelToken,
) -> MaskTeachResult:
    """Fine-tunes Flint's head on the accepted masks of some images and evaluates it on the others.

    Args:
        images: Images with their accepted instances; those without any are left out.
        base: The weights to start from.
        out: The weights file to write; it contains the head only.
        work: A folder for the state needed to resume after a stop or a crash.
        settings: How to train; None: the defaults.
        progress: Called with (done, total) steps, evaluation included.
        cancel: Checked between steps and between images.

    Raises:
        EngineError: There are too few images, or the weights cannot be used.
        ImageError: An image cannot be read.
        Cancelled: ``cancel`` was used; the same call resumes later.
        OSError: ``work`` or ``out`` cannot be written.
    """
    started = time.perf_counter()
    settings = settings or MaskTeachSettings()
    train, held_out = _split(images, settings)
    work.mkdir(parents=True, exist_ok=True)
    plan = _plan(train, held_out, base, settings)
    steps = _Steps(settings.recipe.steps, len(held_out), progress, cancel)
    network = load_network(base).requires_grad_(True)
    before = _read_before(work, plan)
    if before is None:
        before = _evaluate(network, held_out, settings, steps.evaluating(0))
        _remove_state(work)
        json_file.write(work / _PLAN, {"plan": plan, "before": [before.box, before.click]})
    trainer = Trainer(network, load_images(train), settings.recipe)
    if (work / _STATE).is_file():
        try:
            trainer.resume(work / _STATE)
        except ValueError as error:  # damaged, or somebody else's: it may have changed the network
            log.warning("the training starts over: %s", error)
            (work / _STATE).unlink()
            network = load_network(base).requires_grad_(True)
            trainer = Trainer(network, load_images(train), settings.recipe)
    trainer.train(cancel, lambda report: steps.stepped(report.step), work / _STATE)
    after = _evaluate(trainer.average, held_out, settings, steps.evaluating(1))
    _write(out, trainer.average, encoder_hash(base))
    _remove_state(work)
    return MaskTeachResult(before, after, len(train), len(held_out), time.perf_counter() - started, out)


def _split(
    images: Sequence[TrainingImage], settings: MaskTeachSettings
) -> tuple[list[TrainingImage], list[TrainingImage]]:
    """Returns (training images, held-out images), chosen by their names alone."""
    useful = sorted((i for i in images if i.instances), key=lambda i: _hash(i.key))
    if len(useful) < MIN_IMAGES:
        raise EngineError(
            f"There are {len(useful)} images with accepted masks; at least {MIN_IMAGES} are needed. "
            "Accept more masks, then teach again."
        )
    useful = useful[: settings.most_images]
    count = max(2, round(len(useful) * settings.held_out))
    return useful[count:], useful[:count]


def _hash(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _plan(
    train: Sequence[TrainingImage], held_out: Sequence[TrainingImage], base: Path, settings: MaskTeachSettings
) -> str:
    """A hash of everything that a resumed training depends on."""
    digest = hashlib.sha256(repr(settings).encode())
    digest.update(base.read_bytes())
    for image in [*train, *held_out]:
        digest.update(f"{image.key}|{image.path}|{image.image_hw}".encode())
        for instance in image.instances:
            digest.update(instance.region.wkb)
    return digest.hexdigest()


def _read_before(work: Path, plan: str) -> Scores | None:
    """The scores before training of a stopped call with the same plan."""
    try:
        known = json_file.read_object(work / _PLAN)
        return Scores(*map(float, known["before"])) if known["plan"] == plan else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _remove_state(work: Path) -> None:
    for name in (_STATE, _PLAN):
        (work / name).unlink(missing_ok=True)


def _evaluate(
    network: FlintNetwork,
    images: Sequence[TrainingImage],
    settings: MaskTeachSettings,
    on_image: Callable[[int, int], None],
) -> Scores:
    network.eval()
    info = ModelInfo("flint", "Flint", "cpu", "CPU", "fp32")
    outcomes = evaluate(
        FlintPredictor(TorchRuntime(network), info),
        _sample_instances(images, settings),
        prompts=(BOX, CLICK),
        min_area=64,
        on_image=on_image,
    )
    if not outcomes:
        raise EngineError(
            "The accepted masks of the held-out images are too small to measure with. Accept larger ones."
        )
    return Scores(mean_iou(outcomes, BOX), mean_iou(outcomes, CLICK))


def _sample_instances(images: Sequence[TrainingImage], settings: MaskTeachSettings) -> list[TrainingImage]:
    """The images with at most ``most_judged`` instances in all, chosen with the seed."""
    count = sum(len(i.instances) for i in images)
    if count <= settings.most_judged:
        return list(images)
    rng = np.random.default_rng(settings.recipe.seed)
    kept = set(rng.permutation(count)[: settings.most_judged].tolist())
    found, first = [], 0
    for image in images:
        instances = tuple(x for n, x in enumerate(image.instances, first) if n in kept)
        first += len(image.instances)
        found.append(replace(image, instances=instances))
    return [i for i in found if i.instances]


def _write(out: Path, network: FlintNetwork, encoder: str) -> None:
    out.parent.mkdir(parents=True, exist_ok=True)
    temporary = out.with_name(f".{out.name}.{os.getpid()}.tmp")
    with torch.no_grad():
        write_weights(temporary, head_tensors(network), {"title": "Flint, taught", ENCODER_KEY: encoder})
    temporary.replace(out)


class _Steps:
    """Counts training steps and evaluated images as one progress."""

    def __init__(self, steps: int, images: int, progress: Progress, cancel: CancelToken) -> None:
        self._steps, self._images = steps, images
        self._progress, self._cancel = progress, cancel
        self._total = steps + 2 * images

    def evaluating(self, which: int) -> Callable[[int, int], None]:
        """The callback for the first (0) or the second (1) evaluation."""
        start = 0 if which == 0 else self._images + self._steps

        def evaluated(done: int, _total: int) -> None:
            self._cancel.check()
            self._progress(start + done, self._total)

        return evaluated

    def stepped(self, step: int) -> None:
        """Reports a finished training step."""
        self._progress(self._images + step, self._total)
