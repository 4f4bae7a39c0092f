"""Splits accepted images into training images and held-out images."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence

from samdesk.training.samples import TrainingImage


def split(
    images: Sequence[TrainingImage], *, share: float = 0.22, minimum: int = 4, seed: int = 0
) -> tuple[tuple[TrainingImage, ...], tuple[TrainingImage, ...]]:
    """Returns (training images, held-out images), each in the order given.

    The part of an image depends on the hash of its key and does not change when others are added, so that
    a later training is not measured on images of an earlier one. There are two exceptions: at least
    ``minimum`` images with instances are held out, and every class keeps a training image.

    Args:
        images: Images with unique keys.
        share: Approximate fraction of the images to hold out.
        minimum: Minimum number of images with instances to hold out; at most half of them.
        seed: Seed of the split.
    """
    ranked = sorted(images, key=lambda image: _position(image.key, seed))
    labelled = [image.key for image in ranked if image.instances]
    chosen = {image.key for image in ranked if _position(image.key, seed) < share}
    chosen |= set(labelled[: min(minimum, len(labelled) // 2)])
    _keep_every_class(ranked, chosen)
    train = tuple(image for image in images if image.key not in chosen)
    return train, tuple(image for image in images if image.key in chosen)


def _keep_every_class(ranked: Sequence[TrainingImage], chosen: set[str]) -> None:
    """Removes images from ``chosen`` until every class has an image outside of it."""
    left = Counter(label for image in ranked if image.key not in chosen for label in _labels([image]))
    for image in reversed(ranked):
        if image.key in chosen and any(not left[label] for label in _labels([image])):
            chosen.discard(image.key)
            left.update(_labels([image]))


def _labels(images: Iterable[TrainingImage]) -> set[int]:
    return {instance.label for image in images for instance in image.instances}


def _position(key: str, seed: int) -> float:
    """A number in 0..1, derived from the key and the seed only."""
    digest = hashlib.sha256(f"{seed}:{key}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
