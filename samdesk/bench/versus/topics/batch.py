"""Whole auto-annotate runs: image files in, label files out."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np

from samdesk.base.child_process import environment
from samdesk.base.environment import as_user_set
from samdesk.bench.auto_annotate.device import DeviceTiming, time_on_device
from samdesk.bench.auto_annotate.sides import (
    LOOP,
    PIPELINE,
    RunInput,
    RunTiming,
    compare_masks,
    time_samdesk,
    time_ultralytics,
)
from samdesk.bench.seeded import Checkpoint
from samdesk.bench.subprocess import Subprocess, run_in_subprocess
from samdesk.bench.versus.context import BenchContext
from samdesk.bench.versus.rows import BenchRow
from samdesk.bench.versus.settings import AUTO, FP32
from samdesk.bench.versus.timing import Timing, take_turns
from samdesk.bench.versus.variants import write_variants
from samdesk.engine.flint.detector import build_yolo, read_yolo
from samdesk.engine.models.registry import FLINT
from samdesk.engine.models.weights import find
from samdesk.engine.runtime.device import cores

_DETECTOR = "yolo11n.pt"
_ENCODERS_MS = (12, 60)
_COMPARED = 8
_NOTE = "an image of a whole run, YOLO11n and the mask model, without loading them"
_AS_GIVEN = "Ultralytics' auto_annotate as its user gets it, in a process of its own; its score filter off"
_ALL_CORES = "the same beside Ultralytics' auto_annotate with a thread for every core"
_NO_GPU = "skipped: no CUDA GPU here; with --device cuda the rows of whole runs are measured on it"
_BESIDE_RUN = "a click in the window during a run, after the mouse was moved there"
_TRIALS = 12
_ON_DEVICE = "stand-in networks that hold a device: detector 8 ms, decoder 3 ms, encoder as the name says"


def batch(context: BenchContext) -> list[BenchRow]:
    """``batch``, ``batch_fp32``, ``batch_all_cores``, ..., ``batch_flint``, ``batch_device_12``, ..."""
    runs = {p: (_name(context, "batch", p), _name(context, "batch_all_cores", p)) for p in (AUTO, FP32)}
    if context.settings.quick and not context.settings.only:  # each side starts processes of its own
        return [_device(context, _ENCODERS_MS[0])]
    rows: list[BenchRow] = []
    wanted = {p: names for p, names in runs.items() if p in context.settings.precisions}
    wanted = {p: names for p, names in wanted.items() if context.selects(names)}
    if wanted:
        rows += _beside_ultralytics(context, wanted)
    if find(FLINT) is not None and context.selects([flint := "batch_flint"]):
        rows.append(_flint(context, flint))
    for ms in _ENCODERS_MS:
        if context.selects([f"batch_device_{ms}"]):
            rows.append(_device(context, ms))
    if context.selects([user := context.name("batch_user")]):
        rows.append(_user(context, user, context.checkpoint, _yolo(context)))
    if find(FLINT) is not None and context.selects(["batch_user_flint"]):
        rows.append(_user(context, "batch_user_flint", Checkpoint(FLINT, FLINT), FLINT))
    if context.selects(["batch_cuda"]) and not context.settings.device.startswith("cuda"):
        rows.append(BenchRow("batch_cuda", None, None, _NO_GPU))
    return [row for row in rows if context.settings.selects(row.name)]


def _name(context: BenchContext, figure: str, precision: str) -> str:
    return context.name(figure, "" if precision == AUTO else precision)


def _beside_ultralytics(context: BenchContext, names: dict[str, tuple[str, str]]) -> list[BenchRow]:
    given = _input(context, context.checkpoint, _yolo(context))
    with (
        Subprocess() as ours,
        Subprocess(environment(as_user_set())) as theirs,
        Subprocess(environment(as_user_set())) as all_cores,
    ):
        runs: dict[Any, Callable[[], RunTiming]] = {
            (p, how): partial(ours.call, time_samdesk, replace(given, precision=p), how)
            for p in names
            for how in (PIPELINE, LOOP)
        }
        runs["user"] = partial(theirs.call, time_ultralytics, given)
        if any(context.settings.selects(every) for _, every in names.values()) and given.device == "cpu":
            runs["cores"] = partial(all_cores.call, time_ultralytics, replace(given, threads=cores()))
        found = _in_turns(context, runs)
        agreement = {p: ours.call(compare_masks, replace(given, precision=p), _COMPARED) for p in names}
    rows = []
    for precision, (name, every) in names.items():
        pipeline, loop = found[precision, PIPELINE], found[precision, LOOP]
        row = _run_row(name, pipeline, found["user"], f"{_NOTE}; {_AS_GIVEN}")
        rows.append(_with_loop(row, loop).extended(_agreement(*agreement[precision])))
        if "cores" in found:
            rows.append(_run_row(every, pipeline, found["cores"], f"{_NOTE}; {_ALL_CORES}"))
    return rows


def _flint(context: BenchContext, name: str) -> BenchRow:
    given = _input(context, Checkpoint(FLINT, FLINT), FLINT)
    with Subprocess() as process:
        runs: dict[Any, Callable[[], RunTiming]] = {
            how: partial(process.call, time_samdesk, given, how) for how in (PIPELINE, LOOP)
        }
        found = _in_turns(context, runs)
    row = _run_row(name, found[PIPELINE], None, "an image of a whole run, Flint as detector and mask model")
    return _with_loop(row, found[LOOP])


def _device(context: BenchContext, encoder_ms: int) -> BenchRow:
    folder = _images(context)
    scratch = context.scratch / "batch_labels"
    turns = 1 if context.settings.quick else 3
    timings: dict[str, list[DeviceTiming]] = {how: [] for how in (PIPELINE, LOOP)}
    for turn in range(turns):
        context.on_step(turn, turns)
        for how, found in timings.items():
            found.append(time_on_device(folder, scratch, float(encoder_ms), how))
    context.on_step(turns, turns)
    ms, loop_ms = (float(np.median([t.image_ms for t in timings[how]])) for how in (PIPELINE, LOOP))
    busy, loop_busy = (float(np.median([t.busy for t in timings[how]])) for how in (PIPELINE, LOOP))
    remark = (
        f"device busy {busy:.0%} of the time; one image after another, as before: "
        f"{loop_ms:.1f} ms, {loop_busy:.0%}"
    )
    row = BenchRow(f"batch_device_{encoder_ms}", ms, None, _ON_DEVICE)
    return row.extended(remark, device_busy=busy, loop_ms=loop_ms, loop_device_busy=loop_busy)


def _user(context: BenchContext, name: str, mask_model: Checkpoint, detector: str) -> BenchRow:
    try:
        from samdesk.bench.auto_annotate.beside_user import measure_waits
    except ModuleNotFoundError as error:
        return BenchRow(name, None, None, f"skipped: {error.name} is not installed, which the window needs")
    trials = 1 if context.settings.quick else _TRIALS
    context.on_step(0, 1)
    quiet, during = run_in_subprocess(
        measure_waits, _images(context), context.scratch / name, mask_model, detector, trials
    )
    context.on_step(1, 1)

    def shown(kind: str) -> str:
        both = [np.percentile(getattr(waits, kind), (50, 95)) for waits in (during, quiet)]
        return " quiet ".join(f"{middle:.0f} ({late:.0f})" for middle, late in both)

    remark = (
        f"median (p95) ms in the run, and without: hover {shown('hover')}, click {shown('click')}, click "
        f"with a mouse that lay still {shown('cold_click')}; longest pause of the main thread "
        f"{during.longest_gap:.0f}, without {quiet.longest_gap:.0f}; the run went on with "
        f"{during.images / during.seconds:.1f} images/s"
    )
    row = BenchRow(name, float(np.median(during.click)), None, _BESIDE_RUN)
    return row.extended(remark, quiet=asdict(quiet), during=asdict(during))


def _in_turns(context: BenchContext, runs: dict[Any, Callable[[], RunTiming]]) -> dict[Any, list[RunTiming]]:
    """The timings of each, which take turns."""
    found: dict[Any, list[RunTiming]] = {name: [] for name in runs}

    def contestant(name: Any, turn: int) -> Timing:
        found[name].append(timing := runs[name]())
        return Timing(timing.seconds * 1e3)

    turns = 1 if context.settings.quick else max(1, context.settings.rounds // 2)
    take_turns([partial(contestant, name) for name in runs], turns, context.on_step, 0)
    return found


def _run_row(name: str, ours: list[RunTiming], theirs: list[RunTiming] | None, note: str) -> BenchRow:
    ms, cpu = _image_ms(ours), float(np.median([t.cpu_seconds * 1e3 / t.images for t in ours]))
    reference = None if theirs is None else _image_ms(theirs)
    stages = {stage: float(np.median([t.stages_ms[stage] for t in ours])) for stage in ours[0].stages_ms}
    shown = ", ".join(f"{stage} {value:.0f}" for stage, value in stages.items())
    rates = f"{1e3 / ms:.2f} images/s" + (f", Ultralytics {1e3 / reference:.2f}" if reference else "")
    remark = f"{rates}; {ours[0].images} images, {ours[0].objects} objects; ms in all threads: {shown}"
    row = BenchRow(name, ms, reference, note)
    more = {} if theirs is None else {"reference_objects": theirs[0].objects}
    return row.extended(
        remark, times=len(ours), cpu_ms=cpu, stages_ms=stages, objects=ours[0].objects, **more
    )


def _with_loop(row: BenchRow, loop: list[RunTiming]) -> BenchRow:
    ms = _image_ms(loop)
    return row.extended(f"one image after another, as before: {ms:.0f} ms", loop_ms=ms)


def _agreement(overlaps: list[float], same_classes: bool) -> str:
    if not overlaps:
        return ""
    iou = f"IoU {float(np.median(overlaps)):.4f} median, {min(overlaps):.4f} worst of {len(overlaps)}"
    classes = "classes are the detector's" if same_classes else "CLASSES DIFFER from the detector's"
    return f"masks beside the network alone: {iou}; {classes}"


def _image_ms(timings: list[RunTiming]) -> float:
    return float(np.median([t.seconds * 1e3 / t.images for t in timings]))


def _input(context: BenchContext, mask_model: Checkpoint, detector: str) -> RunInput:
    return RunInput(
        _images(context),
        detector,
        mask_model,
        context.settings.device,
        context.settings.best,
        context.scratch / "batch_labels",
    )


def _images(context: BenchContext) -> Path:
    """The folder of the run's images: those given if there are enough of them, else variants of them."""
    folder, count = context.scratch / "batch_images", context.settings.batch_images
    if folder.exists():
        return folder
    files = [image.path for image in context.images if image.path is not None]
    if len(files) < count:
        return write_variants(context.images, count, folder)
    folder.mkdir(parents=True)
    for path in files[:count]:
        shutil.copyfile(path, folder / path.name)
    return folder


def _yolo(context: BenchContext) -> str:
    """A checkpoint of YOLO11n that both sides can load: the one on this machine, or Flint's detector."""
    installed = find(_DETECTOR)
    if installed is not None:
        return str(installed)
    path, weights = context.scratch / _DETECTOR, find(FLINT)
    assert weights is not None, "Flint's weights are part of the program"
    if not path.exists():
        build_yolo(read_yolo(weights), str(weights)).save(str(path))
    return str(path)
