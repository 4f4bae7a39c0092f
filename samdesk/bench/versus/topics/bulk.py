"""Work on many images and many annotations in the real window, in a separate process."""

from __future__ import annotations

from collections.abc import Callable, Sequence

import numpy as np

from samdesk.bench.subprocess import Subprocess
from samdesk.bench.versus.context import BenchContext
from samdesk.bench.versus.rows import BenchRow

_OPENED = 5
"""Images of the folder that is opened, for each label file that is renumbered."""
_RENUMBERING = ("bulk_renumber_new", "bulk_renumber_read", "bulk_next_image")
_CROWDED = ("bulk_save_one", "bulk_delete_all_gap", "bulk_undo_gap")
_FIRST = "bulk_first_image"


def bulk(context: BenchContext) -> list[BenchRow]:
    """``bulk_...``: times without a counterpart of Ultralytics'."""
    parts: dict[tuple[str, ...], Callable[[BenchContext, Subprocess], list[BenchRow]]] = {
        _RENUMBERING: _renumbering,
        _CROWDED: _crowded,
        (_FIRST,): _opening,
    }
    wanted = {names: part for names, part in parts.items() if context.selects([*map(context.name, names)])}
    if not wanted:
        return []
    try:
        import samdesk.bench.bulk_work  # noqa: F401 - it needs Qt
    except ModuleNotFoundError as error:
        note = f"skipped: {error.name} is not installed, which the window needs"
        return [BenchRow(context.name(name), None, None, note) for names in wanted for name in names]
    rows = []
    with Subprocess() as process:
        for number, part in enumerate(wanted.values()):
            context.on_step(number, len(wanted))
            rows += part(context, process)
    context.on_step(len(wanted), len(wanted))
    return [row for row in rows if context.settings.selects(row.name)]


def _renumbering(context: BenchContext, process: Subprocess) -> list[BenchRow]:
    from samdesk.bench.bulk_work import measure_renumbering

    count = context.settings.bulk_files
    found = process.call(measure_renumbering, context.scratch / "renumbering", count)
    new, read, following = map(context.name, _RENUMBERING)
    return [
        _once(new, found.new_s * 1e3, f"{count:,} label files never read before are given other class ids")
        .extended(f"{count / found.new_s:,.0f} files/s"),
        _once(read, found.read_s * 1e3, f"{count:,} label files are given other class ids once more")
        .extended(f"{count / found.read_s:,.0f} files/s"),
        _medians(following, found.next_image_ms, "to the next image while these files are being written"),
    ]  # fmt: skip


def _crowded(context: BenchContext, process: Subprocess) -> list[BenchRow]:
    from samdesk.bench.bulk_work import measure_many_annotations

    count = context.settings.bulk_annotations
    found = process.call(measure_many_annotations, context.scratch / "crowded", count)
    one, deleted, undone = map(context.name, _CROWDED)
    gap = f"largest gap between two beats of a 5 ms timer on the main thread: all {count:,} annotations"
    return [
        _medians(one, found.saved_ms, f"one of {count:,} annotations is deleted and saved"),
        _once(deleted, found.delete_gap_ms, f"{gap} are deleted"),
        _once(undone, found.undo_gap_ms, f"{gap} are brought back"),
    ]


def _opening(context: BenchContext, process: Subprocess) -> list[BenchRow]:
    from samdesk.bench.bulk_work import measure_opening

    count = _OPENED * context.settings.bulk_files
    ms = process.call(measure_opening, context.scratch / "opening", count)
    return [_once(context.name(_FIRST), ms, f"a folder of {count:,} images with label files is opened")]


def _once(name: str, ms: float, note: str) -> BenchRow:
    return BenchRow(name, ms, None, note, extra={"times": 1})


def _medians(name: str, times: Sequence[float], note: str) -> BenchRow:
    return BenchRow(
        name,
        float(np.median(times)),
        None,
        note,
        f"{max(times):,.0f} ms at the longest, {len(times)} times",
        {"times": len(times), "samdesk_p95_ms": float(np.percentile(times, 95))},
    )
