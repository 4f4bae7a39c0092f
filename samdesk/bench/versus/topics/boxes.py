"""Batches of boxes on one image, as from a detector."""

from __future__ import annotations

from functools import partial

import numpy as np

from samdesk.bench.versus.context import BenchContext
from samdesk.bench.versus.rows import BenchRow, RowSpec
from samdesk.bench.versus.settings import AUTO
from samdesk.bench.versus.timing import Contestant, Timing, take_turns
from samdesk.domain.geometry.types import FloatArray
from samdesk.domain.prompts import BoxPrompt, PromptSet

_NOTE = "one mask per box; samdesk: with outlines; Ultralytics: masks of the image's size"
_SINGLE_TURNS = 10


def boxes(context: BenchContext) -> list[BenchRow]:
    """``boxes_1``, ... for the precision auto; ``boxes_1_fp32``, ... for the others."""
    corners = context.images[0].sampler.sample(1, max(context.settings.boxes)).boxes
    rows = []
    for count in context.settings.boxes:
        some = corners[:count]
        reference = partial(_reference, context, some)
        names = {_name(context, count, p): p for p in context.settings.precisions}
        specs = [
            RowSpec(name, partial(_samdesk, context, some, p), reference, _NOTE) for name, p in names.items()
        ]
        turns = context.settings.turns_for(4 if count == 1 else 1)
        rows += [
            _with_time_per_box(context, row, some, names[row.name]) for row in context.contest(specs, turns)
        ]
    return rows


def _name(context: BenchContext, count: int, precision: str) -> str:
    return context.name(f"boxes_{count}", "" if precision == AUTO else precision)


def _samdesk(context: BenchContext, corners: FloatArray, precision: str, turn: int) -> Timing:
    samdesk = context.samdesk(precision)
    return samdesk.boxes(samdesk.embedding(context.images[0]), corners, turn)


def _reference(context: BenchContext, corners: FloatArray, turn: int) -> Timing:
    return context.reference.boxes(context.images[0], corners, turn)


def _with_time_per_box(context: BenchContext, row: BenchRow, corners: FloatArray, precision: str) -> BenchRow:
    """Returns the row with the network's time per box and for a single box prompt."""
    samdesk = context.samdesk(precision)
    embedding = samdesk.embedding(context.images[0])
    alone: Contestant = lambda turn: samdesk.decoder(  # noqa: E731
        embedding, PromptSet(box=BoxPrompt(*map(float, corners[turn % len(corners)])))
    )
    times = take_turns([alone], _SINGLE_TURNS, lambda *_: None)[alone]
    single, each = float(np.median([t.ms for t in times])), row.extra["samdesk_network_ms"] / len(corners)
    remark = f"network: {each:.2f} ms per box, {single:.2f} ms for a single prompt"
    return row.extended(remark, per_box_ms=each, single_prompt_ms=single)
