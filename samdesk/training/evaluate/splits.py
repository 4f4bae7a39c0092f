"""Splits images into training, calibration and held-out images."""

from __future__ import annotations

import hashlib
from collections.abc import Iterable
from dataclasses import dataclass

from samdesk.training.samples import TrainingImage


@dataclass(frozen=True)
class Split:
    """Images in three disjoint parts.

    Attributes:
        train: The network is trained on these.
        calibration: Only the predicted IoU is fitted on these, whose masks the network has not learned.
        held_out: For evaluation only.
    """

    train: tuple[TrainingImage, ...]
    calibration: tuple[TrainingImage, ...]
    held_out: tuple[TrainingImage, ...]


def split_by_name(images: Iterable[TrainingImage]) -> Split:
    """Holds out one image in eight and uses one in sixteen for calibration, by the hash of its key.

    The hash depends on nothing else, so an image keeps its part when others are added.
    """
    parts: tuple[list[TrainingImage], list[TrainingImage], list[TrainingImage]] = ([], [], [])
    for image in images:
        digest = hashlib.sha256(image.key.encode()).digest()[0] % 16
        parts[2 if digest % 8 == 0 else 1 if digest == 1 else 0].append(image)
    return Split(*(tuple(part) for part in parts))
