"""A dataset of 100,000 images and a million annotations: opened, searched and reviewed in the real window."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from samdesk.bench.scale_store import ScaleSize
from samdesk.bench.subprocess import run_in_subprocess
from samdesk.bench.versus.context import BenchContext
from samdesk.bench.versus.rows import BenchRow

_OPEN, _SEARCH, _COUNT = "scale_open", "scale_search", "scale_count"
_START, _NEXT = "scale_review_start", "scale_review_next"
_SHEET, _FRAME = "scale_sheet_open", "scale_sheet_frame"
NAMES = (_OPEN, _SEARCH, _COUNT, _START, _NEXT, _SHEET, _FRAME)
_STEPS = 10_000


def scale(context: BenchContext) -> list[BenchRow]:
    """``scale_...``: times without a counterpart of Ultralytics'.

    The dataset takes some minutes to make and 1.5 GB, so they are measured only if they are asked for.
    """
    if not (context.settings.only or context.settings.quick):
        return []
    if not context.selects([*map(context.name, NAMES)]):
        return []
    try:
        from samdesk.bench.scale_work import ScaleWork, measure_scale  # they need Qt
    except ModuleNotFoundError as error:
        note = f"skipped: {error.name} is not installed, which the window needs"
        return [BenchRow(context.name(name), None, None, note) for name in NAMES]
    images = context.settings.scale_images
    size = ScaleSize(images, 10 * images, min(_STEPS, images))
    work = ScaleWork(repeats=1, reviewed=3, scrolled=10) if context.settings.quick else ScaleWork()
    found = run_in_subprocess(measure_scale, context.scratch / "scale", size, work)
    what = f"{images:,} images, {10 * images:,} annotations, an undo log of {size.steps:,} steps"
    rows = [
        BenchRow(
            context.name(_OPEN), found.opened, None, f"opened, until the first image is shown: {what}",
            f"{found.resident_mb:,.0f} MB resident at most, without a model", {"times": 1},
        ),
        _slowest(context.name(_SEARCH), found.searches, "the slowest search: its first page and its total"),
        _slowest(context.name(_COUNT), found.counts, "the slowest search: images and annotations counted"),
        BenchRow(
            context.name(_START), found.review_start, None, "a review begins: to the most doubtful", "",
            {"times": 1},
        ),
        _medians(context.name(_NEXT), found.review_next, "to the next of a review, after a decision"),
        BenchRow(
            context.name(_SHEET), found.sheet_open, None, "the contact sheet: its first crops are shown", "",
            {"times": 1},
        ),
        _medians(
            context.name(_FRAME), found.sheet_frames,
            f"a frame of the scrolling contact sheet: {found.sheet_rows:,} annotations, 1920 x 1080",
        ),
    ]  # fmt: skip
    return [row for row in rows if context.settings.selects(row.name)]


def _slowest(name: str, times: Mapping[str, Sequence[float]], note: str) -> BenchRow:
    medians = {text: float(np.median(some)) for text, some in times.items()}
    slowest = max(medians, key=medians.__getitem__)
    usual = float(np.median(list(medians.values())))
    remark = f"{slowest!r}; median of {len(medians)} searches {usual:,.0f} ms"
    return BenchRow(name, medians[slowest], None, note, remark, {"times": len(medians)})


def _medians(name: str, times: Sequence[float], note: str) -> BenchRow:
    if not times:
        return BenchRow(name, None, None, f"skipped: nothing to review; {note}")
    remark = f"{max(times):,.0f} ms at the longest, {len(times)} times"
    extra = {"times": len(times), "samdesk_p95_ms": float(np.percentile(times, 95))}
    return BenchRow(name, float(np.median(times)), None, note, remark, extra)
