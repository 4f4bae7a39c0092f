"""Checks of annotations."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import numpy as np
from numpy.typing import NDArray

from samdesk.base.text import counted
from samdesk.exchange.check.facts import CheckFacts, ImageBatch, Instances
from samdesk.exchange.check.overlaps import CONTAINED_SHARE, DUPLICATE_IOU
from samdesk.exchange.check.types import Finding

TINY = 4.0
"""Annotations of less area, in pixels of the image at the training size, leave next to nothing to learn."""


def tiny(batch: ImageBatch, facts: CheckFacts) -> Iterator[Finding]:
    """Annotations of which the trainer sees hardly a pixel."""
    instances = batch.instances
    scales = np.array([training_scale(image.size or (1, 1), facts.train_size) for image in batch.images])
    seen = instances.areas * scales[instances.owner] ** 2 if len(instances.ids) else instances.areas
    for number in np.flatnonzero(seen < TINY).tolist():
        yield _of(
            batch,
            [number],
            f"{facts.name(instances.labels[number])}: {instances.areas[number]:.3g} pixels, "
            f"{seen[number]:.2g} at the training size of {facts.train_size}.",
        )


def training_scale(size: tuple[int, int], train_size: int) -> float:
    """By what the trainer scales an image of a size (pixels); it does not enlarge what a check says."""
    return min(1.0, train_size / max(size))


def duplicates(batch: ImageBatch, facts: CheckFacts) -> Iterator[Finding]:
    """Annotations of one label on the same object."""
    instances = batch.instances
    for first, second, iou in _agreeing(instances):
        if instances.labels[first] == instances.labels[second]:
            yield _of(
                batch, [first, second],
                f"Two annotations {facts.name(instances.labels[first])} show the same (IoU {iou:.2f}).",
            )  # fmt: skip


def two_labels(batch: ImageBatch, facts: CheckFacts) -> Iterator[Finding]:
    """Annotations with different labels on the same object."""
    instances = batch.instances
    for first, second, iou in _agreeing(instances):
        one, other = instances.labels[first], instances.labels[second]
        if one != other:
            names = f"{facts.name(one)} and {facts.name(other)}"
            text = f"{names} show the same (IoU {iou:.2f}). Delete one of them."
            yield _of(batch, [first, second], text)


def contained(batch: ImageBatch, facts: CheckFacts) -> Iterator[Finding]:
    """Annotations that lie inside another one of the same label."""
    instances = batch.instances
    first, second, shared = instances.pairs
    if not len(first):
        return
    small = np.minimum(instances.areas[first], instances.areas[second])
    for i in np.flatnonzero((shared > CONTAINED_SHARE * small) & (_iou(instances) <= DUPLICATE_IOU)).tolist():
        a, b = int(first[i]), int(second[i])
        inner, outer = (a, b) if instances.areas[a] <= instances.areas[b] else (b, a)
        if instances.labels[inner] == instances.labels[outer]:
            name = facts.name(instances.labels[inner])
            share = shared[i] / max(small[i], 1e-9)
            yield _of(batch, [inner, outer], f"{name} lies inside another {name} ({share:.0%}).")


def unreviewed(batch: ImageBatch, facts: CheckFacts) -> Iterator[Finding]:
    """Annotations of a model that are in what trains and that nobody has looked at."""
    if facts.files_hold == "accepted":
        return
    instances = batch.instances
    counts = np.bincount(instances.owner[instances.pending], minlength=len(batch.images))
    for number in np.flatnonzero(counts).tolist():
        annotations = counted(int(counts[number]), "annotation")
        yield Finding(f"{annotations} of a model, not reviewed, would be trained on.",
                      batch.images[number].key)  # fmt: skip


def _agreeing(instances: Instances) -> Iterator[tuple[int, int, float]]:
    first, second, _ = instances.pairs
    iou = _iou(instances)
    for i in np.flatnonzero(iou > DUPLICATE_IOU).tolist():
        yield int(first[i]), int(second[i]), float(iou[i])


def _iou(instances: Instances) -> NDArray[np.float64]:
    first, second, shared = instances.pairs
    union = instances.areas[first] + instances.areas[second] - shared
    iou: NDArray[np.float64] = shared / np.maximum(union, 1e-9)
    return iou


def _of(batch: ImageBatch, numbers: Sequence[int], message: str) -> Finding:
    instances = batch.instances
    image = batch.images[int(instances.owner[numbers[0]])]
    return Finding(message, image.key, tuple(instances.ids[number] for number in numbers))
