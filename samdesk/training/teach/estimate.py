"""Estimates how long a training takes."""

from __future__ import annotations

import os

from samdesk.training.record.taught_record import MASKS, Kind, TaughtRecord

_MASK_CORE_SECONDS = 240.0
"""Training the masks on one core; the number of steps does not depend on the number of images."""

_DETECTOR_START, _DETECTOR_VIEW = 30.0, 0.18
"""Training the detector on one core: once, and for each image in each epoch."""


def estimate_seconds(kind: Kind, images: int, taught: TaughtRecord, cores: int | None = None) -> float:
    """Estimates the seconds, scaled from the last training on this dataset, else for a typical machine.

    Args:
        kind: Masks or detector.
        images: Number of images of the training material.
        taught: The dataset's record.
        cores: Number of CPU cores; None: those of this machine. One is left to the window.
    """
    last = taught.latest(kind)
    if last is not None and last.seconds and not last.problem:
        return last.seconds * max(1.0, images / max(last.n_train + last.n_held_out, 1))
    workers = max(1, min((cores or os.cpu_count() or 2) - 1, 4))
    if kind == MASKS:
        return _MASK_CORE_SECONDS / workers
    views = max(min(60 * images, 1500), 10 * images)  # the defaults of ``DetectorTeachSettings``
    return (_DETECTOR_START + _DETECTOR_VIEW * views) / workers
