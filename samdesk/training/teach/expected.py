"""About how long a teaching takes."""

from __future__ import annotations

import os

from samdesk.training.record.taught import MASKS, Kind, Taught

_MASK_CORE_SECONDS = 240.0
"""Of a teaching of masks, on one core: it has as many steps whatever the number of images."""

_DETECTOR_START, _DETECTOR_VIEW = 30.0, 0.18
"""Of the detector, on one core: once, and for each time that it looks at an image."""


def expected_seconds(kind: Kind, images: int, taught: Taught, cores: int | None = None) -> float:
    """Seconds, as the last teaching here took them, else as they are on a usual machine.

    Args:
        kind: What is taught.
        images: That it learns from.
        taught: The dataset's record.
        cores: Of this machine; None: it is asked. One is left to the window.
    """
    last = taught.latest(kind)
    if last is not None and last.seconds and not last.problem:
        return last.seconds * max(1.0, images / max(last.n_train + last.n_held_out, 1))
    workers = max(1, min((cores or os.cpu_count() or 2) - 1, 4))
    if kind == MASKS:
        return _MASK_CORE_SECONDS / workers
    views = max(min(60 * images, 1500), 10 * images)  # as ``DetectorTeachSettings`` has them
    return (_DETECTOR_START + _DETECTOR_VIEW * views) / workers
