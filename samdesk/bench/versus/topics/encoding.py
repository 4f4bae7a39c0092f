"""An image that nobody has looked at yet: the encoder, and the way to the first mask."""

from __future__ import annotations

from functools import partial

from samdesk.base.text import counted
from samdesk.bench.versus.agreement import agreement
from samdesk.bench.versus.contest import Timing
from samdesk.bench.versus.gestures import Ask, Asks
from samdesk.bench.versus.rows import Entry, Row
from samdesk.bench.versus.settings import FP32
from samdesk.bench.versus.stage import Stage
from samdesk.domain.prompts import PromptSet

_MOST_COMPARED = 20
_CLICKS = 2
_ENCODE = "from pixels in memory; Ultralytics: set_image"
_FIRST = "encode, one click, 3 outlines; Ultralytics: set_image, one click, 3 masks of the photo"


def encodes(stage: Stage) -> list[Row]:
    """``encode_*``, with the IoU of masks decoded from the embeddings."""
    theirs = partial(_set_image, stage)
    precisions = stage.settings.precisions
    entries = [
        Entry(stage.name("encode", p), partial(_encode, stage, p), theirs, _ENCODE) for p in precisions
    ]
    rows = {row.name: row for row in stage.contest(entries, stage.settings.rounds)}
    of_row = {stage.name("encode", p): p for p in precisions}
    return [_compared(stage, row, of_row[name]) for name, row in rows.items()]


def first_masks(stage: Stage) -> list[Row]:
    """``first_mask_*``: encode and the first click."""
    turns = stage.settings.rounds
    asks = Asks(stage, stage.photos, turns + 1)
    theirs = partial(_first_of_theirs, stage, asks)
    entries = [
        Entry(stage.name("first_mask", p), partial(_first_of_ours, stage, asks, p), theirs, _FIRST)
        for p in stage.settings.precisions
    ]
    return stage.contest(entries, turns)


def _compared(stage: Stage, row: Row, precision: str) -> Row:
    photos = stage.photos[:1] if stage.settings.quick else stage.photos[:_MOST_COMPARED]
    asks = []
    for photo in photos:
        for gesture in photo.hand.script(_CLICKS).gestures:
            asks += [Ask(photo, PromptSet((gesture.click,))), Ask(photo, PromptSet(box=gesture.box))]
    found = agreement(stage, stage.ours(precision), asks)
    words = f"compared on {counted(len(photos), 'photo')}"
    return found.told(row, exact=precision == FP32).having(words, photos_compared=len(photos))


def _encode(stage: Stage, precision: str, turn: int) -> Timing:
    return stage.ours(precision).encode(stage.photos[turn % len(stage.photos)])


def _set_image(stage: Stage, turn: int) -> Timing:
    return stage.reference.encode(stage.photos[turn % len(stage.photos)])


def _first_of_ours(stage: Stage, asks: Asks, precision: str, turn: int) -> Timing:
    ask = asks.at(turn, "point")
    return stage.ours(precision).first_mask(ask.photo, ask.prompts, turn)


def _first_of_theirs(stage: Stage, asks: Asks, turn: int) -> Timing:
    ask = asks.at(turn, "point")
    return stage.reference.first_mask(ask.photo, ask.prompts, turn)
