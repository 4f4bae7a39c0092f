"""The progress of a job in the shell: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

from samdesk.base.text import duration, printable, rate
from samdesk.cli.output import echo

if TYPE_CHECKING:
    from rich.progress import Progress, TaskID


RESUME = "Finished images are kept. Run the same command again to continue."
"""Printed when a job over many images was stopped."""


class LineOutput:
    """Prints progress as plain lines, for logs and pipes."""

    def message(self, text: str) -> None:
        """Prints a message to the standard output."""
        echo(text)

    def warning(self, text: str) -> None:
        """Prints a message to the standard error."""
        echo(text, err=True)

    def step(self, done: int, total: int, line: str, state: str) -> None:
        """Reports a step.

        Args:
            done: Steps finished.
            total: All steps.
            line: The step as a line, printed if there is no bar; "" prints nothing.
            state: The state of the whole job, shown behind the bar.
        """
        if line:
            echo(line)


class BarOutput(LineOutput):
    """Shows progress as a bar, with messages above it."""

    def __init__(self, bar: Progress) -> None:
        self._bar = bar
        self._task: TaskID | None = None

    def message(self, text: str) -> None:
        """Prints a message above the bar."""
        self._bar.console.print(printable(text, lines=True), markup=False, highlight=False)

    def warning(self, text: str) -> None:
        """Prints a message in yellow above the bar."""
        self._bar.console.print(printable(text, lines=True), style="yellow", markup=False, highlight=False)

    def step(self, done: int, total: int, line: str, state: str) -> None:
        """Moves the bar."""
        if self._task is None:
            self._task = self._bar.add_task("", total=total, state="")
        self._bar.update(self._task, completed=done, state=state)


@contextmanager
def progress_output() -> Iterator[LineOutput]:
    """The output that suits the standard output: a bar on a terminal, else lines."""
    with progress_bar() as bar:
        yield LineOutput() if bar is None else BarOutput(bar)


@contextmanager
def progress_bar(described: bool = False) -> Iterator[Progress | None]:
    """A bar with counts and each task's ``state`` behind it; None where the output is not a terminal.

    Args:
        described: Show a task's description before its bar.
    """
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    console = Console()
    if not console.is_terminal:
        yield None
        return
    before = [TextColumn("{task.description}")] if described else []
    columns = (BarColumn(), MofNCompleteColumn(), TextColumn("{task.fields[state]}", markup=False))
    with Progress(*before, *columns, console=console) as bar:
        yield bar


def speed(per_second: float, seconds_left: float | None, noun: str = "image") -> str:
    """Rate and estimated time left: "6.2 images/s, 45 s left"; "" while the rate is unknown."""
    if per_second <= 0:
        return ""
    left = f", {duration(seconds_left)} left" if seconds_left else ""  # nothing after the last image
    return f"{rate(per_second, noun)}{left}"
