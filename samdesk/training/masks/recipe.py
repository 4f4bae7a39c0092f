"""The recipe of a training: all hyperparameters in one place."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """The hyperparameters of a training run; the field names are the keys of ``recipe.json``.

    Attributes:
        seed: Random seed.
        steps: Optimiser steps.
        warmup: Steps over which the learning rate rises.
        decay_from: Fraction of the steps after which it falls to zero (cosine).
        views: Crops per step.
        prompts: Prompted objects per crop.
        size: Side of a crop, pixels.
        small_size: Side of a crop in the first part of the run, which is faster with it.
        small_until: Fraction of the steps with ``small_size``.
        head_rate: Learning rate of the prompt head.
        encoder_rate: Learning rate of the encoder; 0 freezes it.
        weight_decay: AdamW's weight decay.
        ema: Decay of the moving average of the weights.
        clip: Maximum gradient norm.
        far: Fraction of crops from afar (where is the object?).
        near: Fraction of crops at a random distance; the rest are crops as for a box prompt.
        three_rounds: Fraction of steps with three rounds of prompts instead of two.
        check_every: Steps between evaluations on the held-out images.
        save_every: Steps between resumable checkpoints.
    """

    seed: int = 0
    steps: int = 4200
    warmup: int = 100
    decay_from: float = 0.6
    views: int = 12
    prompts: int = 2
    size: int = 320
    small_size: int = 256
    small_until: float = 0.45
    head_rate: float = 1e-3
    encoder_rate: float = 4e-5
    weight_decay: float = 0.02
    ema: float = 0.998
    clip: float = 1.0
    far: float = 0.2
    near: float = 0.3
    three_rounds: float = 0.4
    check_every: int = 500
    save_every: int = 100

    def crop_size(self, step: int) -> int:
        """Side of a crop at a step, pixels."""
        return self.small_size if step < self.small_until * self.steps else self.size

    def rate(self, step: int) -> float:
        """Fraction of the full learning rate at a step."""
        if step < self.warmup:
            return (step + 1) / self.warmup
        start = self.decay_from * self.steps
        if step < start:
            return 1.0
        return 0.5 * (1 + math.cos(math.pi * (step - start) / max(1.0, self.steps - start)))
