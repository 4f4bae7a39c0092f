"""``samdesk demo``: opens the window on two sample images, or runs the whole workflow offscreen."""

from __future__ import annotations

import os
import sys
import time
from pathlib import Path

from rich.console import Console
from rich.table import Table
from rich.text import Text

from samdesk.base.display import DisplayError, check_display, has_display
from samdesk.base.text import counted, printable
from samdesk.demo.report import DemoReport, StepOutcome
from samdesk.images.samples import DemoError, fresh_demo_folder, make_demo_folder

HEADLESS_OUT = Path("samdesk-demo")


def run_demo(folder: Path | None, headless: Path | None) -> int:
    """Runs the demo and returns an exit code: 0, or 1 if a step of the headless demo failed.

    Args:
        folder: Where the sample images are written; None: a new folder.
        headless: Output folder of the headless demo; None: opens a window if there is a display.
    """
    console = Console(highlight=False)
    if headless is None and not has_display(os.environ, sys.platform):
        console.print(f"No display found: running headless. Results are saved in {HEADLESS_OUT}/.")
        headless = HEADLESS_OUT
    try:
        if headless is None:
            check_display()
            from samdesk.app import run

            return run(make_demo_folder(folder or fresh_demo_folder()), guide=True)
        return _run_headless(folder, headless.absolute(), console)
    except (DemoError, DisplayError) as error:
        console.print(_shown(str(error)))
        return 1


def _run_headless(folder: Path | None, out: Path, console: Console) -> int:
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    out.mkdir(parents=True, exist_ok=True)
    folder = make_demo_folder(folder or out / f"photos-{time.strftime('%Y%m%d-%H%M%S')}")
    from PySide6.QtCore import qInstallMessageHandler

    from samdesk.demo.script import run_steps

    # The offscreen platform plugin warns for each window that it does not support propagateSizeHints().
    qInstallMessageHandler(
        lambda _kind, _context, text: None if "propagateSizeHints" in text else _write_error(text)
    )
    report = run_steps(folder, out)
    console.print(_table(report))
    console.print(_shown(f"Engine: {report.engine}"))
    console.print(_shown(f"Device: {report.device}"))
    console.print(_shown(f"Dataset and labels: {folder}"), soft_wrap=True)
    console.print(_shown(f"Screenshots: {out}"), soft_wrap=True)
    if report.failed:
        console.print(f"[bold red]{counted(report.failed, 'step')} failed.[/]")
        return 1
    console.print("[green]Every step worked.[/]")
    return 0


def _shown(text: str) -> Text:
    return Text(printable(text, lines=True))


def _write_error(text: str) -> None:
    sys.stderr.write(f"{text}\n")


def _table(report: DemoReport) -> Table:
    table = Table(title="samdesk demo", title_justify="left")
    table.add_column("step")
    table.add_column("result")
    table.add_column("what happened", overflow="fold")
    table.add_column("time", justify="right")
    styles = {StepOutcome.DONE: "green", StepOutcome.SKIPPED: "yellow", StepOutcome.FAILED: "bold red"}
    for step in report.steps:
        result = f"[{styles[step.outcome]}]{step.outcome.value}[/]"
        table.add_row(step.name, result, _shown(step.detail), f"{step.ms:,.0f} ms")
    return table
