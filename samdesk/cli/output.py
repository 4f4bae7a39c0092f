"""The terminal: names are text to it, and a reader that goes away ends no job."""

from __future__ import annotations

import io
import os
import sys
from contextlib import suppress

from samdesk.base.errors import reason
from samdesk.base.text import printable


class _EscapingStream(io.TextIOWrapper):
    """The standard error: also what libraries and Python itself print there is escaped."""

    def write(self, text: str) -> int:
        return super().write("\r".join(printable(part, lines=True) for part in text.split("\r")))  # of bars


def prepare_streams() -> None:
    """Lets the standard streams print any text, at the start of the program.

    What the encoding of a stream lacks is printed as an escape; on the standard error so are controls.
    """
    if isinstance(sys.stdout, io.TextIOWrapper):
        sys.stdout.reconfigure(errors="backslashreplace")
    stderr = sys.stderr
    if stderr is sys.__stderr__ and isinstance(stderr, io.TextIOWrapper):
        with suppress(OSError, ValueError):
            stderr.flush()
        sys.stderr = _EscapingStream(
            stderr.buffer, stderr.encoding, "backslashreplace", line_buffering=True, write_through=True
        )


def echo(text: str, *, err: bool = False) -> None:
    """Prints a text that may hold names from files.

    A stream that cannot be written any more (its reader has gone, the disk is full) is given up without an
    error: the job goes on.

    Args:
        text: One or more lines.
        err: Print to the standard error.
    """
    stream = sys.stderr if err else sys.stdout
    if stream is None:  # a program without a console
        return
    try:
        stream.write(f"{printable(text, lines=True)}\n")
        stream.flush()
    except OSError as error:
        _give_up(1 + err)
        if not isinstance(error, BrokenPipeError) and not err:
            echo(f"samdesk: The output cannot be written ({reason(error)}); the work goes on.", err=True)


def _give_up(handle: int) -> None:
    """Sends what is still printed to a standard stream nowhere, so that its end raises nothing either."""
    with suppress(OSError):
        nowhere = os.open(os.devnull, os.O_WRONLY)
        os.dup2(nowhere, handle)
        os.close(nowhere)
