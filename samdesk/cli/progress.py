"""A job's progress in the shell: a bar on a terminal, plain lines elsewhere."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from rich.progress import Progress


@contextmanager
def progress_bar(described: bool = False) -> Iterator[Progress | None]:
    """A bar with counts and each task's ``state`` behind it; None where the output is no terminal.

    Args:
        described: Whether a task's description stands before it.
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
