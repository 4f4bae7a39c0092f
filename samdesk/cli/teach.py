"""``samdesk teach DATASET``: Flint learns from what was accepted.

Exit codes: 0 done, 1 something could not be taught, 2 wrong usage, 130 stopped (Ctrl+C).
"""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from samdesk.base.jobs import CancelToken

if TYPE_CHECKING:
    from samdesk.cli.teach_output import Teller
    from samdesk.training.record.taught import Kind, Teaching
    from samdesk.training.teach.teach_all import TeachPlan

DONE, FAILED, WRONG_USAGE, STOPPED = 0, 1, 2, 130


def teach(  # noqa: PLR0913 - one argument an option
    dataset: Annotated[Path, typer.Argument(help="A folder of photos with accepted annotations.")],
    masks: Annotated[bool, typer.Option(help="Teach the masks: from 8 images.")] = True,
    detector: Annotated[bool, typer.Option(help="Teach the detector your classes: from about 20.")] = True,
    use: Annotated[
        Optional[bool],  # noqa: UP045
        typer.Option(help="Use what is better; by default it asks, and without a terminal it does not."),
    ] = None,
    fresh: Annotated[bool, typer.Option("--fresh", help="Start from Flint as shipped.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="One JSON object a line, for programs.")] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Use what was in use before.")] = False,
    redo: Annotated[bool, typer.Option("--redo", help="Take an undo back.")] = False,
    listing: Annotated[bool, typer.Option("--list", help="What was taught, and what is in use.")] = False,
    export: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option(metavar="FILE", help="Copy the taught weights in use to a file."),
    ] = None,
    source: Annotated[
        Optional[Path],  # noqa: UP045
        typer.Option("--from", metavar="FILE", help="Use weights that were taught elsewhere."),
    ] = None,
    background: Annotated[bool, typer.Option("--background", hidden=True)] = False,
    base: Annotated[Optional[Path], typer.Option(hidden=True)] = None,  # noqa: UP045
    quick: Annotated[bool, typer.Option("--quick", hidden=True)] = False,
) -> None:
    """Teach Flint from accepted annotations: measured before and after on images held out.

    Photos and labels stay as they are: what is taught is kept in the dataset's .samdesk folder. Stopped
    or crashed, the same command goes on from there.
    """
    # Here, not above: the window starts through the same command line and needs none of it.
    from samdesk.cli import teach_record
    from samdesk.training.record.taught import DETECTOR, MASKS, TaughtError
    from samdesk.training.teach.teach_all import TeachPlan

    kinds = tuple(kind for kind, wanted in ((MASKS, masks), (DETECTOR, detector)) if wanted)
    try:
        _check(dataset, kinds)
        if undo or redo:
            teach_record.move(dataset, back=undo)
        elif listing:
            teach_record.show(dataset)
        elif export is not None:
            teach_record.export(dataset, kinds, export)
        elif source is not None:
            teach_record.bring(dataset, source)
        else:
            raise typer.Exit(_run(TeachPlan(dataset, kinds, fresh, base, quick), use, as_json, background))
    except (ValueError, TaughtError) as error:
        typer.echo(f"samdesk teach: {error}", err=True)
        raise typer.Exit(WRONG_USAGE) from error


def _check(dataset: Path, kinds: tuple[Kind, ...]) -> None:
    if not dataset.is_dir():
        raise ValueError(f"there is no folder {dataset}")
    if not kinds:
        raise ValueError("--no-masks and --no-detector together leave nothing to teach")


def _run(plan: TeachPlan, use: bool | None, as_json: bool, background: bool) -> int:
    from samdesk.cli.background import lower_priority, stop_on_stdin
    from samdesk.cli.interrupt import stop_on_ctrl_c
    from samdesk.cli.teach_output import teller
    from samdesk.training.teach.events import Ended, Event, Failed, Stopped
    from samdesk.training.teach.teach_all import teach_all

    cancel, codes = CancelToken(), [DONE]
    if background:
        lower_priority()
        stop_on_stdin(cancel)

    def tell(event: Event) -> None:
        codes.append(STOPPED if isinstance(event, Stopped) else FAILED if isinstance(event, Failed) else DONE)
        show.tell(event)

    try:
        with stop_on_ctrl_c(cancel, "Stopping; what was learned is kept"), teller(as_json) as show:
            results = teach_all(plan, tell, cancel)
        better = [t for t in results if t.better]
        if not as_json:
            _print(results)
        if better and _agreed(use, better, as_json):
            _use(plan.folder, better, show, as_json)
        if as_json:
            show.tell(Ended())
    except KeyboardInterrupt:
        typer.echo("Stopped. What was learned is kept; the same command goes on from there.", err=True)
        return STOPPED
    except BrokenPipeError:
        return STOPPED  # whoever heard it is gone
    return max(codes)


def _use(folder: Path, better: list[Teaching], show: Teller, as_json: bool) -> None:
    from samdesk.cli.teach_output import kind_words
    from samdesk.training.record.taught import Taught
    from samdesk.training.teach.events import Used

    Taught.read(folder).use(*better)
    if as_json:
        show.tell(Used(tuple(t.id for t in better)))
    else:
        back = f"'samdesk teach {folder} --undo' takes it back"
        typer.echo(f"In use now: the taught {kind_words(better)}. {back}.")


def _print(results: tuple[Teaching, ...]) -> None:
    from rich.console import Console

    from samdesk.cli.teach_output import WHAT, print_table

    if not results:
        return
    print_table(results, Console())
    for teaching in results:
        if not teaching.better:
            typer.echo(f"{WHAT[teaching.kind]}: not better, so nothing was changed.")


def _agreed(use: bool | None, better: list[Teaching], as_json: bool) -> bool:
    from samdesk.cli.teach_output import kind_words

    if use is not None:
        return use
    if as_json or not (sys.stdin.isatty() and sys.stdout.isatty()):
        if not as_json:
            typer.echo("Better. It is kept, but not used: add --use to use it.")
        return False
    return typer.confirm(f"Better. Use the taught {kind_words(better)} in this dataset?", default=True)
