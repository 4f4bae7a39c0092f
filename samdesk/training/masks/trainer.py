"""The training loop of Flint's masks: seeded and resumable; for its own weights and for a dataset's."""

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
from samdesk.engine.checkpoints.read import read_checkpoint
from samdesk.engine.flint.maps import prompt_maps
from samdesk.engine.flint.network import FlintNetwork, HeadOutput
from samdesk.engine.protocols import EngineError
from samdesk.training.masks.batches import (
    Batch,
    PromptedObject,
    add_corrections,
    crop_prompts,
    draw_batch,
    map_side,
    mask_probabilities,
)
from samdesk.training.masks.images import CroppableImage
from samdesk.training.masks.losses import Losses, losses
from samdesk.training.masks.recipe import Recipe

log = logging.getLogger(__name__)


@dataclass(frozen=True)
class StepReport:
    """The metrics of one step: means over its objects and rounds."""

    step: int
    loss: float
    first_iou: float
    last_iou: float
    iou_error: float
    seconds: float


class Trainer:
    """Trains a network. All randomness comes from the recipe's seed and the step.

    Args:
        network: The network; changed in place.
        images: The training images.
        recipe: The hyperparameters.
        device: Device to train on.
    """

    def __init__(
        self, network: FlintNetwork, images: Sequence[CroppableImage], recipe: Recipe, device: str = "cpu"
    ) -> None:
        self.network = network.to(device, memory_format=torch.channels_last)  # type: ignore[call-overload]
        self.recipe = recipe
        self.step = 0
        self.average = copy.deepcopy(self.network).requires_grad_(False)
        self._images, self._device = images, device
        self._probabilities = mask_probabilities(images)
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
            cancel: Checked before every step.
            on_step: Called after every step.
            checkpoint: Where the state is saved every ``save_every`` steps, at the end and on cancellation.
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
        """Writes the state needed to resume, atomically."""
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
        """Restores a saved state. Raises ``OSError`` or ``ValueError`` if the file is not one."""
        try:
            state = read_checkpoint(path)
            self.network.load_state_dict(state["network"])
            self.average.load_state_dict(state["average"])
            self._optimizer.load_state_dict(state["optimizer"])
            self.step = int(state["step"])
        except (EngineError, RuntimeError, KeyError, TypeError, AttributeError) as error:
            raise ValueError(f"{path} is not a checkpoint of this training: {error}") from error

    def _save_to(self, path: Path | None) -> None:
        if path is not None:
            self.save(path)

    def _one_step(self) -> StepReport:
        start = time.perf_counter()
        recipe = self.recipe
        factor = recipe.rate(self.step)
        for group in self._optimizer.param_groups:
            group["lr"] = group["rate"] * factor
        batch = draw_batch(self._images, self._probabilities, recipe, self.step)
        rng = np.random.default_rng([recipe.seed, self.step, 1])
        rounds = 3 if rng.random() < recipe.three_rounds else 2
        results = self._backward(batch, rounds, rng)
        torch.nn.utils.clip_grad_norm_(self.network.parameters(), recipe.clip)
        self._optimizer.step()
        self._optimizer.zero_grad(set_to_none=True)
        self._update_average()
        self.step += 1
        return StepReport(
            self.step,
            float(sum(one.total.item() for one in results) / len(results)),
            float(results[0].best_iou.mean()),
            float(results[-1].single_iou.mean()),
            float(sum(float(one.iou_error) for one in results) / len(results)),
            time.perf_counter() - start,
        )

    def _backward(self, batch: Batch, rounds: int, rng: np.random.Generator) -> list[Losses]:
        """Accumulates the gradients of all rounds of prompts on one batch."""
        size = batch.images.shape[2]
        image = batch.images.to(self._device, torch.float32).div_(255)
        image = image.contiguous(memory_format=torch.channels_last)
        targets, index = batch.targets.to(self._device), batch.crop_index.to(self._device)
        with self._autocast():
            features = [level.index_select(0, index) for level in self.network.embed(image)]
        # The rounds share the features: their gradients are summed here and go through the encoder once.
        shared = [level.detach().requires_grad_() for level in features]
        objects: tuple[PromptedObject, ...] = batch.objects
        logits: Tensor | None = None
        results: list[Losses] = []
        for number in range(rounds):
            prompts = crop_prompts(objects, logits, self._device)
            maps = prompt_maps(prompts, map_side(size)).contiguous(memory_format=torch.channels_last)
            with self._autocast():
                output: HeadOutput = self.network.head(shared, maps)
            ambiguous = torch.tensor(
                [number == 0 and len(a.points) == 1 and bool(np.isnan(a.box[0])) for a in objects],
                device=self._device,
            )
            one = losses(output, targets, ambiguous)
            (one.total / rounds).backward()  # type: ignore[no-untyped-call]
            results.append(one)
            chosen = output.logits.detach().float()[torch.arange(len(objects)), one.best]
            logits = nn.functional.avg_pool2d(chosen[:, None], 2)
            if number + 1 < rounds:
                objects = add_corrections(objects, chosen.cpu(), rng)
        torch.autograd.backward(features, [level.grad for level in shared])
        return results

    def _autocast(self) -> torch.autocast:
        return torch.autocast(self._device.split(":")[0], dtype=torch.bfloat16)

    def _update_average(self) -> None:
        """Updates the moving average of the parameters."""
        decay = min(self.recipe.ema, (1 + self.step) / (10 + self.step))
        with torch.no_grad():
            for mean, now in zip(self.average.parameters(), self.network.parameters(), strict=True):
                mean.lerp_(now, 1 - decay)
