"""Frames of the canvas in a separate process: from an input event until it is painted."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from samdesk.bench.subprocess import Subprocess
from samdesk.bench.versus.context import BenchContext
from samdesk.bench.versus.rows import BenchRow

_SIZES = {"1080p": (1920, 1080), "2160p": (3840, 2160)}
_NOTES = {
    "brush": "an event of a stroke on a region of {vertices:,} vertices: the slowest of the brush sizes",
    "vertex": "an event while a vertex of {vertices:,} is dragged",
    "cut": "a region of {vertices:,} vertices is cut in two, until it is painted",
    "merge": "two regions of {vertices:,} vertices together are merged, until it is painted",
    "grow": "a region of {vertices:,} vertices grows by a pixel, until it is painted",
    "pan": "an image of 24 MP with {annotations:,} annotations is moved",
    "zoom": "an image of 24 MP with {annotations:,} annotations is zoomed",
    "crowd_hover": "the cursor moves over {crowd:,} annotations",
    "crowd_select": "one of {crowd:,} annotations is selected by a click, until it is painted",
}


def frames(context: BenchContext) -> list[BenchRow]:
    """``frames_...``: times without a counterpart of Ultralytics'."""
    names = {size: [context.name(f"frames_{what}_{size}") for what in _NOTES] for size in _SIZES}
    wanted = [size for size in _SIZES if context.selects(names[size])]
    if not wanted:
        return []
    try:
        from samdesk.bench.frames import FrameScene, measure_frames
    except ModuleNotFoundError as error:
        note = f"skipped: {error.name} is not installed, which the window needs"
        return [BenchRow(name, None, None, note) for size in wanted for name in names[size]]
    quick = FrameScene(640, 360, vertices=300, annotations=40, crowd=80, events=6, scale=0.1)
    rows = []
    with Subprocess() as process:
        for number, size in enumerate(wanted):
            context.on_step(number, len(wanted))
            scene = quick if context.settings.quick else FrameScene(*_SIZES[size])
            found = process.call(measure_frames, scene)
            notes = {
                what: text.format(vertices=scene.vertices, annotations=scene.annotations, crowd=scene.crowd)
                for what, text in _NOTES.items()
            }
            rows += [_row(context.name(f"frames_{what}_{size}"), what, found, notes[what]) for what in notes]
    context.on_step(len(wanted), len(wanted))
    return [row for row in rows if context.settings.selects(row.name)]


def _row(name: str, what: str, found: Mapping[str, Sequence[float]], note: str) -> BenchRow:
    if what == "brush":
        by_size = {kind.split()[1]: times for kind, times in found.items() if kind.startswith("brush ")}
        medians = {size: float(np.median(times)) for size, times in by_size.items()}
        slowest = max(medians, key=lambda size: medians[size])
        remark = "by size: " + ", ".join(f"{size} px {ms:.1f} ms" for size, ms in medians.items())
        return _medians(name, by_size[slowest], note).extended(remark)
    return _medians(name, found[what.replace("_", " ")], note)


def _medians(name: str, times: Sequence[float], note: str) -> BenchRow:
    p95 = float(np.percentile(times, 95))
    return BenchRow(
        name,
        float(np.median(times)),
        None,
        note,
        f"p95 {p95:.1f} ms, {max(times):.1f} ms at the longest, {len(times)} times",
        {"times": len(times), "samdesk_p95_ms": p95},
    )
