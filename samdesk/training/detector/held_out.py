"""Which of the images a user has accepted are kept back, to judge what was learned from the others."""

from __future__ import annotations

import hashlib
from collections import Counter
from collections.abc import Iterable, Sequence

from samdesk.training.samples import TrainingImage


def split(
    images: Sequence[TrainingImage], *, share: float = 0.22, least: int = 4, seed: int = 0
) -> tuple[tuple[TrainingImage, ...], tuple[TrainingImage, ...]]:
    """Training images and held-out images, each in the order given.

    The side of an image comes from its key: it stays there when others are added, so that what was
    learned earlier does not judge itself later. Two rules may move one: at least ``least`` images with
    instances are held out, and every class keeps an image to learn from.

    Args:
        images: With keys that differ.
        share: Of the images to hold out, about.
        least: Images to hold out at least, as long as as many are left to learn from.
        seed: Another one gives another split.
    """
    ranked = sorted(images, key=lambda image: _chance(image.key, seed))
    telling = [image.key for image in ranked if image.instances]
    chosen = {image.key for image in ranked if _chance(image.key, seed) < share}
    chosen |= set(telling[: min(least, len(telling) // 2)])
    _return_last_of_a_class(ranked, chosen)
    train = tuple(image for image in images if image.key not in chosen)
    return train, tuple(image for image in images if image.key in chosen)


def _return_last_of_a_class(ranked: Sequence[TrainingImage], chosen: set[str]) -> None:
    """Takes images out of ``chosen`` until every class has one outside of it."""
    left = Counter(label for image in ranked if image.key not in chosen for label in _labels([image]))
    for image in reversed(ranked):
        if image.key in chosen and any(not left[label] for label in _labels([image])):
            chosen.discard(image.key)
            left.update(_labels([image]))


def _labels(images: Iterable[TrainingImage]) -> set[int]:
    return {instance.label for image in images for instance in image.instances}


def _chance(key: str, seed: int) -> float:
    """A number in 0..1 that only the key and the seed decide."""
    digest = hashlib.sha256(f"{seed}:{key}".encode()).digest()
    return int.from_bytes(digest[:8], "big") / 2**64
