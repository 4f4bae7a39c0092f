"""Teaching the prompt head: Flint learns from the masks a person has accepted."""

from __future__ import annotations

import hashlib
import json
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np
import torch

from samdesk.base import atomic
from samdesk.base.jobs import CancelToken, Progress
from samdesk.engine.flint.network import FlintNetwork
from samdesk.engine.flint.predictor import FlintPredictor
from samdesk.engine.flint.weights import (
    ENCODER_KEY,
    encoder_hash,
    head_tensors,
    load_network,
    write_weights,
)
from samdesk.engine.protocols import EngineError, ModelInfo
from samdesk.training.evaluate.masks import BOX, CLICK, evaluate, mean_iou
from samdesk.training.masks.images import load_photos
from samdesk.training.masks.recipe import Recipe
from samdesk.training.masks.trainer import Trainer
from samdesk.training.samples import TrainingImage

MIN_IMAGES = 8
"""Fewer accepted images can neither teach nor judge."""
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
"""How the head is taught: minutes on two cores, the encoder left alone."""


@dataclass(frozen=True)
class MaskTeachSettings:
    """How much is taught.

    Attributes:
        recipe: Of the training.
        most_images: More are left out, drawn with the recipe's seed.
        most_judged: Held-out instances that are asked for, before and after.
        held_out: Share of the images that judge.
    """

    recipe: Recipe = field(default_factory=lambda: TAUGHT)
    most_images: int = 120
    most_judged: int = 60
    held_out: float = 0.25


@dataclass(frozen=True)
class Scores:
    """Mean IoU on held-out images, of an exact box and of one click in the middle."""

    box: float
    click: float

    @property
    def mean(self) -> float:
        """Of the two."""
        return (self.box + self.click) / 2


@dataclass(frozen=True)
class MaskTeachResult:
    """What came of it.

    Attributes:
        before: Of the network that was taught from.
        after: Of the network taught.
        n_train: Images learned from.
        n_held_out: Images that judged.
        seconds: It took, without what an earlier, stopped call took.
        path: The file of weights; written also where it is not better.
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
    """Teaches Flint's head the accepted masks of some images and judges it on others of them.

    Args:
        images: With their accepted instances; those without any are left out.
        base: The weights to start from.
        out: The file to write: the head only.
        work: A folder for what is needed to go on after a stop or a crash.
        settings: How much is taught.
        progress: Called with (done, total) steps, judging included.
        cancel: Looked at between steps and between images.

    Raises:
        EngineError: Too few images, or weights that cannot be used; in words.
        ImageError: A photo cannot be read.
        Cancelled: ``cancel`` was used; the same call goes on later.
        OSError: ``work`` or ``out`` cannot be written.
    """
    started = time.perf_counter()
    settings = settings or MaskTeachSettings()
    train, held_out = _parts(images, settings)
    work.mkdir(parents=True, exist_ok=True)
    plan = _plan(train, held_out, base, settings)
    steps = _Steps(settings.recipe.steps, len(held_out), progress, cancel)
    network = load_network(base).requires_grad_(True)
    before = _known_before(work, plan)
    if before is None:
        before = _judge(network, held_out, settings, steps.judging(0))
        _forget(work)
        atomic.write_text(work / _PLAN, json.dumps({"plan": plan, "before": [before.box, before.click]}))
    trainer = Trainer(network, load_photos(train), settings.recipe)
    if (work / _STATE).is_file():
        trainer.resume(work / _STATE)
    trainer.train(cancel, lambda report: steps.stepped(report.step), work / _STATE)
    after = _judge(trainer.average, held_out, settings, steps.judging(1))
    _write(out, trainer.average, encoder_hash(base))
    _forget(work)
    return MaskTeachResult(before, after, len(train), len(held_out), time.perf_counter() - started, out)


def _parts(
    images: Sequence[TrainingImage], settings: MaskTeachSettings
) -> tuple[list[TrainingImage], list[TrainingImage]]:
    """The images to learn from and those to judge by, drawn by their names alone."""
    useful = sorted((i for i in images if i.instances), key=lambda i: _mark(i.key))
    if len(useful) < MIN_IMAGES:
        raise EngineError(
            f"There are {len(useful)} images with accepted masks. "
            f"Accept masks on {MIN_IMAGES} or more, then teach again."
        )
    useful = useful[: settings.most_images]
    aside = max(2, round(len(useful) * settings.held_out))
    return useful[aside:], useful[:aside]


def _mark(key: str) -> str:
    return hashlib.sha256(key.encode()).hexdigest()


def _plan(
    train: Sequence[TrainingImage], held_out: Sequence[TrainingImage], base: Path, settings: MaskTeachSettings
) -> str:
    """Says all that a stopped training depends on."""
    said = hashlib.sha256(repr(settings).encode())
    said.update(base.read_bytes())
    for image in [*train, *held_out]:
        said.update(f"{image.key}|{image.path}|{image.image_hw}".encode())
        for instance in image.instances:
            said.update(instance.region.wkb)
    return said.hexdigest()


def _known_before(work: Path, plan: str) -> Scores | None:
    """The first judgement of a stopped call with the same plan."""
    try:
        known = json.loads((work / _PLAN).read_text("utf-8"))
        return Scores(*map(float, known["before"])) if known["plan"] == plan else None
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _forget(work: Path) -> None:
    for name in (_STATE, _PLAN):
        (work / name).unlink(missing_ok=True)


def _judge(
    network: FlintNetwork,
    images: Sequence[TrainingImage],
    settings: MaskTeachSettings,
    on_image: Callable[[int, int], None],
) -> Scores:
    network.eval()
    info = ModelInfo("flint", "Flint", "cpu", "CPU", "fp32")
    outcomes = evaluate(
        FlintPredictor(network, info),
        _thinned(images, settings),
        prompts=(BOX, CLICK),
        least_area=64,
        on_image=on_image,
    )
    if not outcomes:
        raise EngineError("The accepted masks of the images held out are too small to judge by.")
    return Scores(mean_iou(outcomes, BOX), mean_iou(outcomes, CLICK))


def _thinned(images: Sequence[TrainingImage], settings: MaskTeachSettings) -> list[TrainingImage]:
    """The images with no more instances in all than are to be asked for, drawn with the seed."""
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
    """Turns training steps and judged images into one count."""

    def __init__(self, steps: int, images: int, progress: Progress, cancel: CancelToken) -> None:
        self._steps, self._images = steps, images
        self._progress, self._cancel = progress, cancel
        self._total = steps + 2 * images

    def judging(self, which: int) -> Callable[[int, int], None]:
        """For the first (0) or the second (1) judgement."""
        start = 0 if which == 0 else self._images + self._steps

        def judged(done: int, _total: int) -> None:
            self._cancel.check()
            self._progress(start + done, self._total)

        return judged

    def stepped(self, step: int) -> None:
        """A training step is done."""
        self._progress(self._images + step, self._total)
