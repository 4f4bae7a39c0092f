"""What a mask is worth: edge-weighted cross-entropy, Dice, and the error of the predicted IoU.

Of several readings of an ambiguous click only the best one is trained, as in SAM (Kirillov et al. 2023).
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
import torch.nn.functional as F  # noqa: N812 - its usual name
from torch import Tensor

from samdesk.engine.flint.network import HeadOutput

_EDGE_WEIGHT = 3.0
_BCE, _COARSE, _IOU, _OTHERS = 1.5, 0.4, 0.5, 0.05


@dataclass(frozen=True, eq=False)
class Losses:
    """The loss to go down, and what tells how training goes.

    Attributes:
        total: Scalar.
        single_iou: (P,) IoU of the first mask.
        best_iou: (P,) IoU of the best of the masks meant for this prompt.
        iou_error: Mean distance of predicted and true IoU.
        best: (P,) index of that best mask.
    """

    total: Tensor
    single_iou: Tensor
    best_iou: Tensor
    iou_error: Tensor
    best: Tensor


def losses(answer: HeadOutput, targets: Tensor, ambiguous: Tensor) -> Losses:
    """Compares an answer with coverage targets.

    Args:
        answer: Of P objects, any float type.
        targets: (P, S / 2, S / 2) float32 coverage 0..1.
        ambiguous: (P,) bool: one click and nothing else.
    """
    fine = _mask_loss(answer.logits.float(), targets)
    small = F.avg_pool2d(targets[:, None], 2)[:, 0]
    each = fine + _COARSE * _mask_loss(answer.coarse.float(), small)  # (P, 4)
    true = mask_iou(answer.logits.detach().float(), targets)
    readings, best = each[:, 1:].min(dim=1)
    several = readings + _OTHERS * each[:, 1:].mean(dim=1)
    masks = torch.where(ambiguous, 0.5 * each[:, 0] + several, each[:, 0])
    wrong = (answer.iou.float() - true).abs() + 4 * (answer.iou.float() - true) ** 2
    judged = torch.where(ambiguous, wrong.mean(dim=1), wrong[:, 0])
    best = torch.where(ambiguous, best + 1, torch.zeros_like(best))
    error = (answer.iou.float() - true).abs()[:, 0].mean().detach()
    total = masks.mean() + _IOU * judged.mean()
    return Losses(total, true[:, 0], true.gather(1, best[:, None])[:, 0], error, best)


def mask_iou(logits: Tensor, targets: Tensor) -> Tensor:
    """(P, N) IoU of (P, N, h, w) logits with (P, h, w) coverage, both thresholded."""
    drawn, wanted = logits > 0, (targets > 0.5)[:, None]
    both = (drawn & wanted).sum(dim=(2, 3)).float()
    return both / (drawn | wanted).sum(dim=(2, 3)).clamp(min=1)


def _mask_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """(P, N): cross-entropy a cell of the object's size, and Dice."""
    wanted = targets[:, None]
    cells = targets.shape[1] * targets.shape[2]
    weight = 1 + _EDGE_WEIGHT * _edges(wanted)
    bce = F.binary_cross_entropy_with_logits(logits, wanted.expand_as(logits), reduction="none")
    area = wanted.sum(dim=(2, 3))
    share = (bce * weight).sum(dim=(2, 3)) / (4 * area + cells / 64)
    chance = logits.sigmoid()
    both = (chance * wanted).sum(dim=(2, 3))
    dice = 1 - (2 * both + 1) / (chance.sum(dim=(2, 3)) + area + 1)
    return _BCE * share + dice


def _edges(wanted: Tensor) -> Tensor:
    """1 within two cells of the outline, else 0."""
    most = F.max_pool2d(wanted, 5, 1, 2)
    least = -F.max_pool2d(-wanted, 5, 1, 2)
    return (most - least).clamp(0, 1)
