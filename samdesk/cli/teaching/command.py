"""``samdesk teach DATASET``: trains Flint on the accepted annotations of a dataset.

Exit codes: 0 success, 1 a training failed, 2 usage error, 130 stopped (Ctrl+C).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from samdesk.base.errors import UserError
from samdesk.base.jobs import CancelToken
from samdesk.cli.exit_codes import DONE, FAILED, STOPPED, wrong_usage
from samdesk.cli.output import echo

if TYPE_CHECKING:
    from samdesk.cli.teaching.output import EventPrinter
    from samdesk.training.record.taught_record import Kind, TaughtWeights
    from samdesk.training.teach.teach_all import TeachPlan


def teach(  # noqa: PLR0913 - one argument an option
    dataset: Annotated[Path, typer.Argument(help="A folder of images with accepted annotations.")],
    masks: Annotated[bool, typer.Option(help="Train the masks (needs 8 images or more).")] = True,
    detector: Annotated[
        bool, typer.Option(help="Train the detector on your classes (20 images or more work well).")
    ] = True,
    use: Annotated[
        Optional[bool],  # noqa: UP045
        typer.Option(help="Use the result if it is better. Default: ask, or no if not on a terminal."),
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start from Flint's own weights.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print one JSON object per line.")] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Go back to the weights used before.")] = False,
    redo: Annotated[bool, typer.Option("--redo", help="Redo the last undone step.")] = False,
    listing: Annotated[bool, typer.Option("--list", help="List all taught weights.")] = False,
    export: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(metavar="FILE", help="Copy the taught weights in use to a file."),
    ] = None,
    source: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--from", metavar="FILE", help="Use taught weights from a file."),
    ] = None,
    background: Annotated[bool, typer.Option("--background", hidden=True)] = False,
    base: Annotated[Optional[Path], typer.Option(hidden=True)] = None,  # noqa: UP045
    quick: Annotated[bool, typer.Option("--quick", hidden=True)] = False,
) -> None:
    """Train Flint on the accepted annotations of a dataset, measured on held-out images.

    Images and labels are not changed; taught weights are kept in the dataset's .samdesk folder. If the run
    is stopped or crashes, the same command resumes it.
    """
    # Imported here, because the window starts through the same command line and needs none of it.
    from samdesk.cli.teaching import record
    from samdesk.training.record.taught_record import DETECTOR, MASKS
    from samdesk.training.teach.teach_all import TeachPlan

    kinds = tuple(kind for kind, wanted in ((MASKS, masks), (DETECTOR, detector)) if wanted)
    try:
        _check(dataset, kinds)
        if undo or redo:
            record.step(dataset, back=undo)
        elif listing:
            record.show(dataset)
        elif export is not None:
            record.export(dataset, kinds, export)
        elif source is not None:
            record.import_weights(dataset, source)
        else:
            raise typer.Exit(_run(TeachPlan(dataset, kinds, fresh, base, quick), use, as_json, background))
    except (ValueError, UserError) as error:
        raise wrong_usage("teach", error) from error


def _check(dataset: Path, kinds: tuple[Kind, ...]) -> None:
    if not dataset.is_dir():
        raise ValueError(f"There is no folder {dataset}.")
    if not kinds:
        raise ValueError("--no-masks and --no-detector together leave nothing to teach")


def _run(plan: TeachPlan, use: bool | None, as_json: bool, background: bool) -> int:
    from samdesk.cli.background import lower_priority, stop_on_stdin
    from samdesk.cli.interrupt import stop_on_ctrl_c
    from samdesk.cli.teaching.output import event_printer
    from samdesk.training.teach.events import Event, TrainingEnded, TrainingFailed, TrainingStopped
    from samdesk.training.teach.teach_all import teach_all

    cancel, codes = CancelToken(), [DONE]
    if background:
        lower_priority()
        stop_on_stdin(cancel)

    def on_event(event: Event) -> None:
        codes.append({TrainingStopped: STOPPED, TrainingFailed: FAILED}.get(type(event), DONE))
        printer.print_event(event)

    try:
        with stop_on_ctrl_c(cancel, "Stopping; progress so far is kept"), event_printer(as_json) as printer:
            results = teach_all(plan, on_event, cancel)
        better = [t for t in results if t.better]
        if not as_json:
            _print(results)
        if better and _confirmed(use, better, as_json):
            _use(plan.folder, better, printer, as_json)
        if as_json:
            printer.print_event(TrainingEnded())
    except KeyboardInterrupt:
        echo("Stopped. Progress so far is kept; run the same command to resume.", err=True)
        return STOPPED
    except BrokenPipeError:
        return STOPPED  # the reader of the output has exited
    return max(codes)


def _use(folder: Path, better: list[TaughtWeights], printer: EventPrinter, as_json: bool) -> None:
    from samdesk.cli.teaching.output import kind_names
    from samdesk.training.record.taught_record import TaughtRecord
    from samdesk.training.teach.events import WeightsUsed

    TaughtRecord.read(folder).use(*better)
    if as_json:
        printer.print_event(WeightsUsed(tuple(t.id for t in better)))
    else:
        undo = f"'samdesk teach {folder} --undo' undoes this"
        echo(f"Now using the taught {kind_names(better)}; {undo}.")


def _print(results: tuple[TaughtWeights, ...]) -> None:
    from rich.console import Console

    from samdesk.cli.teaching.output import KIND_TITLES, print_table

    if not results:
        return
    print_table(results, Console())
    for entry in results:
        if not entry.better:
            echo(f"{KIND_TITLES[entry.kind]}: no improvement; nothing was changed.")


def _confirmed(use: bool | None, better: list[TaughtWeights], as_json: bool) -> bool:
    from samdesk.cli.teaching.output import kind_names

    if use is not None:
        return use
    if as_json or not (sys.stdin.isatty() and sys.stdout.isatty()):
        if not as_json:
            echo("Improved. The weights are kept but not in use; add --use to use them.")
        return False
    return typer.confirm(f"Improved. Use the taught {kind_names(better)} in this dataset?", default=True)
