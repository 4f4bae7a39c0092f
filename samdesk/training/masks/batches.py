"""Training batches: crops, prompts for objects on them, and target masks."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from samdesk.engine.flint.maps import STRIDE, CropPrompts
from samdesk.training.evaluate import simulate
from samdesk.training.masks.crops import TrainingCrop, draw_crop, mirrored, recolored
from samdesk.training.masks.images import CroppableImage, Mask
from samdesk.training.masks.recipe import Recipe

Random = np.random.Generator
_MIN_CELLS = 12
"""Minimum size of a prompted object, cells of 2 x 2 pixels of the crop."""
_MAX_ATTEMPTS = 20
"""Random crops tried per object before it is skipped."""


@dataclass(frozen=True, eq=False)
class PromptedObject:
    """One object on a crop, with its prompts.

    Attributes:
        target: (S / 2, S / 2) float32 coverage 0..1.
        points: (N, 3) x, y in pixels of the crop, and 1 (include) or 0 (exclude).
        box: (4,) xyxy in pixels of the crop, or NaN.
    """

    target: NDArray[np.float32]
    points: NDArray[np.float64]
    box: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Batch:
    """V crops and P prompted objects.

    Attributes:
        images: (V, 3, S, S) uint8 RGB.
        crop_index: (P,) index of the crop that an object is on.
        targets: (P, S / 2, S / 2) float32 coverage.
        objects: The P prompted objects.
    """

    images: Tensor
    crop_index: Tensor
    targets: Tensor
    objects: tuple[PromptedObject, ...]


def draw_batch(
    images: Sequence[CroppableImage], probabilities: NDArray[np.float64], recipe: Recipe, step: int
) -> Batch:
    """Draws the batch of a step; the same images, recipe and step give the same batch.

    Args:
        images: The training images.
        probabilities: (M,) of all their masks, in order; sums to 1.
        recipe: The training recipe.
        step: Index of the step.
    """
    rng = np.random.default_rng([recipe.seed, step])
    recipe = replace(recipe, size=recipe.crop_size(step))
    candidates = [(image, mask) for image in images for mask in image.masks]
    crops: list[NDArray[np.uint8]] = []
    objects: list[PromptedObject] = []
    crop_index: list[int] = []
    while len(crops) < recipe.views:
        image, mask = candidates[int(rng.choice(len(candidates), p=probabilities))]
        drawn = _draw_prompted_crop(image, mask, recipe, rng)
        if drawn is None:
            continue
        crop, found = drawn
        crop_index += [len(crops)] * len(found)
        crops.append(crop)
        objects += found
    pixels = torch.from_numpy(np.stack(crops)).permute(0, 3, 1, 2)
    targets = torch.from_numpy(np.stack([a.target for a in objects]))
    return Batch(pixels, torch.tensor(crop_index), targets, tuple(objects))


def mask_probabilities(images: Sequence[CroppableImage]) -> NDArray[np.float64]:
    """(M,) probability of each mask; small ones are drawn less often, as there are many of them."""
    areas = np.array([mask.area for image in images for mask in image.masks])
    weights = np.clip(areas / 900, 0.15, 1.0)
    return np.asarray(weights / weights.sum(), np.float64)


def crop_prompts(
    objects: Sequence[PromptedObject], logits: Tensor | None, device: str = "cpu"
) -> CropPrompts:
    """Stacks the prompts of P objects into tensors.

    Args:
        objects: P objects.
        logits: (P, 1, S / 4, S / 4) previous logits, or None in the first round.
        device: Device of the tensors.
    """
    longest = max(len(a.points) for a in objects)
    points = np.zeros((len(objects), longest, 2), np.float32)
    labels = np.full((len(objects), longest), -1.0, np.float32)
    for row, one in enumerate(objects):
        points[row, : len(one.points)] = one.points[:, :2]
        labels[row, : len(one.points)] = one.points[:, 2]
    boxes = torch.from_numpy(np.stack([a.box for a in objects]).astype(np.float32))
    has_mask = None if logits is None else torch.ones(len(objects), dtype=torch.bool, device=device)
    return CropPrompts(
        torch.from_numpy(points).to(device),
        torch.from_numpy(labels).to(device),
        boxes.to(device),
        logits,
        has_mask,
    )


def _draw_prompted_crop(
    image: CroppableImage, mask: Mask, recipe: Recipe, rng: Random
) -> tuple[NDArray[np.uint8], list[PromptedObject]] | None:
    for _ in range(_MAX_ATTEMPTS):
        crop = draw_crop(image, mask, recipe, rng)
        first = _prompt_object(image, mask, crop, recipe, rng)
        if first is None:
            continue
        drawn = [first]
        while len(drawn) < recipe.prompts:
            other = _choose_other(image, mask, crop, recipe, rng)
            drawn.append(_prompt_object(image, other, crop, recipe, rng) or first)
        pixels = recolored(image.crop(crop.frame, recipe.size), rng)
        return np.ascontiguousarray(mirrored(pixels, crop.flip)), drawn
    return None


def _choose_other(image: CroppableImage, mask: Mask, crop: TrainingCrop, recipe: Recipe, rng: Random) -> Mask:
    """Another object that is well visible on the crop, or the same one."""
    frame = crop.frame
    smallest = 16 * frame.side / recipe.size
    visible = []
    for other in image.masks:
        x0, y0, x1, y1 = other.box
        inside = frame.x0 <= (x0 + x1) / 2 <= frame.x0 + frame.side
        inside &= frame.y0 <= (y0 + y1) / 2 <= frame.y0 + frame.side
        if other is not mask and inside and smallest <= max(x1 - x0, y1 - y0) <= 1.2 * frame.side:
            visible.append(other)
    return mask if not visible or rng.random() < 0.3 else visible[int(rng.integers(len(visible)))]


def _prompt_object(
    image: CroppableImage, mask: Mask, crop: TrainingCrop, recipe: Recipe, rng: Random
) -> PromptedObject | None:
    side = recipe.size // 2
    target = np.ascontiguousarray(mirrored(mask.cut(crop.frame, side), crop.flip)).astype(np.float32)
    inside = target > 0.5
    if np.count_nonzero(inside) < _MIN_CELLS:
        return None
    kind = rng.random()
    shares = {"far": (0.85, 1.0), "near": (0.6, 0.9), "box": (0.25, 0.9)}[crop.kind]
    has_point, has_box = kind < shares[0] or kind >= shares[1], kind >= shares[0]
    points = np.zeros((0, 3))
    if has_point:
        at = simulate.deepest_point(inside) if rng.random() < 0.3 else simulate.random_point(inside, rng)
        assert at is not None
        points = np.array([[at[0] * 2, at[1] * 2, 1.0]])
    box = _box_on_crop(mask, crop, recipe, rng) if has_box else np.full(4, np.nan)
    return PromptedObject(target, points, box)


def _box_on_crop(mask: Mask, crop: TrainingCrop, recipe: Recipe, rng: Random) -> NDArray[np.float64]:
    scale = recipe.size / crop.frame.side
    origin = np.array([crop.frame.x0, crop.frame.y0] * 2)
    box = (np.array(mask.box) - origin) * scale
    if crop.flip:
        box = np.array([recipe.size - box[2], box[1], recipe.size - box[0], box[3]])
    return simulate.jittered(box, 0.01 if rng.random() < 0.4 else rng.uniform(0.02, 0.12), rng)


def add_corrections(
    objects: Sequence[PromptedObject], logits: Tensor, rng: Random, keep: float = 0.15
) -> tuple[PromptedObject, ...]:
    """Adds one point to each object where its predicted mask is wrong.

    Args:
        objects: P objects.
        logits: (P, S / 2, S / 2) of the predicted masks.
        rng: Chooses the points.
        keep: Fraction of the objects that get no point: only the mask prompt is new.
    """
    drawn = (logits > 0).numpy()
    corrected = []
    for one, mask in zip(objects, drawn, strict=True):
        point = None if rng.random() < keep else simulate.correction_point(one.target > 0.5, mask, rng)
        points = one.points
        if point is not None:
            points = np.vstack([points, [point[0] * 2, point[1] * 2, float(point[2])]])
        corrected.append(PromptedObject(one.target, points, one.box))
    return tuple(corrected)


def map_side(size: int) -> tuple[int, int]:
    """Height and width of the prompt maps of a crop of ``size`` pixels."""
    return size // STRIDE, size // STRIDE
