"""Exit codes of the commands, and what ends one early."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from samdesk.base.errors import UserError
from samdesk.cli.progress import RESUME

DONE, FAILED, WRONG_USAGE, STOPPED = 0, 1, 2, 130


@contextmanager
def ends_in_words(command: str) -> Iterator[None]:
    """Prints the errors of a job over many images, or that it was stopped at once, and sets the exit code.

    Args:
        command: Its name, printed before an error.
    """
    try:
        yield
    except (ValueError, UserError) as error:
        typer.echo(f"samdesk {command}: {error}", err=True)
        raise typer.Exit(WRONG_USAGE) from error
    except KeyboardInterrupt:
        typer.echo(f"Stopped. {RESUME}", err=True)
        raise typer.Exit(STOPPED) from None
