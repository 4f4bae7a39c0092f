"""``samdesk annotate DATA``: auto-annotate from the shell.

Exit codes: 0 all done, 1 some images failed, 2 wrong usage or no model, 130 cancelled (Ctrl+C).
"""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from samdesk.base.jobs import CancelToken
from samdesk.base.text import counted, duration, rate
from samdesk.cli.interrupt import stop_on_ctrl_c
from samdesk.cli.progress import progress_bar
from samdesk.engine.protocols import EngineError

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID

    from samdesk.batch.report import BatchProgress, BatchSummary

ALL_DONE, SOME_FAILED, WRONG_USAGE, CANCELLED = 0, 1, 2, 130
_SHOWN = 20
"""Failures and notes listed at the end; the rest is counted."""


def annotate(  # noqa: PLR0913 - one argument an option
    context: typer.Context,
    data: Annotated[str, typer.Argument(help="Folder of images, an image, or a quoted pattern.")],
    det_model: Annotated[
        str,
        typer.Option(
            help="YOLO model: name or path; 'flint' needs no download. If the default cannot be had, the "
            "best at hand is used, and said."
        ),
    ] = "yolov8x.pt",
    sam_model: Annotated[
        str,
        typer.Option(
            help="SAM model: name or path; 'flint' needs no download. If the default cannot be had, the "
            "best at hand is used, and said."
        ),
    ] = "sam_b.pt",
    device: Annotated[str, typer.Option(help="cuda:0, mps or cpu; empty chooses.")] = "",
    output_dir: Annotated[
        Path | None,
        typer.Option(
            help="Folder for label files; by default 'labels' beside DATA, or DATA's samdesk dataset."
        ),
    ] = None,
    conf: Annotated[float, typer.Option(help="Least detector confidence.")] = 0.25,
    iou: Annotated[float, typer.Option(help="NMS threshold.")] = 0.45,
    imgsz: Annotated[int, typer.Option(help="The detector's image size, pixels.")] = 640,
    max_det: Annotated[int, typer.Option(help="Most detections an image.")] = 300,
    classes: Annotated[
        list[str] | None,
        typer.Option(help="Class ids to use: '--classes 0,2' or the option again; all if none."),
    ] = None,
    existing: Annotated[
        str,
        typer.Option(
            help="Images that have labels: skip them, add without duplicates, or replace what a run made."
        ),
    ] = "skip",
    precision: Annotated[str, typer.Option(help="auto, fp32, fp16 or bf16.")] = "auto",
) -> None:
    """Annotates images: YOLO finds objects, SAM draws their masks, labels are on disk at once.

    Started again it goes on where it was. Images a person worked on are never changed.
    """
    # Here, not above: the window starts through the same command line and needs none of it.
    from samdesk.api import auto_annotate
    from samdesk.batch.plan import EXISTING
    from samdesk.dataset.store.database import StoreError

    cancel = CancelToken()
    try:
        if existing not in EXISTING:
            raise ValueError(f"--existing must be one of {', '.join(EXISTING)}, not {existing!r}")
        with stop_on_ctrl_c(cancel, "Stopping after this image"), _show() as show:
            summary = auto_annotate(
                data,
                det_model,
                sam_model,
                device,
                output_dir,
                conf,
                iou,
                imgsz,
                max_det,
                _class_ids(classes),
                existing=existing,
                progress=show.progress,
                cancel=cancel,
                notice=show.notice,
                det_or_default=not _is_named(context, "det_model"),
                sam_or_default=not _is_named(context, "sam_model"),
                precision=precision,
            )
    except (ValueError, EngineError, StoreError) as error:
        typer.echo(f"samdesk annotate: {error}", err=True)
        raise typer.Exit(WRONG_USAGE) from error
    except KeyboardInterrupt:
        typer.echo("Cancelled. What is done is kept; the same command goes on from there.", err=True)
        raise typer.Exit(CANCELLED) from None
    _tell(summary)
    raise typer.Exit(exit_code(summary))


def _is_named(context: typer.Context, option: str) -> bool:
    """Whether the user gave an option."""
    # By name: typer has a ParameterSource of its own in some versions, click's in others.
    return getattr(context.get_parameter_source(option), "name", "DEFAULT") != "DEFAULT"


def exit_code(summary: BatchSummary) -> int:
    """What the shell is told."""
    if summary.cancelled:
        return CANCELLED
    return ALL_DONE if summary.ok else SOME_FAILED


def _class_ids(texts: list[str] | None) -> list[int] | None:
    if not texts:
        return None
    parts = " ".join(texts).replace(",", " ").split()
    try:
        return [int(part) for part in parts]
    except ValueError:
        raise ValueError(f"--classes takes class ids such as 0,2, not {' '.join(texts)!r}") from None


class _Lines:
    """Progress as plain lines, for logs and pipes."""

    def notice(self, text: str) -> None:
        typer.echo(text, err=True)

    def progress(self, p: BatchProgress) -> None:
        if p.key is not None:
            left = "" if p.seconds_left is None else f", {duration(p.seconds_left)} left"
            typer.echo(f"{p.done}/{p.total} {p.key}: {p.added} ({rate(p.rate, 'image')}{left})")


class _Bar(_Lines):
    """Progress as a bar, for a terminal."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._task: TaskID | None = None

    def notice(self, text: str) -> None:
        self._bar.console.print(text, style="yellow", markup=False, highlight=False)

    def progress(self, p: BatchProgress) -> None:
        if self._task is None:
            self._task = self._bar.add_task("", total=p.total, state="")
        left = "" if p.seconds_left is None else f", {duration(p.seconds_left)} left"
        failed = f", {p.failed} failed" if p.failed else ""
        state = f"{counted(p.annotations, 'annotation')}{failed}, {rate(p.rate, 'image')}{left}"
        self._bar.update(self._task, completed=p.done, state=state)


@contextmanager
def _show() -> Iterator[_Lines]:
    with progress_bar() as bar:
        yield _Lines() if bar is None else _Bar(bar)


def _tell(summary: BatchSummary) -> None:
    for failure in summary.failed[:_SHOWN]:
        typer.echo(f"failed: {failure.key}: {failure.message}", err=True)
    if len(summary.failed) > _SHOWN:
        typer.echo(f"... and {len(summary.failed) - _SHOWN} more failed", err=True)
    if summary.notes:
        typer.echo(f"{len(summary.notes)} images have notes, such as {summary.notes[0].key}: "
                   f"{summary.notes[0].message}")  # fmt: skip
    reasons: dict[str, int] = {}
    for skipped in summary.skipped:
        reasons[skipped.reason] = reasons.get(skipped.reason, 0) + 1
    for reason, count in reasons.items():
        typer.echo(f"skipped {count}: {reason}")
    if summary.detector is not None and summary.predictor is not None:
        models = (summary.detector, summary.predictor)
        typer.echo(" + ".join(f"{m.title} on {m.device_title} ({m.precision})" for m in models))
    typer.echo(f"{summary.text} in {duration(summary.seconds, exact=True)}; labels in {summary.output}")
    if summary.stopped:
        typer.echo(f"Stopped: {summary.stopped}", err=True)
    if summary.cancelled:
        typer.echo("What is done is kept; the same command goes on from there.", err=True)
