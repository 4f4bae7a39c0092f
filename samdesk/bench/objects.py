"""Where a hand works on a photo: on the objects that Flint's detector finds there."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from samdesk.bench.script import Hand
from samdesk.domain.geometry.types import FloatArray, RgbImage
from samdesk.engine.models.load import load_detector
from samdesk.engine.models.registry import FLINT
from samdesk.engine.protocols import Detection


def hands(photos: Sequence[RgbImage]) -> list[Hand]:
    """A hand for each photo, which knows the objects that Flint's detector finds there."""
    found = load_detector(FLINT).detect(photos)
    return [
        Hand(_corners(objects), (photo.shape[0], photo.shape[1]), seed)
        for seed, (photo, objects) in enumerate(zip(photos, found, strict=True))
    ]


def _corners(objects: Sequence[Detection]) -> FloatArray:
    return np.array([(d.x0, d.y0, d.x1, d.y1) for d in objects], np.float64).reshape(-1, 4)
