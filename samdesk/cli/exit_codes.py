"""Exit codes of the commands, and what ends one early."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from samdesk.base.errors import UserError
from samdesk.cli.output import echo
from samdesk.cli.progress import RESUME

DONE, FAILED, WRONG_USAGE, STOPPED = 0, 1, 2, 130
"""All done; some of it failed, or the system did; nothing could be begun as asked; stopped by the user."""


def wrong_usage(command: str, error: Exception | str) -> typer.Exit:
    """Prints why a command could not begin as asked, and returns the exit to raise.

    Args:
        command: Its name ("teach").
        error: The error, in words for the user.
    """
    echo(f"samdesk {command}: {error}", err=True)
    return typer.Exit(WRONG_USAGE)


@contextmanager
def ends_in_words(command: str) -> Iterator[None]:
    """Prints the errors of a job over many images, or that it was stopped at once, and sets the exit code.

    Args:
        command: Its name, printed before an error.
    """
    try:
        yield
    except (ValueError, UserError) as error:
        raise wrong_usage(command, error) from error
    except KeyboardInterrupt:
        echo(f"Stopped. {RESUME}", err=True)
        raise typer.Exit(STOPPED) from None
