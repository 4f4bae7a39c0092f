"""Runs the comparison: all topics, model after model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import TypeAlias

from samdesk.bench.machine import load_average, this_machine
from samdesk.bench.seeded import Checkpoint, checkpoint
from samdesk.bench.versus import images as bench_images
from samdesk.bench.versus.context import BenchContext, Topic
from samdesk.bench.versus.rows import BenchRow
from samdesk.bench.versus.settings import BenchSettings
from samdesk.bench.versus.shapes import shapes
from samdesk.bench.versus.table import ComparedModel, Comparison
from samdesk.bench.versus.topics import (
    batch,
    boxes,
    bulk,
    busy,
    clicks,
    encoding,
    frames,
    memory,
    prompts,
    scale,
    switching,
    tiles,
    window,
)
from samdesk.engine.flint import metadata
from samdesk.engine.models import weights
from samdesk.engine.protocols import EngineError

MODEL = "mobile_sam.pt"
OnProgress: TypeAlias = Callable[[str, int, int], None]
"""Called with (topic, turns done, all turns)."""

TOPICS: dict[str, Topic] = {
    "next mask": prompts.next_masks,
    "decoder": prompts.decoders,
    "first mask": encoding.first_masks,
    "encode": encoding.encodes,
    "boxes": boxes.boxes,
    "switch": switching.switches,
}
"""Measured for every model."""
ONCE: dict[str, Topic] = {
    "click": clicks.clicks,
    "noise": clicks.noise,
    "start": window.starts,
    "window": window.gaps,
    "memory": memory.paging,
    "busy": busy.busy,
    "batch": batch.batch,
    "bulk": bulk.bulk,
    "scale": scale.scale,
    "frames": frames.frames,
    "tiles": tiles.tiles,
}
"""Measured only for the first model."""


@dataclass(frozen=True)
class ComparisonPlan:
    """The input of a comparison.

    Attributes:
        models: SAM models by name or path; only the first is measured on what ``ONCE`` lists.
        paths: The image files.
        folder: Folder given by the user, searched for ``instances.json``; None for the sample images.
        settings: Options of the measurement.
    """

    models: Sequence[str]
    paths: Sequence[Path]
    folder: Path | None
    settings: BenchSettings


def compare(plan: ComparisonPlan, scratch: Path, on_progress: OnProgress) -> Comparison:
    """Measures all selected rows.

    Args:
        plan: What to measure.
        scratch: A folder for temporary files.
        on_progress: Called with the progress of each topic.

    Raises:
        EngineError: There is no such model, Ultralytics has no predictor for it, or no row is selected.
        ImageError: An image cannot be read.
    """
    before = load_average()
    images = bench_images.read_images(plan.paths[:1] if plan.settings.quick else plan.paths)
    masks = shapes(plan.folder)
    rows: list[BenchRow] = []
    compared = []
    for number, model in enumerate(dict.fromkeys(plan.models)):
        context = BenchContext(_checkpoint(model, scratch), plan.settings, images, masks, scratch)
        for title, topic in {**TOPICS, **(ONCE if number == 0 else {})}.items():
            context.on_step = partial(on_progress, title)
            rows += topic(context)
        compared.append(_compared_model(context))
    if not rows:
        raise EngineError(f"No row has a name like {' or '.join(plan.settings.only)}.")
    machine = this_machine(plan.settings.device)
    date = datetime.now(timezone.utc).strftime("%Y-%m-%d")
    return Comparison(
        machine,
        date,
        compared,
        len(images),
        masks.source,
        plan.settings.rounds,
        (before, load_average()),
        rows,
    )


def _checkpoint(model: str, scratch: Path) -> Checkpoint:
    found = checkpoint(model, scratch)
    path = weights.find(found.source)
    if path is not None and metadata.is_flint(path):
        raise EngineError(f"Ultralytics has no predictor for {model}. Measure it with --engines.")
    return found


def _compared_model(context: BenchContext) -> ComparedModel:
    infos = {
        precision: context.samdesk(precision).predictor.info for precision in context.settings.precisions
    }
    used = {precision: info.precision for precision, info in infos.items()}
    return ComparedModel(next(iter(infos.values())).title, context.checkpoint.random, used)
