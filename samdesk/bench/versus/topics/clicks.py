"""Clicks on images of several sizes: the total time, and the time outside the network."""

from __future__ import annotations

from functools import partial

import numpy as np

from samdesk.bench.versus.context import BenchContext
from samdesk.bench.versus.images import BenchImage, resized_to
from samdesk.bench.versus.rows import BenchRow, RowSpec, make_row, without_network_ms
from samdesk.bench.versus.samdesk_side import CANDIDATES
from samdesk.bench.versus.schedule import PromptSchedule
from samdesk.bench.versus.timing import Clock, Timing
from samdesk.domain.geometry.contours import MOST_RINGS
from samdesk.domain.geometry.types import FloatArray
from samdesk.domain.prompts import PromptSet
from samdesk.engine.sam.prompts import INPUT_SIDE, candidates, to_input

_REGION = (
    "one click to 3 regions; "
    "Ultralytics: 3 masks of the image's size and their polygons (masks.xy, without holes)"
)
_BESIDES = (
    "all but the network, on {source}; samdesk: prompt scaling, candidates, stability, 3 regions; "
    "Ultralytics: resizing the image again, upscaling masks to it, thresholds, boxes, polygons (masks.xy)"
)


def clicks(context: BenchContext) -> list[BenchRow]:
    """``click_to_region_*mp`` and ``click_other_work_*mp``."""
    rows: list[BenchRow] = []
    for size in context.settings.megapixels:
        names = context.name(f"click_to_region_{size}mp"), context.name(f"click_other_work_{size}mp")
        if context.selects(names):
            rows += _click_rows(context, resized_to(context.images[0], size), names)
    return rows


def _click_rows(context: BenchContext, image: BenchImage, names: tuple[str, str]) -> list[BenchRow]:
    turns = context.settings.turns_for(3 if image.hw[0] * image.hw[1] < 50e6 else 1)
    schedule = PromptSchedule(context, [image], turns + 1)
    reference = partial(_reference, context, schedule)
    note = _BESIDES.format(source=context.shapes.source)
    specs = [
        RowSpec(names[0], partial(_samdesk, context, schedule), reference, _REGION),
        RowSpec(
            names[1],
            partial(_other_work, context, schedule),
            reference,
            note,
            reference_part=without_network_ms,
        ),
    ]
    rows = context.contest(specs, turns)
    context.best.clear()
    context.reference.clear()
    return [_tail(row) if row.name == names[0] else row for row in rows]


def _tail(row: BenchRow) -> BenchRow:
    """Returns the row with the 99th percentiles."""
    return row.with_network_times().extended(
        f"p99 {row.extra['samdesk_p99_ms']:.2f} ms, {row.extra['reference_p99_ms']:.1f} ms"
    )


def noise(context: BenchContext) -> list[BenchRow]:
    """``click_other_work_noise``: the outlines of the noise from a network with random weights."""
    name = context.name("click_other_work_noise")
    if not context.selects([name]):
        return []
    turns = context.settings.turns_for(2)
    schedule = PromptSchedule(context, context.images[:1], turns + 1)
    times, rings = [], []
    for turn in range(turns):
        case = schedule.at(turn, "point")
        logits = _noise(context, case.image, case.prompts, turn)
        timing, found = _time_other_work(context, case.image, case.prompts, logits)
        times.append(timing)
        rings.append(found)
    longest = max(timing.ms for timing in times)
    remark = f"at most {max(rings)} rings in 3 regions, {longest:.1f} ms at the longest"
    source = "a random network's noise" if context.checkpoint.random else "noise"
    note = f"as click_other_work, on {source}; a region has at most {MOST_RINGS} rings"
    spec = RowSpec(name, partial(_samdesk, context, schedule), note=note)
    return [make_row(spec, times).extended(remark, samdesk_max_ms=longest, rings_max=max(rings))]


def _samdesk(context: BenchContext, schedule: PromptSchedule, turn: int) -> Timing:
    case = schedule.at(turn, "point")
    return context.best.mask(context.best.embedding(case.image), case.prompts, turn)


def _reference(context: BenchContext, schedule: PromptSchedule, turn: int) -> Timing:
    case = schedule.at(turn, "point")
    return context.reference.mask(case.image, case.prompts, turn, polygons=True)


def _other_work(context: BenchContext, schedule: PromptSchedule, turn: int) -> Timing:
    case = schedule.at(turn, "point")
    frame = context.best.embedding(case.image).frame
    logits = context.shapes.some(turn * CANDIDATES, CANDIDATES, frame, case.image.hw)
    return _time_other_work(context, case.image, case.prompts, np.asarray(logits, np.float32))[0]


def _time_other_work(
    context: BenchContext, image: BenchImage, prompts: PromptSet, logits: FloatArray
) -> tuple[Timing, int]:
    """Times the work of a click outside the network, given its logits; also returns the number of rings."""
    frame = context.best.embedding(image).frame
    scale = (INPUT_SIDE / frame.width, INPUT_SIDE / frame.height)
    scores = np.linspace(0.9, 0.7, len(logits), dtype=np.float32)
    with Clock("cpu") as clock:
        to_input(np.array([(p.x, p.y) for p in prompts.points]), frame, scale)
        regions = [found.region() for found in candidates(logits, scores, frame, image.hw)]
    rings = sum(1 + len(part.interiors) for region in regions for part in region.geoms)
    return Timing(clock.ms), rings


def _noise(context: BenchContext, image: BenchImage, prompts: PromptSet, turn: int) -> FloatArray:
    if not context.checkpoint.random:
        return np.random.default_rng(turn).normal(0, 1, (CANDIDATES, 256, 256)).astype(np.float32)
    found = context.best.predictor.predict(context.best.embedding(image), prompts)
    return np.asarray([candidate.logits for candidate in found], np.float32)
