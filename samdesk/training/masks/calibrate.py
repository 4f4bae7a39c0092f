"""Calibrates the IoU head on images that the network was not trained on.

On its training images the network's masks are better than on others, so it predicts too high IoUs. A slope
and an offset before the last sigmoid are fitted on images kept back for this.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from samdesk.engine.flint.maps import prompt_maps
from samdesk.engine.flint.network import FlintNetwork
from samdesk.training.masks.batches import (
    add_corrections,
    crop_prompts,
    draw_batch,
    map_side,
    mask_probabilities,
)
from samdesk.training.masks.images import CroppableImage
from samdesk.training.masks.losses import mask_iou
from samdesk.training.masks.recipe import Recipe

_BATCHES = 40
_FIRST_STEP = 2_000_003
_FIT_STEPS = 300


def calibrate(network: FlintNetwork, images: Sequence[CroppableImage], recipe: Recipe) -> tuple[float, float]:
    """Fits the slope and the offset and folds them into the last layer of the IoU head.

    Args:
        network: Trained; changed in place.
        images: None of them was trained on.
        recipe: The recipe it was trained with.

    Returns:
        Mean absolute error of the predicted IoU on these images, before and after.
    """
    predicted, true = _predictions(network, images, recipe)
    slope = torch.ones((), requires_grad=True)
    offset = torch.zeros((), requires_grad=True)
    optimizer = torch.optim.Adam([slope, offset], lr=0.02)
    before = (predicted.sigmoid() - true).abs().mean().item()
    for _ in range(_FIT_STEPS):
        optimizer.zero_grad()
        loss = ((predicted * slope + offset).sigmoid() - true).abs().mean()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    last = network.head.iou.last
    with torch.no_grad():
        last.weight.mul_(slope)
        last.bias.mul_(slope).add_(offset)
    return before, loss.item()


def _predictions(
    network: FlintNetwork, images: Sequence[CroppableImage], recipe: Recipe
) -> tuple[Tensor, Tensor]:
    """IoU logits and true IoUs of first prompts and of corrections, (N,) each."""
    probabilities = mask_probabilities(images)
    predicted, true = [], []
    for number in range(_BATCHES):
        step = _FIRST_STEP + number
        batch = draw_batch(images, probabilities, recipe, step)
        rng = np.random.default_rng([recipe.seed, step, 1])
        objects, logits = batch.objects, None
        with torch.inference_mode():
            image = batch.images.float() / 255
            features = tuple(level[batch.crop_index] for level in network.embed(image))
            for _ in range(2):
                prompts = crop_prompts(objects, logits)
                output = network.head(features, prompt_maps(prompts, map_side(image.shape[2])))
                predicted.append(torch.logit(output.iou[:, 0], eps=1e-6))
                true.append(mask_iou(output.logits, batch.targets)[:, 0])
                logits = torch.nn.functional.avg_pool2d(output.logits[:, :1], 2)
                objects = add_corrections(objects, output.logits[:, 0], rng)
    return torch.cat(predicted).clone(), torch.cat(true).clone()
