"""About how long a teaching takes."""

from __future__ import annotations

import os

from samdesk.io.taught import MASKS, Kind, Taught

_MASK_CORE_SECONDS = 300.0
"""Of a teaching of masks, on one core: it has as many steps whatever the number of images."""

_DETECTOR_CORE_SECONDS = (60.0, 22.0, 1500.0)
"""Of the detector, on one core: once, an image, and at most for the images."""


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
    once, each, most = _DETECTOR_CORE_SECONDS
    return (once + min(each * images, most)) / workers
