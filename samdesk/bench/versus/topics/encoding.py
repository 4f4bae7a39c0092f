"""An image that is not encoded yet: the time of the encoder, and the time to the first mask."""

from __future__ import annotations

from functools import partial

from samdesk.base.text import counted
from samdesk.bench.versus.agreement import agreement
from samdesk.bench.versus.context import BenchContext
from samdesk.bench.versus.rows import BenchRow, RowSpec
from samdesk.bench.versus.schedule import PromptCase, PromptSchedule
from samdesk.bench.versus.settings import FP32
from samdesk.bench.versus.timing import Timing
from samdesk.domain.prompts import PromptSet

_MAX_COMPARED = 20
_CLICKS = 2
_ENCODE = "from pixels in memory; Ultralytics: set_image"
_FIRST = "encode, one click, 3 outlines; Ultralytics: set_image, one click, 3 masks of the image's size"


def encodes(context: BenchContext) -> list[BenchRow]:
    """``encode_*``, with the IoU of masks decoded from the embeddings."""
    reference = partial(_set_image, context)
    precisions = context.settings.precisions
    specs = [
        RowSpec(context.name("encode", p), partial(_encode, context, p), reference, _ENCODE)
        for p in precisions
    ]
    rows = {row.name: row for row in context.contest(specs, context.settings.rounds)}
    of_row = {context.name("encode", p): p for p in precisions}
    return [_compare(context, row, of_row[name]) for name, row in rows.items()]


def first_masks(context: BenchContext) -> list[BenchRow]:
    """``first_mask_*``: encode and the first click."""
    turns = context.settings.rounds
    schedule = PromptSchedule(context, context.images, turns + 1)
    reference = partial(_reference_first_mask, context, schedule)
    specs = [
        RowSpec(
            context.name("first_mask", p),
            partial(_samdesk_first_mask, context, schedule, p),
            reference,
            _FIRST,
        )
        for p in context.settings.precisions
    ]
    return context.contest(specs, turns)


def _compare(context: BenchContext, row: BenchRow, precision: str) -> BenchRow:
    images = context.images[:1] if context.settings.quick else context.images[:_MAX_COMPARED]
    schedule = []
    for image in images:
        for interaction in image.sampler.sample(_CLICKS).interactions:
            schedule += [
                PromptCase(image, PromptSet((interaction.click,))),
                PromptCase(image, PromptSet(box=interaction.box)),
            ]
    found = agreement(context, context.samdesk(precision), schedule)
    remark = f"compared on {counted(len(images), 'image')}"
    return found.add_to(row, with_logits=precision == FP32).extended(remark, photos_compared=len(images))


def _encode(context: BenchContext, precision: str, turn: int) -> Timing:
    return context.samdesk(precision).encode(context.images[turn % len(context.images)])


def _set_image(context: BenchContext, turn: int) -> Timing:
    return context.reference.encode(context.images[turn % len(context.images)])


def _samdesk_first_mask(context: BenchContext, schedule: PromptSchedule, precision: str, turn: int) -> Timing:
    case = schedule.at(turn, "point")
    return context.samdesk(precision).first_mask(case.image, case.prompts, turn)


def _reference_first_mask(context: BenchContext, schedule: PromptSchedule, turn: int) -> Timing:
    case = schedule.at(turn, "point")
    return context.reference.first_mask(case.image, case.prompts, turn)
