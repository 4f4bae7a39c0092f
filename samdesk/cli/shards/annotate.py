"""``samdesk annotate SOURCE --out URL``: runs in shards from the shell."""

from __future__ import annotations

import os
import re
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Annotated

import typer

from samdesk.base import environment
from samdesk.base.jobs import CancelToken
from samdesk.base.text import counted, duration
from samdesk.cli.exit_codes import DONE, FAILED, STOPPED
from samdesk.cli.interrupt import stop_on_ctrl_c
from samdesk.cli.output import echo
from samdesk.cli.progress import LineOutput, progress_output, speed

if TYPE_CHECKING:
    from samdesk.batch.plan import AutoAnnotatePlan
    from samdesk.batch.shards.drive import Beginning, DriverCallbacks, ShardsProgress, ShardsSummary

_PANEL = "Many images, many machines"
_SHOWN = 20
_MOST_THREADS, _CLUSTER_THREADS = 16, 4
"""Of a process that works alone, and of each of several on a machine, unless the user chooses."""

Out = Annotated[
    str,
    typer.Option(
        metavar="URL",
        help="Folder (path, s3://..., gs://...) for tables of results in shards, instead of label files; "
        "'samdesk merge' brings them into a dataset.",
        rich_help_panel=_PANEL,
    ),
]
Cluster = Annotated[
    str,
    typer.Option(
        metavar="ADDRESS",
        help="With --out: work on a Ray cluster, such as auto or 10.0.0.1:6379; 'local': one worker for each "
        "GPU of this machine, or for some of its cores.",
        rich_help_panel=_PANEL,
    ),
]
Shard = Annotated[
    str,
    typer.Option(
        metavar="K/N",
        help="With --out: do the K-th of N equal parts, 1/N to N/N; for SLURM arrays and Kubernetes jobs.",
        rich_help_panel=_PANEL,
    ),
]
ShardSize = Annotated[
    int | None, typer.Option(help="With --out: images of a shard (1,000).", rich_help_panel=_PANEL)
]
Workers = Annotated[
    int | None,
    typer.Option(help="With --cluster: workers (as many as there is room for).", rich_help_panel=_PANEL),
]
Threads = Annotated[
    int | None,
    typer.Option(
        help="With --out: threads of a worker on a CPU. Results depend on it in their last digits, so a run "
        "keeps the number that it began with.",
        rich_help_panel=_PANEL,
    ),
]
Prepare = Annotated[
    bool,
    typer.Option(
        "--prepare", help="With --out: only list the images, for jobs that follow.", rich_help_panel=_PANEL
    ),
]


@dataclass(frozen=True)
class ShardOptions:
    """The options of a run in shards, as given on the command line."""

    out: str = ""
    cluster: str = ""
    shard: str = ""
    shard_size: int | None = None
    workers: int | None = None
    threads: int | None = None
    prepare: bool = False

    def check(self, others: bool) -> None:
        """Raises ``ValueError`` for options that do not go together.

        Args:
            others: Options for label files were given.
        """
        if not self.out:
            if self != ShardOptions():
                raise ValueError("--cluster, --shard and what belongs to them need --out")
            return
        if others:
            raise ValueError(
                "--output-dir, --search, --existing and --report do not go with --out; see 'samdesk merge'"
            )
        if self.cluster and self.shard:
            raise ValueError("--cluster and --shard do not go together: a part is done by one process")
        if self.workers is not None and not self.cluster:
            raise ValueError("--workers needs --cluster")


def annotate_shards(
    source: str, plan: AutoAnnotatePlan, options: ShardOptions, replaceable: tuple[bool, bool], trust: bool
) -> int:
    """Drives a run in shards and returns the exit code.

    Args:
        source: The images.
        plan: What to do with them.
        options: The options of runs in shards.
        replaceable: Whether the best installed detector and predictor may replace the plan's.
        trust: Let model files run code that they hold.

    Raises:
        UserError: It cannot begin or go on.
        ValueError: An option is wrong.
    """
    from samdesk.batch.shards.drive import DriverCallbacks, ShardsRequest, begin
    from samdesk.batch.shards.model_files import shard_threads, with_installed

    part = _part(options.shard)
    cancel = CancelToken()
    with stop_on_ctrl_c(cancel, "Stopping; the shards at work are left"), progress_output() as output:
        detector, predictor = replaceable
        plan = with_installed(plan, output.warning, detector=detector, predictor=predictor)
        most = _CLUSTER_THREADS if options.cluster else _MOST_THREADS
        request = ShardsRequest(
            source, options.out, plan, options.shard_size, options.threads, shard_threads(most), trust
        )
        output.message(f"Results go to {options.out}; finished shards there are kept.")
        beginning = begin(request).part(*part)
        _print_beginning(output, beginning, part[1] > 1)
        if options.prepare:
            return _left_out(beginning)
        environment.set_threads(os.environ, beginning.order.run.threads)
        report = partial(_print_progress, output)
        callbacks = DriverCallbacks(output.warning, report, cancel=cancel)
        summary = _drive(beginning, callbacks, options)
    _print_summary(summary, options.out)
    return _exit_code(summary) or _left_out(beginning)


def _drive(beginning: Beginning, callbacks: DriverCallbacks, options: ShardOptions) -> ShardsSummary:
    from samdesk.batch.shards.local import drive_here

    if not options.cluster or not beginning.todo:
        return drive_here(beginning, callbacks)
    from samdesk.batch.shards.cluster import drive_on_cluster

    return drive_on_cluster(beginning, callbacks, options.cluster, options.workers)


def _part(text: str) -> tuple[int, int]:
    """The part and the number of parts in "K/N"; (1, 1) in ""."""
    if not text:
        return 1, 1
    found = re.fullmatch(r"\s*(\d+)\s*/\s*(\d+)\s*", text)
    if found is None:
        raise ValueError(f"--shard must be K/N, such as 1/8, not {text!r}")
    part, parts = int(found[1]), int(found[2])
    if not 1 <= part <= parts:
        raise ValueError(f"--shard must be between 1/{parts} and {parts}/{parts}, not {text}")
    return part, parts


def _print_beginning(output: LineOutput, beginning: Beginning, is_part: bool) -> None:
    run, todo = beginning.order.run, len(beginning.todo)
    shards = counted(len(beginning.shards), "shard")
    where = f"{shards} of {run.shards:,}" if is_part else shards
    output.message(f"{counted(beginning.images, 'image')} in {where}; {todo:,} to do")
    output.message("Models: " + " + ".join(dict.fromkeys(name for name, _ in run.models)))
    for name in beginning.left_out[:_SHOWN]:
        output.warning(f"left out: {name}: its name is not Unicode; rename it")


def _print_progress(output: LineOutput, p: ShardsProgress) -> None:
    state = [
        counted(p.objects, "object"),
        f"{p.failed:,} failed" if p.failed else "",
        speed(p.rate, p.seconds_left),
    ]
    shown = ", ".join(part for part in state if part)
    line = "" if p.finished is None else f"{p.done:,}/{p.total:,} shard {p.finished.shard} done: {shown}"
    output.step(p.done, p.total, line, shown)


def _print_summary(summary: ShardsSummary, out: str) -> None:
    for failure in summary.failed[:_SHOWN]:
        echo(f"failed: {failure.key}: {failure.message}", err=True)
    if len(summary.failed) > _SHOWN:
        echo(f"... and {len(summary.failed) - _SHOWN:,} more failed", err=True)
    for error in summary.errors[:_SHOWN]:
        echo(f"not done: {error}", err=True)
    if summary.models:
        echo(summary.models)
    echo(f"{summary.text} in {duration(summary.seconds, exact=True)}; results in {out}")
    if summary.left:
        echo("Finished shards are kept. Run the same command again to continue.", err=True)


def _left_out(beginning: Beginning) -> int:
    return FAILED if beginning.left_out else DONE


def _exit_code(summary: ShardsSummary) -> int:
    if summary.cancelled:
        return STOPPED
    return DONE if summary.ok else FAILED
