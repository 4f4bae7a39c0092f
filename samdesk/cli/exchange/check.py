"""``samdesk check DATASET``: finds what would harm a training, and mends what can be mended.

Exit codes: 0 nothing of severity error (with --strict: nor warning), 1 there is, 2 wrong usage, or the
dataset cannot be read or a fix not be made, 130 stopped (Ctrl+C).
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from samdesk.base.jobs import Cancelled, CancelToken, Progress
from samdesk.base.text import counted
from samdesk.cli.exit_codes import DONE, FAILED, STOPPED, ends_in_words
from samdesk.cli.interrupt import stop_on_ctrl_c
from samdesk.cli.output import echo
from samdesk.cli.progress import progress_bar

if TYPE_CHECKING:
    from samdesk.exchange.access import DatasetAccess
    from samdesk.exchange.check.run import CheckChoice
    from samdesk.exchange.check.types import CheckReport, CheckResult


def check(  # noqa: PLR0913 - one argument an option
    dataset: Annotated[Path, typer.Argument(help="Folder of images.")],
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON, for programs.")] = False,
    only: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="Run only this check, such as duplicates; repeatable."),
    ] = None,
    skip: Annotated[
        list[str] | None, typer.Option(metavar="ID", help="Leave this check out; repeatable.")
    ] = None,
    pixels: Annotated[
        bool, typer.Option("--pixels", help="Also compare the pixels of images across splits; slower.")
    ] = False,
    strict: Annotated[bool, typer.Option("--strict", help="Exit with 1 for warnings, too.")] = False,
    fix: Annotated[
        list[str] | None,
        typer.Option(metavar="ID", help="Fix what this check finds; without --yes only say how. Repeatable."),
    ] = None,
    yes: Annotated[bool, typer.Option("--yes", help="Make the fixes.")] = False,
    undo: Annotated[bool, typer.Option("--undo", help="Undo the newest fix, and check nothing.")] = False,
    list_checks: Annotated[bool, typer.Option("--list", help="List the checks, and check nothing.")] = False,
) -> None:
    """Check a dataset for what would harm a training: labels, images, splits, data.yaml.

    Exits with 0 if there are no errors, else with 1.
    """
    from samdesk.dataset.dataset import Dataset
    from samdesk.exchange.access import DirectAccess, check_writable
    from samdesk.exchange.check.output import text_lines, to_json
    from samdesk.exchange.check.run import run_checks

    cancel = CancelToken()
    with ends_in_words("check"):
        choice = _choice(only, skip, fix, pixels=pixels)
        if list_checks:
            _list()
            return
        if yes and not fix:
            raise ValueError("--yes makes the fixes named with --fix. Name one, or leave it out.")
        opened = Dataset.open(dataset.expanduser())
        try:
            if yes or undo:
                check_writable(opened)
            access = DirectAccess(opened)
            with stop_on_ctrl_c(cancel, "Stopping"), _progress(cancel, shown=not as_json) as progress:
                if undo:
                    _undo(access, progress)
                    return
                report = run_checks(access, choice, progress)
                if yes:
                    report = _fix(access, report, fix or (), choice, progress)
        except Cancelled:
            echo("Stopped.", err=True)
            raise typer.Exit(STOPPED) from None
        finally:
            opened.close()
    if as_json:
        echo(json.dumps(to_json(report), indent=1))
    else:
        for line in text_lines(report):
            echo(line)
        if fix and not yes:
            _print_plan(report, fix)
    raise typer.Exit(_exit_code(report, strict=strict))


def _choice(
    only: Sequence[str] | None, skip: Sequence[str] | None, fix: Sequence[str] | None, *, pixels: bool
) -> CheckChoice:
    """Reads the ids of checks. Raises ``ValueError`` for one that is none, or that has no fix."""
    from samdesk.exchange.check.registry import find_check
    from samdesk.exchange.check.run import CheckChoice

    for name in (*(only or ()), *(skip or ()), *(fix or ())):
        if find_check(name) is None:
            raise ValueError(f"There is no check {name!r}. 'samdesk check DATASET --list' lists them.")
    for name in fix or ():
        row = find_check(name)
        if row is not None and row.fix is None:
            raise ValueError(f"There is no fix for {name!r} that is safe.")
    chosen = frozenset((*only, *(fix or ()))) if only else frozenset[str]()
    return CheckChoice(chosen, frozenset(skip or ()) - frozenset(fix or ()), pixels)


def _list() -> None:
    from samdesk.exchange.check.registry import CHECKS

    width = max(len(row.id) for row in CHECKS)
    for row in CHECKS:
        fix = "  (can be fixed)" if row.fix is not None else ""
        echo(f"{row.id:<{width}}  {row.severity:<11}  {row.title}{fix}")


@contextmanager
def _progress(cancel: CancelToken, *, shown: bool) -> Iterator[Progress]:
    """Yields what shows the progress on a terminal and ends the check when it is to be stopped."""
    if not shown:
        yield lambda _done, _total: cancel.check()
        return
    with progress_bar() as bar:
        task = None if bar is None else bar.add_task("", total=None, state="")

        def progress(done: int, total: int) -> None:
            cancel.check()
            if bar is not None and task is not None:
                bar.update(task, completed=done, total=total or None)

        yield progress


def _fix(
    access: DatasetAccess, report: CheckReport, ids: Sequence[str], choice: CheckChoice, progress: Progress
) -> CheckReport:
    """Makes fixes and checks again."""
    from samdesk.exchange.check.fixing.fix import apply
    from samdesk.exchange.check.run import run_checks

    for result in _fixable(report, ids):
        assert result.row.fix is not None
        echo(apply(access, result.row.fix, result, progress), err=True)
    return run_checks(access, choice, progress)


def _print_plan(report: CheckReport, ids: Sequence[str]) -> None:
    found = _fixable(report, ids)
    for result in found:
        assert result.row.fix is not None
        echo(f"Would fix {result.row.id}: {result.row.fix.text(result)}")
    echo("Give --yes to do it." if found else "There is nothing to fix.")


def _fixable(report: CheckReport, ids: Sequence[str]) -> list[CheckResult]:
    found = (report.result(check_id) for check_id in dict.fromkeys(ids))
    return [result for result in found if result is not None and result.row.fix is not None]


def _undo(access: DatasetAccess, progress: Progress) -> None:
    from samdesk.exchange.check.fixing.steps import steps, undo_step

    found = access.ask_now(steps)
    if not found:
        raise ValueError("There is no fix to undo.")
    undo_step(access, found[0], progress)
    what = f": {counted(len(found[0].files), 'file')}" if found[0].files else ""
    echo(f"Undone: {found[0].text}{what}")


def _exit_code(report: CheckReport, *, strict: bool) -> int:
    counts = report.counts
    return FAILED if counts["error"] or (strict and counts["warning"]) else DONE
