"""A whole teaching: from what was accepted to taught weights with their figures."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from samdesk.base.jobs import Cancelled, CancelToken
from samdesk.base.places import flint_weights
from samdesk.base.rate import Rate
from samdesk.dataset.lock import DatasetLock
from samdesk.dataset.store.database import StoreError
from samdesk.engine.models.weights import file_hash
from samdesk.engine.protocols import EngineError
from samdesk.images.reader import ImageError
from samdesk.training.record.taught import DETECTOR, MASKS, Kind, Score, Taught, TaughtError, Teaching
from samdesk.training.samples import TrainingImage
from samdesk.training.teach.accepted import Accepted, read_accepted
from samdesk.training.teach.events import Begun, Event, Failed, Found, Progressed, Result, Stopped
from samdesk.training.teach.readiness import Outlook

Tell = Callable[[Event], None]


@dataclass(frozen=True)
class TeachPlan:
    """What shall be taught.

    Attributes:
        folder: The dataset.
        kinds: Masks, detector or both, in this order.
        fresh: Start from Flint as it was shipped, not from what is in use.
        base: The file that stands for the shipped one; None: the shipped one.
        quick: So little that it takes seconds and teaches nothing: a try of the way, for tests.
    """

    folder: Path
    kinds: tuple[Kind, ...] = (MASKS, DETECTOR)
    fresh: bool = False
    base: Path | None = None
    quick: bool = False


def teach_all(plan: TeachPlan, tell: Tell, cancel: CancelToken) -> tuple[Teaching, ...]:
    """Teaches what the plan says; failures are told, and the other kind is taught all the same.

    Args:
        plan: What.
        tell: Hears every event but ``Used`` and ``Ended``.
        cancel: Stops it; the same call goes on from there.

    Returns:
        What was taught, kept and not yet in use.
    """
    lock = DatasetLock(plan.folder.resolve(), "teach", "being taught")
    holder = lock.acquire()
    if holder:
        tell(Failed(f"{holder}. Wait for it, or stop it there."))
        return ()
    try:
        return _teach_all(plan, tell, cancel)
    finally:
        lock.release()


def _teach_all(plan: TeachPlan, tell: Tell, cancel: CancelToken) -> tuple[Teaching, ...]:
    results: list[Teaching] = []
    try:
        accepted = read_accepted(plan.folder, cancel=cancel)
        outlook = Outlook.of(accepted)
        tell(Found(outlook.masks, outlook.mask_images, outlook.whole_images))
        for kind in plan.kinds:
            taught = Taught.read(plan.folder)
            tell(Begun(kind, again=taught.unfinished(kind)))
            try:
                results.append(_teach(plan, kind, accepted, taught, tell, cancel))
            except (EngineError, TaughtError, ImageError, OSError) as error:
                tell(Failed(_words(error), kind))
            else:
                tell(Result(results[-1]))
    except Cancelled:
        tell(Stopped())
    except StoreError as error:
        tell(Failed(f"{error}."))
    return tuple(results)


def _words(error: Exception) -> str:
    if isinstance(error, OSError):
        where = f" ({error.filename})" if error.filename else ""
        return f"The teaching stopped: {error.strerror or error}{where}. Taught again, it goes on from there."
    return str(error)


def _teach(
    plan: TeachPlan, kind: Kind, accepted: Accepted, taught: Taught, tell: Tell, cancel: CancelToken
) -> Teaching:
    shipped = plan.base or flint_weights()
    in_use = None if plan.fresh else taught.in_use.of(kind)
    base = in_use.path if in_use is not None else shipped
    work = taught.work(kind)
    taught.began(kind)
    teach = _masks if kind == MASKS else _detector
    rate = Rate()

    def progress(done: int, total: int) -> None:
        rate.step(done)
        left = rate.seconds(total - done) if total else None
        tell(Progressed(kind, done, total, rate.per_second, left))

    teaching, weights = teach(
        accepted, base=base, out=work / "taught.safetensors", work=work, quick=plan.quick,
        progress=progress, cancel=cancel,
    )  # fmt: skip
    teaching = replace(teaching, when=time.time(), base=file_hash(shipped)[:16])
    kept = taught.add(teaching, weights)
    weights.unlink(missing_ok=True)
    return kept


def _masks(accepted: Accepted, *, quick: bool, **more: Any) -> tuple[Teaching, Path]:
    from samdesk.training.masks.teach_masks import TAUGHT, MaskTeachSettings, teach_masks

    settings = MaskTeachSettings()
    if quick:
        recipe = replace(TAUGHT, steps=6, warmup=1, views=1, size=64, small_size=64, save_every=1)
        settings = MaskTeachSettings(recipe=recipe, most_judged=4)
    result = teach_masks(accepted.for_masks, settings=settings, **more)
    scores = (
        Score("box", result.before.box, result.after.box),
        Score("click", result.before.click, result.after.click),
    )
    teaching = Teaching(
        "", MASKS, 0.0, scores, result.n_train, result.n_held_out, result.seconds, result.better
    )
    return teaching, result.path


def _detector(accepted: Accepted, *, quick: bool, **more: Any) -> tuple[Teaching, Path]:
    from samdesk.training.detector.teach_detector import DetectorTeachSettings, teach_detector

    images, names = with_used_classes(accepted.for_detector, accepted.names)
    settings = DetectorTeachSettings()
    if quick:
        settings = DetectorTeachSettings(
            imgsz=96, detect_imgsz=96, epochs=3, least_epochs=3, batch=3, device="cpu", threads=1
        )
    result = teach_detector(images, names, settings=settings, **more)
    before, after = result.before, result.after
    scores = [Score("map50", before.map50, after.map50)]
    scores += [
        Score(f"class {name}", before.by_class[i] if before.known[i] else None, after.by_class[i])
        for i, name in enumerate(names)
        if after.by_class[i] is not None
    ]
    teaching = Teaching(
        "", DETECTOR, 0.0, tuple(scores), result.n_train, result.n_held_out, result.seconds,
        after.map50 > before.map50, names,
    )  # fmt: skip
    return teaching, result.path


def with_used_classes(
    images: Sequence[TrainingImage], names: Sequence[str]
) -> tuple[tuple[TrainingImage, ...], tuple[str, ...]]:
    """The images with the classes that occur on them and no others, which could not be learned."""
    used = sorted({i.label for image in images for i in image.instances})
    place = {label: n for n, label in enumerate(used)}
    moved = tuple(
        replace(image, instances=tuple(replace(i, label=place[i.label]) for i in image.instances))
        for image in images
    )
    return moved, tuple(names[label] for label in used)
