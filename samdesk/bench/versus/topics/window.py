"""The real window in a process of its own: does its main thread ever wait?"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from samdesk.bench import heartbeat
from samdesk.bench.simulated_user import ActionIntervals
from samdesk.bench.versus.rows import Row
from samdesk.bench.versus.stage import Stage
from samdesk.bench.versus.subprocess import aside
from samdesk.bench.versus.variants import write_variants

_PHOTOS = 24
_INTERVALS = ActionIntervals(move_ms=16, action_ms=300, page_ms=700)
_NOTE = (
    "largest gap between two beats of a 5 ms timer on the main thread: mouse at 60 Hz, clicks, pages turned"
)


def gaps(stage: Stage) -> list[Row]:
    """``heartbeat_gap_max``: a time, though not one to be divided by Ultralytics'."""
    name = stage.name("heartbeat_gap_max")
    if not stage.wants([name]):
        return []
    folder = write_variants(stage.photos, _PHOTOS, stage.scratch / "window")
    stage.on_step(0, 1)
    report = aside(
        _listened, folder, stage.best.predictor.info.path, stage.settings.beat_s, stage.checkpoint.random
    )
    stage.on_step(1, 1)
    working = np.array(report.phases[-1].gaps_ms or [0.0])
    starting = np.array(report.phases[0].gaps_ms or [0.0])
    counts = ", ".join(f"{count} {what}" for what, count in report.counts.items())
    words = f"meanwhile: {counts}; while the model was loading {starting.max():.0f} ms"
    row = Row(name, float(working.max()), None, _NOTE)
    return [
        row.having(
            "; ".join([words, *report.failures]),
            times=len(working),
            samdesk_p95_ms=float(np.percentile(working, 95)),
            samdesk_p99_ms=float(np.percentile(working, 99)),
            starting_gap_max_ms=float(starting.max()),
        )
    ]


def _listened(folder: Path, model: str, seconds: float, plausible: bool) -> heartbeat.HeartbeatReport:
    return heartbeat.measure(folder, model, seconds=seconds, plausible=plausible, intervals=_INTERVALS)
