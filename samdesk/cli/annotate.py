"""``samdesk annotate DATA``: auto-annotate from the shell.

Exit codes: 0 all done, 1 some images failed, 2 wrong usage or no model, 130 stopped (Ctrl+C).
"""

from __future__ import annotations

from collections import Counter
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any

import typer

from samdesk.base.jobs import CancelToken
from samdesk.base.text import counted, duration
from samdesk.batch.plan import EXISTING, AutoAnnotatePlan
from samdesk.cli.exit_codes import DONE, FAILED, STOPPED, ends_in_words
from samdesk.cli.interrupt import stop_on_ctrl_c
from samdesk.cli.output import echo
from samdesk.cli.parameters import TRUST_HELP, with_parameters
from samdesk.cli.progress import RESUME, LineOutput, progress_output, speed
from samdesk.cli.shards.annotate import (
    Cluster,
    Out,
    Prepare,
    Shard,
    ShardOptions,
    ShardSize,
    Threads,
    Workers,
    annotate_shards,
)

if TYPE_CHECKING:
    from samdesk.batch.report import BatchProgress, BatchSummary

_SHOWN = 20
"""Failures listed at the end; the rest are counted."""


@with_parameters
def annotate(  # noqa: PLR0913 - one argument an option
    context: typer.Context,
    data: Annotated[str, typer.Argument(help="Folder of images, an image, or a quoted pattern.")],
    det_model: Annotated[
        str,
        typer.Option(
            help="YOLO model: name or path (./best.pt); 'flint' needs no download. If the default is "
            "unavailable, the best installed model is used and named."
        ),
    ] = AutoAnnotatePlan.det_model,
    sam_model: Annotated[
        str,
        typer.Option(
            help="Mask model: name or path (./best.pt); 'flint' needs no download. If the default is "
            "unavailable, the best installed model is used and named."
        ),
    ] = AutoAnnotatePlan.sam_model,
    device: Annotated[
        str, typer.Option(help="cuda:0, mps or cpu; by default the fastest.")
    ] = AutoAnnotatePlan.device,
    output_dir: Annotated[
        Path | None,
        typer.Option(
            help="Folder for label files; by default the dataset that DATA is in, else where the trainer "
            "looks: 'labels' beside 'images', or beside each image."
        ),
    ] = None,
    classes: Annotated[
        list[str] | None,
        typer.Option(help="Classes to use: ids or names, such as '0,2' or 'person,dog'; repeatable."),
    ] = None,
    existing: Annotated[
        str,
        typer.Option(
            help="Images that have labels: skip them, add new objects, or replace an earlier run's."
        ),
    ] = AutoAnnotatePlan.existing,
    precision: Annotated[str, typer.Option(help="auto, fp32, fp16 or bf16.")] = AutoAnnotatePlan.precision,
    trust: Annotated[bool, typer.Option("--trust", help=TRUST_HELP)] = False,
    out: Out = "",
    cluster: Cluster = "",
    shard: Shard = "",
    shard_size: ShardSize = None,
    workers: Workers = None,
    threads: Threads = None,
    prepare: Prepare = False,
    **parameters: Any,
) -> None:
    """Annotate images: YOLO finds the objects, SAM draws their masks.

    Labels are written image by image; run again, it continues where it stopped. Images you have edited are
    never changed.
    """
    # Here, not above: the window starts through the same command line and needs none of it.
    from samdesk.api import auto_annotate, split_classes

    cancel = CancelToken()
    in_shards = ShardOptions(out, cluster, shard, shard_size, workers, threads, prepare)
    fallback = (not _is_given(context, "det_model"), not _is_given(context, "sam_model"))
    with ends_in_words("annotate"):
        in_shards.check(output_dir is not None or _is_given(context, "existing"))
        if out:
            ids, names = split_classes(_classes(classes))
            plan = AutoAnnotatePlan(
                det_model, sam_model, device, precision, ids, class_names=names, **parameters
            )
            raise typer.Exit(annotate_shards(data, plan, in_shards, fallback, trust))
        if existing not in EXISTING:
            raise ValueError(f"--existing must be one of {', '.join(EXISTING)}, not {existing!r}")
        with stop_on_ctrl_c(cancel, "Stopping after this image"), progress_output() as output:
            summary = auto_annotate(
                data,
                det_model,
                sam_model,
                device,
                output_dir,
                classes=_classes(classes),
                existing=existing,
                progress=partial(print_progress, output),
                cancel=cancel,
                notice=output.warning,
                det_or_default=fallback[0],
                sam_or_default=fallback[1],
                precision=precision,
                trust=trust,
                **parameters,
            )
    print_summary(summary)
    raise typer.Exit(exit_code(summary))


def _is_given(context: typer.Context, option: str) -> bool:
    """Whether the user gave an option on the command line."""
    # By name: typer has a ParameterSource of its own in some versions, click's in others.
    return getattr(context.get_parameter_source(option), "name", "DEFAULT") != "DEFAULT"


def exit_code(summary: BatchSummary) -> int:
    """The exit code of the command."""
    if summary.cancelled:
        return STOPPED
    return DONE if summary.ok else FAILED


def _classes(texts: list[str] | None) -> list[int | str] | None:
    """Class ids and names from texts such as "0,2", "0 2" and "person,traffic light"."""
    if not texts:
        return None
    result: list[int | str] = []
    for part in ",".join(texts).split(","):
        words = part.split()
        if all(_is_id(word) for word in words):
            result += map(int, words)
        else:
            result.append(" ".join(words))
    return result


def _is_id(text: str) -> bool:
    return text.removeprefix("-").isdecimal()


def print_progress(output: LineOutput, p: BatchProgress) -> None:
    """Prints the progress of a run."""
    line = "" if p.key is None else f"{p.done}/{p.total} {p.key}: {p.added} ({speed(p.rate, p.seconds_left)})"
    failed = f"{p.failed:,} failed" if p.failed else ""
    state = [counted(p.annotations, "annotation"), failed, speed(p.rate, p.seconds_left)]
    output.step(p.done, p.total, line, ", ".join(part for part in state if part))


def print_summary(summary: BatchSummary) -> None:
    """Prints the result of a run."""
    for failure in summary.failed[:_SHOWN]:
        echo(f"failed: {failure.key}: {failure.message}", err=True)
    if len(summary.failed) > _SHOWN:
        echo(f"... and {len(summary.failed) - _SHOWN} more failed", err=True)
    if summary.notes:
        first = summary.notes[0]
        have = counted(len(summary.notes), "image has a remark", "images have remarks")
        echo(f"{have}, such as {first.key}: {first.message}")
    for reason, count in Counter(skipped.reason for skipped in summary.skipped).items():
        echo(f"skipped {count}: {reason}")
    if summary.detector is not None and summary.predictor is not None:
        models = (summary.detector, summary.predictor)
        echo(" + ".join(f"{m.title} on {m.device_title} ({m.precision})" for m in models))
    echo(f"{summary.text} in {duration(summary.seconds, exact=True)}; labels in {summary.output}")
    if summary.stopped:
        echo(f"Stopped: {summary.stopped}", err=True)
    if summary.cancelled:
        echo(RESUME, err=True)
