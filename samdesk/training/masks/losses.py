"""Losses of the prompt head: edge-weighted cross-entropy, Dice, and the error of the predicted IoU.

Of several candidates for an ambiguous point only the best is trained, as in SAM (Kirillov et al. 2023).
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
    """The loss to minimise, and metrics of the step.

    Attributes:
        total: Scalar loss.
        single_iou: (P,) IoU of the first mask.
        best_iou: (P,) IoU of the best candidate for the prompt.
        iou_error: Mean absolute error of the predicted IoU.
        best: (P,) index of the best candidate.
    """

    total: Tensor
    single_iou: Tensor
    best_iou: Tensor
    iou_error: Tensor
    best: Tensor


def losses(output: HeadOutput, targets: Tensor, ambiguous: Tensor) -> Losses:
    """Computes the losses of the head's output against coverage targets.

    Args:
        output: Of P objects, any float type.
        targets: (P, S / 2, S / 2) float32 coverage 0..1.
        ambiguous: (P,) bool: the prompt is one point and nothing else.
    """
    fine = _mask_loss(output.logits.float(), targets)
    small = F.avg_pool2d(targets[:, None], 2)[:, 0]
    each = fine + _COARSE * _mask_loss(output.coarse.float(), small)  # (P, 4)
    true = mask_iou(output.logits.detach().float(), targets)
    lowest, best = each[:, 1:].min(dim=1)
    several = lowest + _OTHERS * each[:, 1:].mean(dim=1)
    masks = torch.where(ambiguous, 0.5 * each[:, 0] + several, each[:, 0])
    iou_loss = (output.iou.float() - true).abs() + 4 * (output.iou.float() - true) ** 2
    iou_term = torch.where(ambiguous, iou_loss.mean(dim=1), iou_loss[:, 0])
    best = torch.where(ambiguous, best + 1, torch.zeros_like(best))
    error = (output.iou.float() - true).abs()[:, 0].mean().detach()
    total = masks.mean() + _IOU * iou_term.mean()
    return Losses(total, true[:, 0], true.gather(1, best[:, None])[:, 0], error, best)


def mask_iou(logits: Tensor, targets: Tensor) -> Tensor:
    """(P, N) IoU of (P, N, h, w) logits with (P, h, w) coverage, both thresholded."""
    drawn, wanted = logits > 0, (targets > 0.5)[:, None]
    both = (drawn & wanted).sum(dim=(2, 3)).float()
    return both / (drawn | wanted).sum(dim=(2, 3)).clamp(min=1)


def _mask_loss(logits: Tensor, targets: Tensor) -> Tensor:
    """(P, N): cross-entropy, normalised by the object's area, plus Dice."""
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
    """1 within two cells of the outline, 0 elsewhere."""
    most = F.max_pool2d(wanted, 5, 1, 2)
    least = -F.max_pool2d(-wanted, 5, 1, 2)
    return (most - least).clamp(0, 1)
