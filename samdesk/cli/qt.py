"""Commands that open a window say so where Qt is not installed; all others work without it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import typer

from samdesk.base.display import DisplayError
from samdesk.cli.exit_codes import WRONG_USAGE
from samdesk.cli.output import echo

_QT = ("PySide6", "qtawesome", "shiboken6")


@contextmanager
def needs_qt() -> Iterator[None]:
    """Ends the command with a message and exit code 2 where Qt is not installed or cannot show a window."""
    try:
        yield
    except DisplayError as error:
        echo(f"samdesk: {error}", err=True)
        raise typer.Exit(WRONG_USAGE) from error
    except ModuleNotFoundError as error:
        missing = (error.name or "").partition(".")[0]
        if missing not in _QT:
            raise
        echo(
            f"The window needs {missing}, which is not installed. Install it with 'pip install samdesk'. "
            "The other commands work without it: see 'samdesk --help'.",
            err=True,
        )
        raise typer.Exit(WRONG_USAGE) from error
