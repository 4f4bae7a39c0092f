"""Small objects in large images: what auto-annotate finds with tiles and without."""

from __future__ import annotations

from dataclasses import replace

from samdesk.batch.plan import AutoAnnotatePlan
from samdesk.bench.auto_annotate.mosaics import SIDE, SMALL, annotate_mosaics, mosaics
from samdesk.bench.effort.truth import TruthError, read_truth
from samdesk.bench.versus.context import BenchContext
from samdesk.bench.versus.rows import BenchRow
from samdesk.engine.models import weights
from samdesk.engine.models.load import load_detector, load_predictor
from samdesk.engine.models.registry import FLINT

TILE = 640
_DETECTOR = "yolo11n.pt"
_NOTE = f"auto-annotate of a mosaic of {SIDE} px, made of the images, with Flint's masks"


def tiles(context: BenchContext) -> list[BenchRow]:
    """``tiles``: the time, and the recall of objects that are small at the detector's input, with both."""
    name = "tiles"
    path = context.images[0].path
    if not context.selects([name]) or context.settings.quick or path is None:
        return []
    try:
        truth = read_truth(path.parent)
    except TruthError:
        return []
    device = context.settings.device
    detector = load_detector(_DETECTOR if weights.find(_DETECTOR) else FLINT, device)
    predictor = load_predictor(FLINT, device)
    made = mosaics(truth, 1)
    plan = AutoAnnotatePlan()
    context.on_step(0, 2)
    whole = annotate_mosaics(made, detector, predictor, plan)
    context.on_step(1, 2)
    tiled = annotate_mosaics(made, detector, predictor, replace(plan, tile=TILE))
    context.on_step(2, 2)
    remark = (
        f"{detector.info.name}, tiles of {TILE} px: of {tiled.small} objects under {SMALL} px at the "
        f"detector's input {tiled.small_found} found, without tiles {whole.small_found}; of all {tiled.all} "
        f"{tiled.all_found} and {whole.all_found}; doubles {tiled.doubles}, found twice {tiled.twice}; "
        f"without tiles it takes {whole.seconds:.1f} s"
    )
    row = BenchRow(name, tiled.seconds * 1e3, None, _NOTE)
    return [
        row.extended(
            remark,
            small_recall=tiled.small_recall,
            small_recall_untiled=whole.small_recall,
            untiled_ms=whole.seconds * 1e3,
            recall=tiled.recall,
            recall_untiled=whole.recall,
            doubles=tiled.doubles,
            found_twice=tiled.twice,
        )
    ]
