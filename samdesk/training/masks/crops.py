"""Random training crops: which square of an image, and colour augmentation."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from samdesk.base.cv import cv2
from samdesk.domain.geometry.types import Frame, RgbImage
from samdesk.engine.flint.crops import square
from samdesk.training.masks.images import CroppableImage, Mask
from samdesk.training.masks.recipe import Recipe

Random = np.random.Generator
_MIN_SIDE = 24.0
"""Side of the smallest crop, image pixels."""


@dataclass(frozen=True)
class TrainingCrop:
    """One crop: its frame in image pixels, whether it is mirrored, and its kind (far, near or box)."""

    frame: Frame
    flip: bool
    kind: str


def draw_crop(image: CroppableImage, mask: Mask, recipe: Recipe, rng: Random) -> TrainingCrop:
    """Draws a crop around an instance: from afar, at a random distance, or as for a box prompt."""
    x0, y0, x1, y1 = mask.box
    longest = max(x1 - x0, y1 - y0)
    centre = np.array([(x0 + x1) / 2, (y0 + y1) / 2])
    kind = rng.random()
    if kind < recipe.far:
        name, side = "far", _far_side(image, longest, recipe, rng)
        centre = centre + rng.uniform(-0.4, 0.4, 2) * np.maximum(side - np.array([x1 - x0, y1 - y0]), 0)
    elif kind < recipe.far + recipe.near:
        name, side = "near", longest * float(np.exp(rng.uniform(np.log(0.9), np.log(4.0))))
        slack = np.maximum(side - np.array([x1 - x0, y1 - y0]), 0.2 * longest)
        centre = centre + rng.uniform(-0.45, 0.45, 2) * slack
    else:
        name, side = "box", longest * float(1.5 * np.exp(rng.normal(0, 0.1)))
        centre = centre + rng.normal(0, 0.05, 2) * longest
    side = max(side, _MIN_SIDE)
    frame = square(float(centre[0] - side / 2), float(centre[1] - side / 2), float(side))
    return TrainingCrop(frame, bool(rng.random() < 0.5), name)


def _far_side(image: CroppableImage, longest: float, recipe: Recipe, rng: Random) -> float:
    """Side of a crop on which the image's longest side would be about 640 pixels."""
    whole = max(image.hw) * recipe.size / 640
    return max(float(whole * np.exp(rng.uniform(-0.5, 0.5))), longest * 1.05)


def mirrored(values: NDArray[np.generic], flip: bool) -> NDArray[np.generic]:
    """Mirrors an (h, w, ...) array left to right if ``flip``."""
    return values[:, ::-1] if flip else values


def recolored(crop: RgbImage, rng: Random) -> RgbImage:
    """Changes exposure, white balance, contrast and saturation; sometimes grey, blurred or noisy."""
    gain = np.exp(rng.normal(0, 0.15) + rng.normal(0, 0.05, 3))
    gamma = float(np.exp(rng.normal(0, 0.2)))
    ramp = (np.arange(256, dtype=np.float32) / 255) ** gamma
    table = np.clip(np.outer(ramp * 255, gain), 0, 255).astype(np.uint8)[None]
    crop = np.asarray(cv2.LUT(crop, table), np.uint8)
    amount = 0.0 if rng.random() < 0.05 else float(np.exp(rng.normal(0, 0.25)))
    grey = cv2.cvtColor(cv2.cvtColor(crop, cv2.COLOR_RGB2GRAY), cv2.COLOR_GRAY2RGB)
    crop = np.asarray(cv2.addWeighted(crop, amount, grey, 1 - amount, 0), np.uint8)
    degradation = rng.random()
    if degradation < 0.05:
        crop = np.asarray(cv2.GaussianBlur(crop, (0, 0), float(rng.uniform(0.5, 1.5))), np.uint8)
    elif degradation < 0.1:
        noise = rng.normal(0, rng.uniform(2, 10), crop.shape)
        crop = np.clip(crop + noise, 0, 255).astype(np.uint8)
    return crop
