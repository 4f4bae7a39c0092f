"""How Flint is trained: every number in one place."""

from __future__ import annotations

import math
from dataclasses import dataclass


@dataclass(frozen=True)
class Recipe:
    """The numbers of a training run.

    Attributes:
        seed: Of everything random.
        steps: Optimiser steps.
        warmup: Steps in which the learning rate rises.
        decay_from: Share of the steps after which it falls to zero (as a cosine).
        views: Looks a step.
        prompts: Objects prompted a look.
        size: Side of a look, pixels.
        small_size: Side of a look in the first part of the run, which goes faster with it.
        small_until: Share of the steps with ``small_size``.
        head_rate: Learning rate of the prompt head.
        encoder_rate: Learning rate of the encoder; 0: it stays YOLO11n's.
        weight_decay: AdamW's.
        ema: Decay of the moving average that is kept.
        clip: Largest gradient norm.
        far: Share of looks from afar (where is the object?).
        near: Share of looks at a random distance; the rest are looks at a box.
        three_rounds: Share of steps with three prompt rounds instead of two.
        check_every: Steps between checks on the validation images.
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

    def look_size(self, step: int) -> int:
        """Side of a look at a step, pixels."""
        return self.small_size if step < self.small_until * self.steps else self.size

    def rate(self, step: int) -> float:
        """Share of the full learning rate at a step."""
        if step < self.warmup:
            return (step + 1) / self.warmup
        start = self.decay_from * self.steps
        if step < start:
            return 1.0
        return 0.5 * (1 + math.cos(math.pi * (step - start) / max(1.0, self.steps - start)))
