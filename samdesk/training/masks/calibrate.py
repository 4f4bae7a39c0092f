"""Teaching the network how good its masks are on photos that it has not learned.

On the photos it was trained on its masks are better than on others, and so are the IoUs it predicts. Two
numbers, a slope and an offset before the last sigmoid, are fitted on photos held back for this.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
import torch
from torch import Tensor

from samdesk.engine.flint.maps import prompt_maps
from samdesk.engine.flint.network import FlintNetwork
from samdesk.training.masks.batches import corrected, draw_batch, look_prompts, map_side, mask_chances
from samdesk.training.masks.images import Photo
from samdesk.training.masks.losses import mask_iou
from samdesk.training.masks.recipe import Recipe

_BATCHES = 40
_FIRST_STEP = 2_000_003
_FIT_STEPS = 300


def calibrate(network: FlintNetwork, photos: Sequence[Photo], recipe: Recipe) -> tuple[float, float]:
    """Fits the slope and the offset, and builds them into the last layer of the IoU head.

    Args:
        network: Trained; changed in place.
        photos: None of them was learned from.
        recipe: The one it was trained with.

    Returns:
        The mean distance of predicted and true IoU on these photos, before and after.
    """
    said, true = _answers(network, photos, recipe)
    slope = torch.ones((), requires_grad=True)
    offset = torch.zeros((), requires_grad=True)
    optimizer = torch.optim.Adam([slope, offset], lr=0.02)
    before = (said.sigmoid() - true).abs().mean().item()
    for _ in range(_FIT_STEPS):
        optimizer.zero_grad()
        loss = ((said * slope + offset).sigmoid() - true).abs().mean()
        loss.backward()  # type: ignore[no-untyped-call]
        optimizer.step()
    last = network.head.iou.last
    with torch.no_grad():
        last.weight.mul_(slope)
        last.bias.mul_(slope).add_(offset)
    return before, loss.item()


def _answers(network: FlintNetwork, photos: Sequence[Photo], recipe: Recipe) -> tuple[Tensor, Tensor]:
    """IoU logits and true IoUs of first prompts and of corrections, (N,) each."""
    chances = mask_chances(photos)
    said, true = [], []
    for number in range(_BATCHES):
        step = _FIRST_STEP + number
        batch = draw_batch(photos, chances, recipe, step)
        rng = np.random.default_rng([recipe.seed, step, 1])
        asked, logits = batch.asked, None
        with torch.inference_mode():
            image = batch.images.float() / 255
            seen = tuple(level[batch.view_of] for level in network.embed(image))
            for _ in range(2):
                prompts = look_prompts(asked, logits)
                answer = network.head(seen, prompt_maps(prompts, map_side(image.shape[2])))
                said.append(torch.logit(answer.iou[:, 0], eps=1e-6))
                true.append(mask_iou(answer.logits, batch.targets)[:, 0])
                logits = torch.nn.functional.avg_pool2d(answer.logits[:, :1], 2)
                asked = corrected(asked, answer.logits[:, 0], rng)
    return torch.cat(said).clone(), torch.cat(true).clone()
