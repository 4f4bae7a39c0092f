"""The real window in separate processes: its start, and the largest pause of its main thread."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from samdesk.bench.subprocess import run_in_subprocess
from samdesk.bench.versus.context import BenchContext
from samdesk.bench.versus.rows import BenchRow
from samdesk.bench.versus.variants import write_variants

if TYPE_CHECKING:
    from samdesk.bench.heartbeat import HeartbeatReport
    from samdesk.bench.start import StartStage

_IMAGES = 24
_STARTS = 5
_NOTE = (
    "largest gap between two beats of a 5 ms timer on the main thread: mouse at 60 Hz, clicks, image changes"
)


def gaps(context: BenchContext) -> list[BenchRow]:
    """``heartbeat_gap_max``: a time without a counterpart of Ultralytics'."""
    name = context.name("heartbeat_gap_max")
    if not context.selects([name]):
        return []
    try:
        import samdesk.bench.heartbeat  # noqa: F401 - it needs Qt
    except ModuleNotFoundError as error:
        return [BenchRow(name, None, None, f"skipped: {error.name} is not installed, which the window needs")]
    folder = write_variants(context.images, _IMAGES, context.scratch / "window")
    context.on_step(0, 1)
    report = run_in_subprocess(
        _measure_heartbeat,
        folder,
        context.best.predictor.info.path,
        context.settings.heartbeat_s,
        context.checkpoint.random,
    )
    context.on_step(1, 1)
    working = np.array(report.phases[-1].gaps_ms or [0.0])
    starting = np.array(report.phases[0].gaps_ms or [0.0])
    counts = ", ".join(f"{count} {what}" for what, count in report.counts.items())
    remark = f"meanwhile: {counts}; while the model was loading {starting.max():.0f} ms"
    row = BenchRow(name, float(working.max()), None, _NOTE)
    return [
        row.extended(
            "; ".join([remark, *report.failures]),
            times=len(working),
            samdesk_p95_ms=float(np.percentile(working, 95)),
            samdesk_p99_ms=float(np.percentile(working, 99)),
            starting_gap_max_ms=float(starting.max()),
        )
    ]


def starts(context: BenchContext) -> list[BenchRow]:
    """``start_window``, ``start_first_image``, ``start_first_click``: from a new process, with Flint."""
    stages = ("window", "first image", "first click")
    names = {stage: context.name(f"start_{stage.replace(' ', '_')}") for stage in stages}
    if not context.selects(list(names.values())):
        return []
    try:
        import PySide6  # noqa: F401

        from samdesk.bench.start import measure_start
    except ModuleNotFoundError as error:
        note = f"skipped: {error.name} is not installed, which the window needs"
        return [BenchRow(name, None, None, note) for name in names.values()]
    times = 1 if context.settings.quick else _STARTS
    runs = []
    for number in range(times):
        context.on_step(number, times)
        folder, home = (context.scratch / f"start-{part}-{number}" for part in ("images", "home"))
        home.mkdir()
        write_variants(context.images, 2, folder)
        runs.append(measure_start(folder, home))
        shutil.rmtree(folder)
    context.on_step(times, times)
    return [_start_row(name, [run[stage] for run in runs]) for stage, name in names.items()]


def _start_row(name: str, stages: Sequence[StartStage]) -> BenchRow:
    seconds, cpu, resident = (
        np.array([getattr(stage, field) for stage in stages])
        for field in ("seconds", "cpu_seconds", "resident_mb")
    )
    row = BenchRow(name, float(np.median(seconds)) * 1e3, None, "from the start of a new process, with Flint")
    remark = f"{np.median(cpu):.1f} s of processor time, {np.median(resident):,.0f} MB resident"
    return row.extended(
        remark,
        times=len(stages),
        samdesk_p95_ms=float(np.percentile(seconds, 95)) * 1e3,
        cpu_seconds=float(np.median(cpu)),
        resident_mb=float(np.median(resident)),
    )


def _measure_heartbeat(folder: Path, model: str, seconds: float, plausible: bool) -> HeartbeatReport:
    from samdesk.bench import heartbeat
    from samdesk.bench.simulated_user import ActionIntervals

    intervals = ActionIntervals(move_ms=16, action_ms=300, page_ms=700)
    return heartbeat.measure(folder, model, seconds=seconds, plausible=plausible, intervals=intervals)
