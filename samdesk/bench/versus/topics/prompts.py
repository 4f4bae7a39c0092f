"""The next mask of an image that is encoded: a click, a box, three clicks on the last mask, a hover."""

from __future__ import annotations

from functools import partial

from samdesk.bench.versus.agreement import agreement, of_decoder
from samdesk.bench.versus.contest import Timing
from samdesk.bench.versus.gestures import HOVER, KINDS, Asks, Kind
from samdesk.bench.versus.rows import Entry, Row
from samdesk.bench.versus.settings import FP32
from samdesk.bench.versus.stage import Stage

_OFTEN = 8
_NOTES = {
    "point": "one click",
    "box": "a box",
    "points_mask": "3 clicks and the mask before",
    HOVER: "a click that moves; one mask is outlined here and asked for there",
}
_MASK = "samdesk: 3 masks and their outlines; Ultralytics: 3 masks of the photo"
_DECODER = (
    "samdesk: predict(); reference: the stock prompt encoder and mask decoder alone, called as Meta does"
)


def next_masks(stage: Stage) -> list[Row]:
    """``next_mask_*`` and ``hover_*``: from the prompt to what each side shows."""
    turns = stage.settings.often(_OFTEN)
    asks = Asks(stage, stage.photos, turns + 1)
    entries = []
    for kind in (*KINDS, HOVER):
        figure = HOVER if kind == HOVER else f"next_mask_{kind}"
        note = _NOTES[kind] if kind == HOVER else f"{_NOTES[kind]}; {_MASK}"
        theirs = partial(_theirs, stage, asks, kind)
        entries += [
            Entry(stage.name(figure, p), partial(_ours, stage, asks, kind, p), theirs, note)
            for p in stage.settings.precisions
        ]
    rows = [row.with_networks() for row in stage.contest(entries, turns)]
    return _compared(stage, asks, "next_mask", rows)


def decoders(stage: Stage) -> list[Row]:
    """``decoder_*``: the same without all that comes after the network, and before it."""
    turns = stage.settings.often(_OFTEN // 2)
    asks = Asks(stage, stage.photos, turns + 1)
    entries = []
    for kind in KINDS:
        stock = partial(_stock, stage, asks, kind)
        entries += [
            Entry(
                stage.name(f"decoder_{kind}", p),
                partial(_decoder, stage, asks, kind, p),
                stock,
                f"{_NOTES[kind]}; {_DECODER}",
            )
            for p in stage.settings.precisions
        ]
    return _compared(stage, asks, "decoder", stage.contest(entries, turns))


def _ours(stage: Stage, asks: Asks, kind: Kind, precision: str, turn: int) -> Timing:
    ask, ours = asks.at(turn, kind), stage.ours(precision)
    return ours.mask(ours.embedding(ask.photo), ask.prompts, turn, outlines=1 if kind == HOVER else 3)


def _theirs(stage: Stage, asks: Asks, kind: Kind, turn: int) -> Timing:
    ask = asks.at(turn, kind)
    return stage.reference.mask(ask.photo, ask.prompts, turn, multimask=kind != HOVER)


def _decoder(stage: Stage, asks: Asks, kind: Kind, precision: str, turn: int) -> Timing:
    ask, ours = asks.at(turn, kind), stage.ours(precision)
    return ours.decoder(ours.embedding(ask.photo), ask.prompts)


def _stock(stage: Stage, asks: Asks, kind: Kind, turn: int) -> Timing:
    ask = asks.at(turn, kind)
    return stage.stock.logits(stage.stock_features(ask.photo), ask.prompts, ask.photo.hw)[2]


def _compared(stage: Stage, asks: Asks, figure: str, rows: list[Row]) -> list[Row]:
    """The rows with what their masks have to do with the stock network's."""
    of_row = {
        stage.name(f"{figure}_{kind}", precision): (kind, precision)
        for kind in KINDS
        for precision in stage.settings.precisions
    }
    return [_told(stage, asks, row, *of_row[row.name]) if row.name in of_row else row for row in rows]


def _told(stage: Stage, asks: Asks, row: Row, kind: Kind, precision: str) -> Row:
    some = asks.spread(stage.settings.compared, kind)
    row = agreement(stage, stage.ours(precision), some).told(row, exact=precision == FP32)
    alone = None if precision == FP32 else of_decoder(stage, stage.ours(precision), some)
    if alone is None:
        return row
    return row.having(
        f"from the fp32 embedding {alone.iou_median:.4f} median, {min(alone.ious):.4f} least",
        decoder_iou_median=alone.iou_median,
        decoder_iou_min=min(alone.ious),
    )
