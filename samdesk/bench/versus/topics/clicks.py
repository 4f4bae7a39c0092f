"""A click on photos of any size: all of it, and what is not the network."""

from __future__ import annotations

from functools import partial

import numpy as np

from samdesk.bench.versus.contest import Clock, Timing
from samdesk.bench.versus.gestures import Asks
from samdesk.bench.versus.ours import CANDIDATES
from samdesk.bench.versus.photos import Photo, of_size
from samdesk.bench.versus.rows import Entry, Row, besides_the_network, row
from samdesk.bench.versus.stage import Stage
from samdesk.domain.geometry.contours import MOST_RINGS
from samdesk.domain.geometry.types import FloatArray
from samdesk.domain.prompts import PromptSet
from samdesk.engine.sam.prompts import INPUT_SIDE, candidates, to_input

_REGION = (
    "one click to 3 regions; Ultralytics: 3 masks of the photo and their polygons (masks.xy, without holes)"
)
_BESIDES = (
    "all but the network, on {source}; samdesk: prompt scaling, candidates, stability, 3 regions; "
    "Ultralytics: the photo resized anew, masks upscaled to it, thresholds, boxes, polygons (masks.xy)"
)


def clicks(stage: Stage) -> list[Row]:
    """``click_to_region_*mp`` and ``click_other_work_*mp``."""
    rows: list[Row] = []
    for size in stage.settings.megapixels:
        names = stage.name(f"click_to_region_{size}mp"), stage.name(f"click_other_work_{size}mp")
        if stage.wants(names):
            rows += _of_size(stage, of_size(stage.photos[0], size), names)
    return rows


def _of_size(stage: Stage, photo: Photo, names: tuple[str, str]) -> list[Row]:
    turns = stage.settings.often(3 if photo.hw[0] * photo.hw[1] < 50e6 else 1)
    asks = Asks(stage, [photo], turns + 1)
    theirs = partial(_theirs, stage, asks)
    note = _BESIDES.format(source=stage.shapes.source)
    entries = [
        Entry(names[0], partial(_ours, stage, asks), theirs, _REGION),
        Entry(names[1], partial(_besides, stage, asks), theirs, note, reference_part=besides_the_network),
    ]
    rows = stage.contest(entries, turns)
    stage.best.forget()
    stage.reference.forget()
    return [_tail(row) if row.name == names[0] else row for row in rows]


def _tail(row: Row) -> Row:
    """How long a click takes at the worst."""
    return row.with_networks().having(
        f"p99 {row.extra['samdesk_p99_ms']:.2f} ms, {row.extra['reference_p99_ms']:.1f} ms"
    )


def noise(stage: Stage) -> list[Row]:
    """``click_other_work_noise``: outlines of what a network with random weights draws."""
    name = stage.name("click_other_work_noise")
    if not stage.wants([name]):
        return []
    turns = stage.settings.often(2)
    asks = Asks(stage, stage.photos[:1], turns + 1)
    times, rings = [], []
    for turn in range(turns):
        ask = asks.at(turn, "point")
        logits = _noise(stage, ask.photo, ask.prompts, turn)
        timing, found = _worked(stage, ask.photo, ask.prompts, logits)
        times.append(timing)
        rings.append(found)
    longest = max(timing.ms for timing in times)
    words = f"at most {max(rings)} rings in 3 regions, {longest:.1f} ms at the longest"
    source = "a random network's noise" if stage.checkpoint.random else "noise"
    note = f"as click_other_work, on {source}; a region has at most {MOST_RINGS} rings"
    entry = Entry(name, partial(_ours, stage, asks), note=note)
    return [row(entry, times).having(words, samdesk_max_ms=longest, rings_max=max(rings))]


def _ours(stage: Stage, asks: Asks, turn: int) -> Timing:
    ask = asks.at(turn, "point")
    return stage.best.mask(stage.best.embedding(ask.photo), ask.prompts, turn)


def _theirs(stage: Stage, asks: Asks, turn: int) -> Timing:
    ask = asks.at(turn, "point")
    return stage.reference.mask(ask.photo, ask.prompts, turn, polygons=True)


def _besides(stage: Stage, asks: Asks, turn: int) -> Timing:
    ask = asks.at(turn, "point")
    frame = stage.best.embedding(ask.photo).frame
    logits = stage.shapes.some(turn * CANDIDATES, CANDIDATES, frame, ask.photo.hw)
    return _worked(stage, ask.photo, ask.prompts, np.asarray(logits, np.float32))[0]


def _worked(stage: Stage, photo: Photo, prompts: PromptSet, logits: FloatArray) -> tuple[Timing, int]:
    """What a click takes around the network, given its logits; and the rings of all regions."""
    frame = stage.best.embedding(photo).frame
    scale = (INPUT_SIDE / frame.width, INPUT_SIDE / frame.height)
    scores = np.linspace(0.9, 0.7, len(logits), dtype=np.float32)
    with Clock("cpu") as clock:
        to_input(np.array([(p.x, p.y) for p in prompts.points]), frame, scale)
        regions = [found.region() for found in candidates(logits, scores, frame, photo.hw)]
    rings = sum(1 + len(part.interiors) for region in regions for part in region.geoms)
    return Timing(clock.ms), rings


def _noise(stage: Stage, photo: Photo, prompts: PromptSet, turn: int) -> FloatArray:
    if not stage.checkpoint.random:
        return np.random.default_rng(turn).normal(0, 1, (CANDIDATES, 256, 256)).astype(np.float32)
    found = stage.best.predictor.predict(stage.best.embedding(photo), prompts)
    return np.asarray([candidate.logits for candidate in found], np.float32)
