"""``samdesk import DATASET FILE...``: brings annotations of other programs into a dataset.

Exit codes: 0 done, 1 something was not imported, 2 wrong usage, or nothing could be imported, 130 stopped.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Optional

import typer

from samdesk.cli.exit_codes import DONE, FAILED, STOPPED, ends_in_words
from samdesk.cli.interrupt import stop_on_ctrl_c
from samdesk.cli.output import echo
from samdesk.cli.progress import BarOutput, progress_output, speed

if TYPE_CHECKING:
    from samdesk.exchange.importing.plan import ImportPlan
    from samdesk.exchange.importing.report import ImportReport

_PROBLEMS_SHOWN = 20


def import_annotations(  # noqa: PLR0913 - the options of the command
    dataset: Annotated[Path, typer.Argument(help="Folder of the dataset.")],
    files: Annotated[
        Optional[list[Path]],  # noqa: UP045
        typer.Argument(help="Files, or folders of files, with annotations."),
    ] = None,
    format_id: Annotated[
        str,
        typer.Option(
            "--format",
            metavar="F",
            help="Format, if it is not to be recognised; 'samdesk formats' lists them.",
        ),
    ] = "",
    classes: Annotated[
        Optional[list[str]],  # noqa: UP045
        typer.Option(
            "--map", metavar="CLASS=LABEL", help="Label of a class; 'CLASS=' leaves it out. Repeat it."
        ),
    ] = None,
    pending: Annotated[
        bool, typer.Option("--pending", help="To be reviewed, unless the file says that they were.")
    ] = False,
    splits: Annotated[
        bool, typer.Option("--splits/--no-splits", help="Take over the splits that the files state.")
    ] = True,
    coordinates: Annotated[
        str,
        typer.Option(
            metavar="WHICH",
            help="Of the image as shown (upright), as stored before EXIF rotation (stored), or auto.",
        ),
    ] = "auto",
    copy_images: Annotated[
        bool, typer.Option("--copy-images", help="Copy images that the dataset lacks, if they lie there.")
    ] = False,
    dry_run: Annotated[bool, typer.Option("--dry-run", help="Only say what would be imported.")] = False,
    resume: Annotated[bool, typer.Option("--resume", help="Go on with the import that was stopped.")] = False,
    as_json: Annotated[bool, typer.Option("--json", help="Print the report as JSON, for programs.")] = False,
) -> None:
    """Import annotations in other formats (COCO, labelme, CVAT and more), as one undo step."""
    from samdesk.exchange.importing.plan import ImportPlan

    with ends_in_words("import"):
        if resume == bool(files):
            raise ValueError("Name the files to import, or --resume alone.")
        if coordinates not in ("auto", "upright", "stored"):
            raise ValueError(f"--coordinates is one of auto, upright, stored, not {coordinates!r}.")
        plan = ImportPlan(
            _mapping(classes or ()),
            "pending" if pending else "accepted",
            splits,
            coordinates,  # type: ignore[arg-type]
            copy_images,
        )
        report = _run(dataset, files or (), plan, format_id, dry_run=dry_run, quiet=as_json)
    if report is None:
        echo("Stopped before anything was imported.", err=True)
        raise typer.Exit(STOPPED)
    _print(report, as_json=as_json)
    if report.state == "stopped":
        echo(f"Go on with: samdesk import {dataset} --resume", err=True)
        raise typer.Exit(STOPPED)
    raise typer.Exit(FAILED if report.problem_count else DONE)


def _mapping(pairs: Sequence[str]) -> dict[str, str | None]:
    found: dict[str, str | None] = {}
    for text in pairs:
        name, separator, label = text.rpartition("=")
        if not separator or not name:
            raise ValueError(f"--map is written CLASS=LABEL, not {text!r}.")
        found[name] = label.strip() or None
    return found


def _run(
    dataset: Path, files: Sequence[Path], plan: ImportPlan, format_id: str, *, dry_run: bool, quiet: bool
) -> ImportReport | None:
    """Imports; no files: goes on with a stopped import. None: it was cancelled while reading."""
    from samdesk.base.jobs import Cancelled, CancelToken
    from samdesk.base.rate import Rate
    from samdesk.exchange.access import DirectAccess
    from samdesk.exchange.importing.session import (
        ImportSession,
        dataset_to_change,
        import_into,
        known_formats,
        resume_into,
    )

    cancel, rate = CancelToken(), Rate(min_interval=0.5)
    try:
        with (
            dataset_to_change(dataset) as opened,
            progress_output() as output,
            stop_on_ctrl_c(cancel, "Stopping"),
        ):

            def progress(what: str, done: int, total: int, unit: str) -> None:
                rate.step(done)
                if not quiet and isinstance(output, BarOutput):
                    state = speed(rate.per_second, rate.seconds(total - done) if total else None, unit)
                    output.step(done, total, what, state)

            session = ImportSession(DirectAccess(opened), known_formats(), progress, cancel)
            if not files:
                return resume_into(opened, session)
            return import_into(opened, files, plan, session, format_id, dry_run)
    except Cancelled:
        return None


def _print(report: ImportReport, *, as_json: bool) -> None:
    if as_json:
        echo(json.dumps(report.to_json(), indent=1))
        return
    for line in report.lines(_PROBLEMS_SHOWN):
        echo(line)
