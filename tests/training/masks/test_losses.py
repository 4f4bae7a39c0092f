"""The losses: better masks have a lower loss, and only the best candidate of a point is trained."""

import numpy as np
import torch

from samdesk.engine.flint.network import HeadOutput
from samdesk.training.masks.losses import losses, mask_iou

SIDE = 32


def target() -> torch.Tensor:
    wanted = torch.zeros(1, SIDE, SIDE)
    wanted[:, 8:24, 10:20] = 1
    return wanted


def answer(*masks: torch.Tensor, iou: float = 0.5) -> HeadOutput:
    logits = torch.stack([m * 16 - 8 for m in masks], dim=1).requires_grad_()
    coarse = torch.nn.functional.avg_pool2d(logits, 2)
    return HeadOutput(logits, coarse, torch.full((1, len(masks)), iou))


def shifted(by: int) -> torch.Tensor:
    return torch.roll(target(), by, dims=2)


def test_iou_is_that_of_the_thresholded_masks() -> None:
    found = mask_iou(answer(target(), shifted(5), torch.zeros(1, SIDE, SIDE)).logits, target())
    assert np.allclose(found.detach().numpy(), [[1.0, 80 / 240, 0.0]])


def test_a_better_mask_has_a_lower_loss() -> None:
    clear = torch.tensor([False])
    costs = [losses(answer(*[shifted(by)] * 4), target(), clear).total.item() for by in (0, 1, 3, 6)]
    assert costs == sorted(costs)
    assert costs[0] < 0.8 < costs[3]  # the rest is the error of the predicted IoU


def test_an_ambiguous_point_trains_the_best_candidate_and_the_single_mask() -> None:
    output = answer(shifted(4), shifted(6), shifted(1), shifted(8))
    one = losses(output, target(), torch.tensor([True]))
    (grad,) = torch.autograd.grad(one.total, output.logits)
    pull = grad.abs().sum(dim=(2, 3))[0]
    assert int(one.best) == 2
    assert pull[2] > 5 * pull[1]
    assert pull[2] > 5 * pull[3]
    assert pull[0] > 5 * pull[1]


def test_an_unambiguous_prompt_trains_the_single_mask_only() -> None:
    output = answer(shifted(4), shifted(0), shifted(1), shifted(8))
    one = losses(output, target(), torch.tensor([False]))
    (grad,) = torch.autograd.grad(one.total, output.logits)
    pull = grad.abs().sum(dim=(2, 3))[0]
    assert int(one.best) == 0
    assert pull[0] > 0
    assert not pull[1:].any()


def test_a_correct_predicted_iou_has_a_lower_loss() -> None:
    clear = torch.tensor([False])
    costs = [
        losses(answer(*[shifted(2)] * 4, iou=iou), target(), clear).total.item() for iou in (0.67, 0.4, 0.99)
    ]
    assert costs[0] == min(costs)
