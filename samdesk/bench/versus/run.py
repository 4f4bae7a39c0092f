"""The whole comparison: every topic, model after model."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import datetime, timezone
from functools import partial
from pathlib import Path
from typing import TypeAlias

from samdesk.bench.machine import load_average, this_machine
from samdesk.bench.seeded import Checkpoint, checkpoint
from samdesk.bench.versus import photos as photos_of
from samdesk.bench.versus.rows import Row
from samdesk.bench.versus.settings import Settings
from samdesk.bench.versus.shapes import shapes
from samdesk.bench.versus.stage import Stage, Topic
from samdesk.bench.versus.table import Compared, Comparison
from samdesk.bench.versus.topics import boxes, clicks, encoding, memory, prompts, switching, window
from samdesk.engine.flint import metadata
from samdesk.engine.models import weights
from samdesk.engine.protocols import EngineError

MODEL = "mobile_sam.pt"
Tell: TypeAlias = Callable[[str, int, int], None]
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
    "window": window.gaps,
    "memory": memory.paging,
}
"""Measured for the first model."""


@dataclass(frozen=True)
class Plan:
    """What shall be compared.

    Attributes:
        models: SAM models by name or path; the rows of the first one about clicks and the window count.
        paths: The photos.
        folder: Where they were given, None for the demo's; ``instances.json`` is looked for there.
        settings: How; its device as the user names it.
    """

    models: Sequence[str]
    paths: Sequence[Path]
    folder: Path | None
    settings: Settings


def compare(plan: Plan, scratch: Path, tell: Tell) -> Comparison:
    """Measures all that is asked for.

    Args:
        plan: What.
        scratch: A folder for files.
        tell: Told of the progress.

    Raises:
        EngineError: In words: no such model, one that Ultralytics has no predictor for, or no such row.
        ImageError: A photo cannot be read.
    """
    before = load_average()
    photos = photos_of.read(plan.paths[:1] if plan.settings.quick else plan.paths)
    masks = shapes(plan.folder)
    rows: list[Row] = []
    compared = []
    for number, model in enumerate(dict.fromkeys(plan.models)):
        stage = Stage(_checkpoint(model, scratch), plan.settings, photos, masks, scratch)
        for title, topic in {**TOPICS, **(ONCE if number == 0 else {})}.items():
            stage.on_step = partial(tell, title)
            rows += topic(stage)
        compared.append(_about(stage))
    if not rows:
        raise EngineError(f"No row has a name like {' or '.join(plan.settings.only)}.")
    machine = this_machine(plan.settings.device)
    date = datetime.now(timezone.utc).strftime("%Y-%m-%d")
    return Comparison(
        machine,
        date,
        compared,
        len(photos),
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


def _about(stage: Stage) -> Compared:
    infos = {precision: stage.ours(precision).predictor.info for precision in stage.settings.precisions}
    used = {precision: info.precision for precision, info in infos.items()}
    return Compared(next(iter(infos.values())).title, stage.checkpoint.random, used)
