"""Many boxes of one photo at once, as a detector gives them."""

from __future__ import annotations

from functools import partial

import numpy as np

from samdesk.bench.versus.contest import Contestant, Timing, take_turns
from samdesk.bench.versus.rows import Entry, Row
from samdesk.bench.versus.settings import AUTO
from samdesk.bench.versus.stage import Stage
from samdesk.domain.geometry.types import FloatArray
from samdesk.domain.prompts import BoxPrompt, PromptSet

_NOTE = "one mask a box; samdesk: outlines, too; Ultralytics: masks of the photo"
_SINGLE_TURNS = 10


def boxes(stage: Stage) -> list[Row]:
    """``boxes_1`` and so on for the precision auto, ``boxes_1_fp32`` and so on for the others."""
    corners = stage.photos[0].hand.script(1, max(stage.settings.boxes)).boxes
    rows = []
    for count in stage.settings.boxes:
        some = corners[:count]
        theirs = partial(_theirs, stage, some)
        names = {_name(stage, count, p): p for p in stage.settings.precisions}
        entries = [Entry(name, partial(_ours, stage, some, p), theirs, _NOTE) for name, p in names.items()]
        turns = stage.settings.often(4 if count == 1 else 1)
        rows += [_a_box(stage, row, some, names[row.name]) for row in stage.contest(entries, turns)]
    return rows


def _name(stage: Stage, count: int, precision: str) -> str:
    return stage.name(f"boxes_{count}", "" if precision == AUTO else precision)


def _ours(stage: Stage, corners: FloatArray, precision: str, turn: int) -> Timing:
    ours = stage.ours(precision)
    return ours.boxes(ours.embedding(stage.photos[0]), corners, turn)


def _theirs(stage: Stage, corners: FloatArray, turn: int) -> Timing:
    return stage.reference.boxes(stage.photos[0], corners, turn)


def _a_box(stage: Stage, row: Row, corners: FloatArray, precision: str) -> Row:
    """The row with the network's time per box, beside that of a prompt alone."""
    ours = stage.ours(precision)
    embedding = ours.embedding(stage.photos[0])
    alone: Contestant = lambda turn: ours.decoder(  # noqa: E731
        embedding, PromptSet(box=BoxPrompt(*map(float, corners[turn % len(corners)])))
    )
    times = take_turns([alone], _SINGLE_TURNS, lambda *_: None)[alone]
    single, each = float(np.median([t.ms for t in times])), row.extra["samdesk_network_ms"] / len(corners)
    words = f"network: {each:.2f} ms a box, a single prompt {single:.2f} ms"
    return row.having(words, per_box_ms=each, single_prompt_ms=single)
