"""The training loop: seeded, resumable, the same for the shipped weights and for teaching."""

from __future__ import annotations

import copy
import logging
import os
import time
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import Tensor, nn

from samdesk.base.jobs import CancelToken
from samdesk.engine.flint.maps import prompt_maps
from samdesk.engine.flint.network import FlintNetwork, HeadOutput
from samdesk.training.masks.batches import (
    Asked,
    Batch,
    corrected,
    draw_batch,
    look_prompts,
    map_side,
    mask_chances,
)
from samdesk.training.masks.images import Photo
from samdesk.training.masks.losses import Losses, losses
from samdesk.training.masks.recipe import Recipe

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class StepReport:
    """What one step said: means over its objects and rounds."""

    step: int
    loss: float
    first_iou: float
    last_iou: float
    iou_error: float
    seconds: float


class Trainer:
    """Trains a network on photos. Everything random comes from the recipe's seed and the step.

    Args:
        network: Changed in place.
        photos: To train on.
        recipe: The numbers.
        device: Where to train.
    """

    def __init__(
        self, network: FlintNetwork, photos: Sequence[Photo], recipe: Recipe, device: str = "cpu"
    ) -> None:
        self.network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.recipe = recipe
        self.step = 0
        self.average = copy.deepcopy(self.network).requires_grad_(False)
        self._photos, self._device = photos, device
        self._chances = mask_chances(photos)
        network.encoder.requires_grad_(recipe.encoder_rate > 0)
        groups: list[dict[str, Any]] = [{"params": list(network.head.parameters()), "rate": recipe.head_rate}]
        if recipe.encoder_rate > 0:
            groups.append({"params": list(network.encoder.parameters()), "rate": recipe.encoder_rate})
        self._optimizer = torch.optim.AdamW(
            groups, lr=recipe.head_rate, betas=(0.9, 0.99), weight_decay=recipe.weight_decay
        )

    def train(
        self,
        cancel: CancelToken,
        on_step: Callable[[StepReport], None],
        checkpoint: Path | None = None,
    ) -> None:
        """Trains up to the recipe's last step. Raises ``Cancelled`` between two steps.

        Args:
            cancel: Looked at before every step.
            on_step: Called after every step.
            checkpoint: Where the state is saved now and then, and when it ends or is cancelled.
        """
        while self.step < self.recipe.steps:
            try:
                cancel.check()
            except BaseException:
                self._save_to(checkpoint)
                raise
            on_step(self._one_step())
            if self.step % self.recipe.save_every == 0 or self.step == self.recipe.steps:
                self._save_to(checkpoint)

    def save(self, path: Path) -> None:
        """Writes all that is needed to go on, as a whole or not at all."""
        state = {
            "network": self.network.state_dict(),
            "average": self.average.state_dict(),
            "optimizer": self._optimizer.state_dict(),
            "step": self.step,
            "recipe": asdict(self.recipe),
        }
        path.parent.mkdir(parents=True, exist_ok=True)
        temporary = path.with_name(f".{path.name}.{os.getpid()}.tmp")
        torch.save(state, temporary)
        temporary.replace(path)

    def resume(self, path: Path) -> None:
        """Goes on from a saved state. Raises ``OSError`` or ``ValueError`` for what is none."""
        try:
            state = torch.load(path, map_location=self._device, weights_only=True)
            self.network.load_state_dict(state["network"])
            self.average.load_state_dict(state["average"])
            self._optimizer.load_state_dict(state["optimizer"])
            self.step = int(state["step"])
        except (RuntimeError, KeyError, TypeError, EOFError) as error:
            raise ValueError(f"{path} is no state of this training: {error}") from error

    def _save_to(self, path: Path | None) -> None:
        if path is not None:
            self.save(path)

    def _one_step(self) -> StepReport:
        start = time.perf_counter()
        recipe = self.recipe
        share = recipe.rate(self.step)
        for group in self._optimizer.param_groups:
            group["lr"] = group["rate"] * share
        batch = draw_batch(self._photos, self._chances, recipe, self.step)
        rng = np.random.default_rng([recipe.seed, self.step, 1])
        rounds = 3 if rng.random() < recipe.three_rounds else 2
        said = self._learn(batch, rounds, rng)
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), recipe.clip)
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        self._follow()
        self.step += 1
        return StepReport(
            self.step,
            float(sum(one.total.item() for one in said) / len(said)),
            float(said[0].best_iou.mean()),
            float(said[-1].single_iou.mean()),
            float(sum(float(one.iou_error) for one in said) / len(said)),
            time.perf_counter() - start,
        )

    def _learn(self, batch: Batch, rounds: int, rng: np.random.Generator) -> list[Losses]:
        """Gradients of all rounds of prompts on one batch."""
        size = batch.images.shape[2]
        image = batch.images.to(self._device, torch.float32).div_(255)
        image = image.contiguous(memory_format=torch.channels_last)
        targets, which = batch.targets.to(self._device), batch.view_of.to(self._device)
        with self._autocast():
            seen = [level.index_select(0, which) for level in self.network.embed(image)]
        # The rounds share the looks: their gradients meet here and go through the encoder once.
        shared = [level.detach().requires_grad_() for level in seen]
        asked: tuple[Asked, ...] = batch.asked
        logits: Tensor | None = None
        said: list[Losses] = []
        for number in range(rounds):
            prompts = look_prompts(asked, logits, self._device)
            maps = prompt_maps(prompts, map_side(size)).contiguous(memory_format=torch.channels_last)
            with self._autocast():
                answer: HeadOutput = self.network.head(shared, maps)
            ambiguous = torch.tensor(
                [number == 0 and len(a.points) == 1 and bool(np.isnan(a.box[0])) for a in asked],
                device=self._device,
            )
            one = losses(answer, targets, ambiguous)
            (one.total / rounds).backward()  # type: ignore[no-untyped-call]
            said.append(one)
            chosen = answer.logits.detach().float()[torch.arange(len(asked)), one.best]
            logits = nn.functional.avg_pool2d(chosen[:, None], 2)
            if number + 1 < rounds:
                asked = corrected(asked, chosen.cpu(), rng)
        torch.autograd.backward(seen, [level.grad for level in shared])
        return said

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self._device.split(":")[0], dtype=torch.bfloat16)

    def _follow(self) -> None:
        """The moving average takes a step towards the network."""
        decay = min(self.recipe.ema, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for mean, now in zip(self.average.parameters(), self.network.parameters(), strict=True):
                mean.lerp_(now, 1 - decay)
