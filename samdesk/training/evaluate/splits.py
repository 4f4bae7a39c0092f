"""Which photos a network learns from, which judge it, and which teach it to judge itself."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from samdesk.training.samples import TrainingImage


@dataclass(frozen=True)
class Split:
    """Training images in three parts, by image.

    Attributes:
        train: Masks are learned from these.
        calibration: Only the predicted IoU is learned from these, whose masks the network never learned.
        held_out: Nothing is learned from these.
    """

    train: tuple[TrainingImage, ...]
    calibration: tuple[TrainingImage, ...]
    held_out: tuple[TrainingImage, ...]


def split_by_name(images: Iterable[TrainingImage]) -> Split:
    """One image in eight is held out and one in sixteen is for calibration, by the hash of its key.

    The hash depends on nothing else: an image stays on its side whatever is added.
    """
    parts: tuple[list[TrainingImage], list[TrainingImage], list[TrainingImage]] = ([], [], [])
    for image in images:
        mark = hashlib.sha256(image.key.encode()).digest()[0] % 16
        parts[2 if mark % 8 == 0 else 1 if mark == 1 else 0].append(image)
    return Split(*(tuple(part) for part in parts))
