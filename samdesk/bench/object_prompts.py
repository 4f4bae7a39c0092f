"""Prompts on the objects that Flint's detector finds in an image."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from samdesk.bench.prompt_sampler import PromptSampler
from samdesk.domain.geometry.types import FloatArray, RgbImage
from samdesk.engine.models.load import load_detector
from samdesk.engine.models.registry import FLINT
from samdesk.engine.protocols import Detection


def prompt_samplers(images: Sequence[RgbImage]) -> list[PromptSampler]:
    """Returns a prompt sampler for each image, over the objects that Flint's detector finds in it."""
    found = load_detector(FLINT).detect(images)
    return [
        PromptSampler(_corners(objects), (image.shape[0], image.shape[1]), seed)
        for seed, (image, objects) in enumerate(zip(images, found, strict=True))
    ]


def _corners(objects: Sequence[Detection]) -> FloatArray:
    return np.array([(d.x0, d.y0, d.x1, d.y1) for d in objects], np.float64).reshape(-1, 4)
