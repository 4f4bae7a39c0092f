"""Batches: looks, the objects prompted on them, and what a perfect mask would be."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor

from samdesk.engine.flint.maps import STRIDE, CropPrompts
from samdesk.training.evaluate import simulate
from samdesk.training.masks.crops import View, draw_view, mirrored, recolored
from samdesk.training.masks.images import Mask, Photo
from samdesk.training.masks.recipe import Recipe

Random = np.random.Generator
_LEAST_CELLS = 12
"""An object must cover so many cells (2 pixels of the look a side) to be asked for."""
_TRIES = 20


@dataclass(frozen=True, eq=False)
class Asked:
    """One object asked for on a look.

    Attributes:
        target: (S / 2, S / 2) float32 coverage 0..1.
        points: (N, 3) x, y in pixels of the look, and 1 or 0.
        box: (4,) xyxy in pixels of the look, or NaN.
    """

    target: NDArray[np.float32]
    points: NDArray[np.float64]
    box: NDArray[np.float64]


@dataclass(frozen=True, eq=False)
class Batch:
    """V looks and P objects asked for.

    Attributes:
        images: (V, 3, S, S) uint8 RGB.
        view_of: (P,) which look an object is on.
        targets: (P, S / 2, S / 2) float32 coverage.
        asked: The prompts, one an object.
    """

    images: Tensor
    view_of: Tensor
    targets: Tensor
    asked: tuple[Asked, ...]


def draw_batch(photos: Sequence[Photo], chances: NDArray[np.float64], recipe: Recipe, step: int) -> Batch:
    """The batch of a step: the same photos, recipe and step give the same batch.

    Args:
        photos: The training photos.
        chances: How likely each of all their masks is, in order; sums to 1.
        recipe: The numbers.
        step: Which step.
    """
    rng = np.random.default_rng([recipe.seed, step])
    recipe = replace(recipe, size=recipe.look_size(step))
    owners = [(photo, mask) for photo in photos for mask in photo.masks]
    looks: list[NDArray[np.uint8]] = []
    asked: list[Asked] = []
    view_of: list[int] = []
    while len(looks) < recipe.views:
        photo, mask = owners[int(rng.choice(len(owners), p=chances))]
        drawn = _draw_look(photo, mask, recipe, rng)
        if drawn is None:
            continue
        look, objects = drawn
        view_of += [len(looks)] * len(objects)
        looks.append(look)
        asked += objects
    images = torch.from_numpy(np.stack(looks)).permute(0, 3, 1, 2)
    targets = torch.from_numpy(np.stack([a.target for a in asked]))
    return Batch(images, torch.tensor(view_of), targets, tuple(asked))


def mask_chances(photos: Sequence[Photo]) -> NDArray[np.float64]:
    """How often each mask is drawn: small ones less, they are many and say little."""
    areas = np.array([mask.area for photo in photos for mask in photo.masks])
    weights = np.clip(areas / 900, 0.15, 1.0)
    return np.asarray(weights / weights.sum(), np.float64)


def look_prompts(asked: Sequence[Asked], logits: Tensor | None, device: str = "cpu") -> CropPrompts:
    """The prompts of many objects as tensors.

    Args:
        asked: P objects.
        logits: (P, 1, S / 4, S / 4) previous logits, or None in the first round.
        device: Where they go.
    """
    most = max(len(a.points) for a in asked)
    points = np.zeros((len(asked), most, 2), np.float32)
    labels = np.full((len(asked), most), -1.0, np.float32)
    for row, one in enumerate(asked):
        points[row, : len(one.points)] = one.points[:, :2]
        labels[row, : len(one.points)] = one.points[:, 2]
    boxes = torch.from_numpy(np.stack([a.box for a in asked]).astype(np.float32))
    has = None if logits is None else torch.ones(len(asked), dtype=torch.bool, device=device)
    return CropPrompts(
        torch.from_numpy(points).to(device),
        torch.from_numpy(labels).to(device),
        boxes.to(device),
        logits,
        has,
    )


def _draw_look(
    photo: Photo, mask: Mask, recipe: Recipe, rng: Random
) -> tuple[NDArray[np.uint8], list[Asked]] | None:
    for _ in range(_TRIES):
        view = draw_view(photo, mask, recipe, rng)
        first = _ask(photo, mask, view, recipe, rng)
        if first is None:
            continue
        objects = [first]
        while len(objects) < recipe.prompts:
            other = _another(photo, mask, view, recipe, rng)
            objects.append(_ask(photo, other, view, recipe, rng) or first)
        look = recolored(photo.look(view.frame, recipe.size), rng)
        return np.ascontiguousarray(mirrored(look, view.flip)), objects
    return None


def _another(photo: Photo, mask: Mask, view: View, recipe: Recipe, rng: Random) -> Mask:
    """Another object well seen in a look, or the same one."""
    frame = view.frame
    least = 16 * frame.side / recipe.size
    seen = []
    for other in photo.masks:
        x0, y0, x1, y1 = other.box
        inside = frame.x0 <= (x0 + x1) / 2 <= frame.x0 + frame.side
        inside &= frame.y0 <= (y0 + y1) / 2 <= frame.y0 + frame.side
        if other is not mask and inside and least <= max(x1 - x0, y1 - y0) <= 1.2 * frame.side:
            seen.append(other)
    return mask if not seen or rng.random() < 0.3 else seen[int(rng.integers(len(seen)))]


def _ask(photo: Photo, mask: Mask, view: View, recipe: Recipe, rng: Random) -> Asked | None:
    side = recipe.size // 2
    target = np.ascontiguousarray(mirrored(mask.cut(view.frame, side), view.flip)).astype(np.float32)
    inside = target > 0.5
    if np.count_nonzero(inside) < _LEAST_CELLS:
        return None
    kind, click, box = rng.random(), False, False
    shares = {"far": (0.85, 1.0), "near": (0.6, 0.9), "box": (0.25, 0.9)}[view.kind]
    click, box = kind < shares[0] or kind >= shares[1], kind >= shares[0]
    points = np.zeros((0, 3))
    if click:
        at = simulate.deepest(inside) if rng.random() < 0.3 else simulate.anywhere(inside, rng)
        assert at is not None
        points = np.array([[at[0] * 2, at[1] * 2, 1.0]])
    corners = _box_in_look(mask, view, recipe, rng) if box else np.full(4, np.nan)
    return Asked(target, points, corners)


def _box_in_look(mask: Mask, view: View, recipe: Recipe, rng: Random) -> NDArray[np.float64]:
    scale = recipe.size / view.frame.side
    origin = np.array([view.frame.x0, view.frame.y0] * 2)
    box = (np.array(mask.box) - origin) * scale
    if view.flip:
        box = np.array([recipe.size - box[2], box[1], recipe.size - box[0], box[3]])
    return simulate.jittered(box, 0.01 if rng.random() < 0.4 else rng.uniform(0.02, 0.12), rng)


def corrected(asked: Sequence[Asked], logits: Tensor, rng: Random, keep: float = 0.15) -> tuple[Asked, ...]:
    """The objects with one more click where their masks are wrong.

    Args:
        asked: P objects.
        logits: (P, S / 2, S / 2) of the masks shown.
        rng: Chooses the clicks.
        keep: Share of the objects that get none: the mask alone is looked at again.
    """
    drawn = (logits > 0).numpy()
    found = []
    for one, mask in zip(asked, drawn, strict=True):
        click = None if rng.random() < keep else simulate.correction(one.target > 0.5, mask, rng)
        points = one.points
        if click is not None:
            points = np.vstack([points, [click[0] * 2, click[1] * 2, float(click[2])]])
        found.append(Asked(one.target, points, one.box))
    return tuple(found)


def map_side(size: int) -> tuple[int, int]:
    """Height and width of the prompt maps of a look of ``size`` pixels."""
    return size // STRIDE, size // STRIDE
