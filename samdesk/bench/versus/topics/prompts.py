"""The next mask of an encoded image: a click, a box, three points with the previous mask, a hover."""

from __future__ import annotations

from functools import partial

from samdesk.bench.versus.agreement import agreement, decoder_agreement
from samdesk.bench.versus.context import BenchContext
from samdesk.bench.versus.rows import BenchRow, RowSpec
from samdesk.bench.versus.schedule import HOVER, KINDS, Kind, PromptSchedule
from samdesk.bench.versus.settings import FP32
from samdesk.bench.versus.timing import Timing

_TURNS_PER_ROUND = 8
_NOTES = {
    "point": "one click",
    "box": "a box",
    "points_mask": "3 points and the previous mask",
    HOVER: "a moving point; samdesk outlines one mask, Ultralytics predicts one",
}
_MASK = "samdesk: 3 masks and their outlines; Ultralytics: 3 masks of the image's size"
_DECODER = "samdesk: predict(); reference: the stock prompt encoder and mask decoder alone, called as by Meta"


def next_masks(context: BenchContext) -> list[BenchRow]:
    """``next_mask_*`` and ``hover_*``: from the prompt to each side's displayable result."""
    turns = context.settings.turns_for(_TURNS_PER_ROUND)
    schedule = PromptSchedule(context, context.images, turns + 1)
    specs = []
    for kind in (*KINDS, HOVER):
        figure = HOVER if kind == HOVER else f"next_mask_{kind}"
        note = _NOTES[kind] if kind == HOVER else f"{_NOTES[kind]}; {_MASK}"
        reference = partial(_reference, context, schedule, kind)
        specs += [
            RowSpec(context.name(figure, p), partial(_samdesk, context, schedule, kind, p), reference, note)
            for p in context.settings.precisions
        ]
    rows = [row.with_network_times() for row in context.contest(specs, turns)]
    return _compare(context, schedule, "next_mask", rows)


def decoders(context: BenchContext) -> list[BenchRow]:
    """``decoder_*``: the same without pre- and post-processing."""
    turns = context.settings.turns_for(_TURNS_PER_ROUND // 2)
    schedule = PromptSchedule(context, context.images, turns + 1)
    specs = []
    for kind in KINDS:
        stock = partial(_stock, context, schedule, kind)
        specs += [
            RowSpec(
                context.name(f"decoder_{kind}", p),
                partial(_decoder, context, schedule, kind, p),
                stock,
                f"{_NOTES[kind]}; {_DECODER}",
            )
            for p in context.settings.precisions
        ]
    return _compare(context, schedule, "decoder", context.contest(specs, turns))


def _samdesk(
    context: BenchContext, schedule: PromptSchedule, kind: Kind, precision: str, turn: int
) -> Timing:
    case, samdesk = schedule.at(turn, kind), context.samdesk(precision)
    return samdesk.mask(samdesk.embedding(case.image), case.prompts, turn, outlines=1 if kind == HOVER else 3)


def _reference(context: BenchContext, schedule: PromptSchedule, kind: Kind, turn: int) -> Timing:
    case = schedule.at(turn, kind)
    return context.reference.mask(case.image, case.prompts, turn, multimask=kind != HOVER)


def _decoder(
    context: BenchContext, schedule: PromptSchedule, kind: Kind, precision: str, turn: int
) -> Timing:
    case, samdesk = schedule.at(turn, kind), context.samdesk(precision)
    return samdesk.decoder(samdesk.embedding(case.image), case.prompts)


def _stock(context: BenchContext, schedule: PromptSchedule, kind: Kind, turn: int) -> Timing:
    case = schedule.at(turn, kind)
    return context.stock.logits(context.stock_features(case.image), case.prompts, case.image.hw)[2]


def _compare(
    context: BenchContext, schedule: PromptSchedule, figure: str, rows: list[BenchRow]
) -> list[BenchRow]:
    """Returns the rows with the agreement of their masks with the stock network's."""
    of_row = {
        context.name(f"{figure}_{kind}", precision): (kind, precision)
        for kind in KINDS
        for precision in context.settings.precisions
    }
    return [
        _with_results(context, schedule, row, *of_row[row.name]) if row.name in of_row else row
        for row in rows
    ]


def _with_results(
    context: BenchContext, schedule: PromptSchedule, row: BenchRow, kind: Kind, precision: str
) -> BenchRow:
    cases = schedule.spread(context.settings.compared, kind)
    row = agreement(context, context.samdesk(precision), cases).add_to(row, with_logits=precision == FP32)
    alone = None if precision == FP32 else decoder_agreement(context, context.samdesk(precision), cases)
    if alone is None:
        return row
    return row.extended(
        f"from the fp32 embedding {alone.iou_median:.4f} median, {min(alone.ious):.4f} least",
        decoder_iou_median=alone.iou_median,
        decoder_iou_min=min(alone.ious),
    )
