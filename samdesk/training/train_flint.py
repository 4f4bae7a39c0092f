"""Trains Flint's own weights: reads the images, writes a folder with checkpoint, log, weights and report."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import numpy as np
import torch
from torch import nn

from samdesk.base.jobs import CancelToken
from samdesk.engine.flint.detector import build_yolo, read_yolo
from samdesk.engine.flint.maps import prompt_maps
from samdesk.engine.flint.network import FlintNetwork, PromptHead, build_encoder
from samdesk.engine.flint.weights import encoder_delta, head_tensors, write_weights, yolo_tensors
from samdesk.engine.models.load import load_predictor
from samdesk.training.evaluate.masks import evaluate
from samdesk.training.evaluate.report import write_report
from samdesk.training.evaluate.splits import Split
from samdesk.training.masks.batches import crop_prompts, draw_batch, map_side, mask_probabilities
from samdesk.training.masks.calibrate import calibrate
from samdesk.training.masks.images import CroppableImage, load_images
from samdesk.training.masks.losses import mask_iou
from samdesk.training.masks.recipe import Recipe
from samdesk.training.masks.trainer import StepReport, Trainer

log = logging.getLogger(__name__)

CHECKPOINT, LOG = "state.pt", "log.jsonl"
_CHECK_BATCHES = 16
_CHECK_SEED = 1_000_003


def new_network(yolo: nn.Module, seed: int) -> FlintNetwork:
    """Flint with YOLO11n's encoder and a randomly initialised head."""
    torch.manual_seed(seed)
    return FlintNetwork(build_encoder(yolo), PromptHead())


def run_training(
    network: FlintNetwork,
    split: Split,
    recipe: Recipe,
    out: Path,
    *,
    device: str = "cpu",
    cancel: CancelToken,
    on_step: Callable[[StepReport], None],
) -> Trainer:
    """Trains, resuming from the checkpoint in ``out`` if there is one, and logs one line per step.

    Returns:
        The trainer after its last step; ``average`` is the network to use.

    Raises:
        Cancelled: The checkpoint in ``out`` has the state so far.
        ImageError: An image cannot be read.
    """
    out.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(network, load_images(split.train), recipe, device)
    if (out / CHECKPOINT).is_file():
        trainer.resume(out / CHECKPOINT)
        log.info("resuming at step %d", trainer.step)
    held_out = load_images(split.held_out)
    (out / "recipe.json").write_text(json.dumps(asdict(recipe), indent=1), "utf-8")

    def on_report(report: StepReport) -> None:
        row = asdict(report)
        if held_out and (report.step % recipe.check_every == 0 or report.step == recipe.steps):
            row["check_iou"], row["check_last_iou"] = check(trainer.average, held_out, recipe, device)
        with (out / LOG).open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        on_step(report)

    trainer.train(cancel, on_report, out / CHECKPOINT)
    return trainer


def finish(
    trainer: Trainer, split: Split, base: Path, out: Path, on_image: Callable[[int, int], None]
) -> None:
    """Calibrates the IoU head, writes the weights, evaluates them and writes the report.

    Args:
        trainer: After its last step.
        split: The images it was trained on, and those held out.
        base: The file of Flint weights whose YOLO11n encoder it started from.
        out: The run's folder; receives ``flint.safetensors`` and ``report.md``.
        on_image: Called with (images evaluated, total images).
    """
    facts: dict[str, Any] = {"images": f"{len(split.train)} trained on, {len(split.held_out)} held out"}
    network = trainer.average.cpu().eval()
    if split.calibration:
        before, after = calibrate(network, load_images(split.calibration), trainer.recipe)
        facts["mean error of the predicted IoU on calibration images"] = (
            f"{before:.3f}, calibrated {after:.3f}"
        )
    path = out / "flint.safetensors"
    weights = read_yolo(base)
    tensors = yolo_tensors(weights) | head_tensors(network)
    if trainer.recipe.encoder_rate > 0:
        tensors |= encoder_delta(network, build_yolo(weights, str(base)).model)
    metadata = {"names": json.dumps(weights.names), "recipe": json.dumps(asdict(trainer.recipe))}
    write_weights(path, tensors, metadata)
    facts["file"] = f"{path.stat().st_size:,} bytes"
    if split.held_out:
        predictor = load_predictor(str(path.absolute()), "cpu")
        outcomes = evaluate(predictor, split.held_out, on_image=on_image)
        write_report(out, trainer.recipe, outcomes, predictor, split.held_out, facts)


def check(
    network: FlintNetwork, images: Sequence[CroppableImage], recipe: Recipe, device: str = "cpu"
) -> tuple[float, float]:
    """Mean IoU after the first prompt and after one pass with the mask prompt, on fixed random batches."""
    probabilities = mask_probabilities(images)
    first: list[float] = []
    last: list[float] = []
    for number in range(_CHECK_BATCHES):
        batch = draw_batch(images, probabilities, recipe, _CHECK_SEED + number)
        image = batch.images.to(device, torch.float32) / 255
        targets = batch.targets.to(device)
        with torch.inference_mode(), torch.autocast(device.split(":")[0], dtype=torch.bfloat16):
            features = tuple(level[batch.crop_index.to(device)] for level in network.embed(image))
            logits = None
            for ious in (first, last):
                prompts = crop_prompts(batch.objects, logits, device)
                output = network.head(features, prompt_maps(prompts, map_side(image.shape[2])))
                ious.append(float(mask_iou(output.logits.float(), targets)[:, 0].mean()))
                logits = nn.functional.avg_pool2d(output.logits[:, :1].float(), 2)
    return float(np.mean(first)), float(np.mean(last))
