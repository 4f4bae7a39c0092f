"""A busy machine: the same operations beside none, one and two busy processes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from samdesk.base.child_process import environment
from samdesk.base.environment import as_user_set
from samdesk.bench.busy.busy_processes import busy_processes
from samdesk.bench.busy.operations import (
    CLICK,
    DETECT,
    ENCODE,
    HOVER,
    BusyInput,
    time_samdesk,
    time_ultralytics,
)
from samdesk.bench.subprocess import Subprocess
from samdesk.bench.versus.context import BenchContext
from samdesk.bench.versus.rows import BenchRow, RowSpec
from samdesk.bench.versus.timing import Timing
from samdesk.engine.models.registry import FLINT
from samdesk.engine.models.weights import find

_TURNS_PER_ROUND = 3
_NOTES = {
    CLICK: "one click",
    HOVER: "a moving point, one mask",
    ENCODE: "from pixels in memory; Ultralytics: set_image",
    DETECT: "objects of one image; Ultralytics: YOLO11n",
}


_BESIDE = "; beside as many busy processes as the name says, each side in a process with its own defaults"


@dataclass(frozen=True)
class _Operation:
    name: str
    model: str
    beside: bool
    """Whether Ultralytics has a counterpart."""


def busy(context: BenchContext) -> list[BenchRow]:
    """``busy_0_click``, ``busy_1_click_flint``, ...: the number is that of the busy processes."""
    operations = _operations(context.settings.quick)
    named = {(n, o): _name(context, n, o) for n in context.settings.busy_processes for o in operations}
    if not context.selects(list(named.values())):
        return []
    image = context.images[0].path
    assert image is not None, "the images of a comparison are files"
    settings = context.settings
    given = BusyInput(context.checkpoint, image, settings.device, settings.best)
    rows: dict[str, BenchRow] = {}
    with Subprocess() as ours, Subprocess(environment(as_user_set())) as theirs:
        for count in settings.busy_processes:
            specs = [_spec(named[count, each], each, given, ours, theirs) for each in operations]
            with busy_processes(count):
                found = context.contest(specs, settings.turns_for(_TURNS_PER_ROUND))
            rows.update({row.name: row for row in found})
    return [_with_slowdown(rows[n], rows.get(named[0, o])) for (_, o), n in named.items() if n in rows]


def _operations(quick: bool) -> list[_Operation]:
    prompts = (CLICK,) if quick else (CLICK, HOVER, ENCODE)
    found = [_Operation(name, "", True) for name in prompts]
    if find(FLINT) is not None:
        found += [_Operation(name, FLINT, name == DETECT) for name in (*prompts, DETECT)]
    return found


def _name(context: BenchContext, count: int, operation: _Operation) -> str:
    name = f"busy_{count}_{operation.name}"
    return f"{name}_{operation.model}" if operation.model else context.name(name)


def _spec(
    name: str, operation: _Operation, given: BusyInput, ours: Subprocess, theirs: Subprocess
) -> RowSpec:
    samdesk = partial(_call, ours, time_samdesk, given, operation.model, operation.name)
    reference = partial(_call, theirs, time_ultralytics, given, operation.name)
    return RowSpec(name, samdesk, reference if operation.beside else None, _NOTES[operation.name] + _BESIDE)


def _call(process: Subprocess, work: Callable[..., Timing], *arguments: object) -> Timing:
    return process.call(work, *arguments)


def _with_slowdown(row: BenchRow, quiet: BenchRow | None) -> BenchRow:
    """Returns the row with its times relative to those without busy processes."""
    if quiet is None or quiet is row or not quiet.samdesk_ms or row.samdesk_ms is None:
        return row
    ours = row.samdesk_ms / quiet.samdesk_ms
    remark, extra = f"{ours:.1f} times as long as without", {"samdesk_slowdown": ours}
    if quiet.reference_ms and row.reference_ms is not None:
        extra["reference_slowdown"] = row.reference_ms / quiet.reference_ms
        remark += f", Ultralytics {extra['reference_slowdown']:.1f} times"
    return row.extended(remark, **extra)
