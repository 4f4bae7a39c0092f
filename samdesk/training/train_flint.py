"""A whole training run: data in, a folder with checkpoint, log and weights out."""

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
from samdesk.training.masks.batches import draw_batch, look_prompts, map_side, mask_chances
from samdesk.training.masks.calibrate import calibrate
from samdesk.training.masks.images import Photo, load_photos
from samdesk.training.masks.losses import mask_iou
from samdesk.training.masks.recipe import Recipe
from samdesk.training.masks.trainer import StepReport, Trainer

log = logging.getLogger(__name__)

CHECKPOINT, LOG = "state.pt", "log.jsonl"
_CHECK_BATCHES = 16
_CHECK_SEED = 1_000_003


def new_network(yolo: nn.Module, seed: int) -> FlintNetwork:
    """YOLO11n's encoder and a head with seeded random weights."""
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
    """Trains, or goes on with what ``out`` holds, and logs one line a step.

    Returns:
        The trainer at its last step; ``average`` is the network to use.

    Raises:
        Cancelled: The state up to here is in ``out``.
        ImageError: A photo cannot be read.
    """
    out.mkdir(parents=True, exist_ok=True)
    trainer = Trainer(network, load_photos(split.train), recipe, device)
    if (out / CHECKPOINT).is_file():
        trainer.resume(out / CHECKPOINT)
        log.info("going on from step %d", trainer.step)
    held_out = load_photos(split.held_out)
    (out / "recipe.json").write_text(json.dumps(asdict(recipe), indent=1), "utf-8")

    def note(report: StepReport) -> None:
        row = asdict(report)
        if held_out and (report.step % recipe.check_every == 0 or report.step == recipe.steps):
            row["check_iou"], row["check_last_iou"] = check(trainer.average, held_out, recipe, device)
        with (out / LOG).open("a", encoding="utf-8") as file:
            file.write(json.dumps(row) + "\n")
        on_step(report)

    trainer.train(cancel, note, out / CHECKPOINT)
    return trainer


def finish(
    trainer: Trainer, split: Split, base: Path, out: Path, on_image: Callable[[int, int], None]
) -> None:
    """Calibrates, packs and judges what was trained, and writes the report.

    Args:
        trainer: At its last step.
        split: What it was trained on, and what judges it.
        base: The file of Flint weights whose YOLO11n it started from.
        out: The run's folder; ``flint.safetensors`` and ``report.md`` are written there.
        on_image: Called with (photos judged, photos in all).
    """
    facts: dict[str, Any] = {"photos": f"{len(split.train)} learned, {len(split.held_out)} held out"}
    network = trainer.average.cpu().eval()
    if split.calibration:
        before, after = calibrate(network, load_photos(split.calibration), trainer.recipe)
        facts["IoU head on calibration photos"] = f"off by {before:.3f}, calibrated {after:.3f}"
    path = out / "flint.safetensors"
    weights = read_yolo(base)
    tensors = yolo_tensors(weights) | head_tensors(network)
    if trainer.recipe.encoder_rate > 0:
        tensors |= encoder_delta(network, build_yolo(weights, str(base)).model)
    about = {"names": json.dumps(weights.names), "recipe": json.dumps(asdict(trainer.recipe))}
    write_weights(path, tensors, about)
    facts["file"] = f"{path.stat().st_size:,} bytes"
    if split.held_out:
        predictor = load_predictor(str(path), "cpu")
        outcomes = evaluate(predictor, split.held_out, on_image=on_image)
        write_report(out, trainer.recipe, outcomes, predictor, split.held_out, facts)


def check(
    network: FlintNetwork, photos: Sequence[Photo], recipe: Recipe, device: str = "cpu"
) -> tuple[float, float]:
    """Mean IoU after the first prompt, and after the mask was looked at once more, on fixed draws."""
    chances = mask_chances(photos)
    first: list[float] = []
    last: list[float] = []
    for number in range(_CHECK_BATCHES):
        batch = draw_batch(photos, chances, recipe, _CHECK_SEED + number)
        image = batch.images.to(device, torch.float32) / 255
        targets = batch.targets.to(device)
        with torch.inference_mode(), torch.autocast(device.split(":")[0], dtype=torch.bfloat16):
            seen = tuple(level[batch.view_of.to(device)] for level in network.embed(image))
            logits = None
            for found in (first, last):
                prompts = look_prompts(batch.asked, logits, device)
                answer = network.head(seen, prompt_maps(prompts, map_side(image.shape[2])))
                found.append(float(mask_iou(answer.logits.float(), targets)[:, 0].mean()))
                logits = nn.functional.avg_pool2d(answer.logits[:, :1].float(), 2)
    return float(np.mean(first)), float(np.mean(last))
