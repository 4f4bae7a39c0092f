"""A whole training run: from accepted annotations to taught weights with their scores."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from samdesk.base.errors import reason
from samdesk.base.hashing import hash_file
from samdesk.base.jobs import Cancelled, CancelToken
from samdesk.base.places import flint_weights
from samdesk.base.rate import Rate
from samdesk.dataset.store.errors import StoreError
from samdesk.engine.protocols import EngineError
from samdesk.images.errors import ImageError
from samdesk.training.record.taught_record import (
    DETECTOR,
    MASKS,
    Kind,
    Score,
    TaughtError,
    TaughtRecord,
    TaughtWeights,
    activity_lock,
)
from samdesk.training.samples import TrainingImage
from samdesk.training.teach.events import (
    Event,
    MaterialFound,
    TrainingFailed,
    TrainingProgress,
    TrainingResult,
    TrainingStarted,
    TrainingStopped,
)
from samdesk.training.teach.material import TrainingMaterial, read_material
from samdesk.training.teach.readiness import Readiness

EventHandler = Callable[[Event], None]


@dataclass(frozen=True)
class TeachPlan:
    """What to train.

    Attributes:
        folder: The dataset.
        kinds: Masks, detector or both, in this order.
        fresh: Start from Flint's own weights, not from the taught weights in use.
        base: A file that replaces Flint's own weights; None: use them.
        quick: Train a few tiny steps only, to test the whole path in seconds.
    """

    folder: Path
    kinds: tuple[Kind, ...] = (MASKS, DETECTOR)
    fresh: bool = False
    base: Path | None = None
    quick: bool = False


def teach_all(plan: TeachPlan, on_event: EventHandler, cancel: CancelToken) -> tuple[TaughtWeights, ...]:
    """Runs the trainings of a plan; if one fails, an event reports it and the next one still runs.

    Args:
        plan: What to train.
        on_event: Called with every event but ``WeightsUsed`` and ``TrainingEnded``.
        cancel: Stops the run; the same call resumes it.

    Returns:
        The new entries of the record, not yet in use.
    """
    lock = activity_lock(plan.folder.resolve(), "teach", "being taught")
    try:
        holder = lock.acquire()
    except OSError as error:
        on_event(TrainingFailed(f"{lock.path} cannot be written: {reason(error)}."))
        return ()
    if holder:
        on_event(TrainingFailed(f"{holder}. Wait until it finishes, or stop it there."))
        return ()

    def renewing(event: Event) -> None:
        lock.renew()  # a training takes longer than a lock of another machine counts as alive
        on_event(event)

    try:
        return _run_plan(plan, renewing, cancel)
    finally:
        lock.release()


def _run_plan(plan: TeachPlan, on_event: EventHandler, cancel: CancelToken) -> tuple[TaughtWeights, ...]:
    results: list[TaughtWeights] = []
    try:
        material = read_material(plan.folder, cancel=cancel)
        readiness = Readiness.of(material)
        on_event(MaterialFound(readiness.masks, readiness.mask_images, readiness.whole_images))
        for kind in plan.kinds:
            taught = TaughtRecord.read(plan.folder)
            on_event(TrainingStarted(kind, again=taught.unfinished(kind)))
            try:
                results.append(_train_kind(plan, kind, material, taught, on_event, cancel))
            except (EngineError, TaughtError, ImageError, OSError) as error:
                on_event(TrainingFailed(_error_text(error), kind))
            else:
                on_event(TrainingResult(results[-1]))
    except Cancelled:
        on_event(TrainingStopped())
    except StoreError as error:
        on_event(TrainingFailed(str(error)))
    return tuple(results)


def _error_text(error: Exception) -> str:
    if isinstance(error, OSError):
        where = f" ({error.filename})" if error.filename else ""
        return f"Training stopped: {reason(error)}{where}. Start it again to resume."
    return str(error)


def _train_kind(
    plan: TeachPlan,
    kind: Kind,
    material: TrainingMaterial,
    taught: TaughtRecord,
    on_event: EventHandler,
    cancel: CancelToken,
) -> TaughtWeights:
    shipped = plan.base or flint_weights()
    in_use = None if plan.fresh else taught.in_use.of(kind)
    base = in_use.path if in_use is not None else shipped
    work = taught.work(kind)
    taught.mark_started(kind)
    train = _train_masks if kind == MASKS else _train_detector
    rate = Rate()

    def progress(done: int, total: int) -> None:
        rate.step(done)
        left = rate.seconds(total - done) if total else None
        on_event(TrainingProgress(kind, done, total, rate.per_second, left))

    entry, weights = train(
        material, base=base, out=work / "taught.safetensors", work=work, quick=plan.quick,
        progress=progress, cancel=cancel,
    )  # fmt: skip
    entry = replace(entry, when=time.time(), base=hash_file(shipped)[:16])
    added = taught.add(entry, weights)
    weights.unlink(missing_ok=True)
    return added


def _train_masks(material: TrainingMaterial, *, quick: bool, **options: Any) -> tuple[TaughtWeights, Path]:
    from samdesk.training.masks.teach_masks import TAUGHT, MaskTeachSettings, teach_masks

    settings = MaskTeachSettings()
    if quick:
        recipe = replace(TAUGHT, steps=6, warmup=1, views=1, size=64, small_size=64, save_every=1)
        settings = MaskTeachSettings(recipe=recipe, most_judged=4)
    result = teach_masks(material.for_masks, settings=settings, **options)
    scores = (
        Score("box", result.before.box, result.after.box),
        Score("click", result.before.click, result.after.click),
    )
    entry = TaughtWeights(
        "", MASKS, 0.0, scores, result.n_train, result.n_held_out, result.seconds, result.better
    )
    return entry, result.path


def _train_detector(material: TrainingMaterial, *, quick: bool, **options: Any) -> tuple[TaughtWeights, Path]:
    from samdesk.training.detector.teach_detector import DetectorTeachSettings, teach_detector

    images, names = with_used_classes(material.for_detector, material.names)
    settings = DetectorTeachSettings()
    if quick:
        settings = DetectorTeachSettings(
            imgsz=96, detect_imgsz=96, epochs=3, least_epochs=3, batch=3, device="cpu", threads=1
        )
    result = teach_detector(images, names, settings=settings, **options)
    before, after = result.before, result.after
    scores = [Score("map50", before.map50, after.map50)]
    scores += [
        Score(f"class {name}", before.by_class[i] if before.known[i] else None, after.by_class[i])
        for i, name in enumerate(names)
        if after.by_class[i] is not None
    ]
    entry = TaughtWeights(
        "", DETECTOR, 0.0, tuple(scores), result.n_train, result.n_held_out, result.seconds,
        after.map50 > before.map50, names,
    )  # fmt: skip
    return entry, result.path


def with_used_classes(
    images: Sequence[TrainingImage], names: Sequence[str]
) -> tuple[tuple[TrainingImage, ...], tuple[str, ...]]:
    """The images and class names without the classes that do not occur: they could not be learned."""
    used = sorted({i.label for image in images for i in image.instances})
    new_ids = {label: n for n, label in enumerate(used)}
    relabelled = tuple(
        replace(image, instances=tuple(replace(i, label=new_ids[i.label]) for i in image.instances))
        for image in images
    )
    return relabelled, tuple(names[label] for label in used)
