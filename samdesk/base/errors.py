"""The base class of errors shown to the user, and one-line texts of other errors."""

from __future__ import annotations

from typing import ClassVar


class UserError(Exception):
    """An error whose message is written for the user.

    Any other exception is a bug in the program: its traceback is logged, and the message shown to the user
    calls it unexpected.

    Attributes:
        code: Stable identifier of the kind of error, for logs and tests ("engine").
        what: What happened, as a sentence.
        where: The file or device concerned; "" if ``what`` names it or there is none.
        next: What to do next; "" if ``what`` includes it.
    """

    code: ClassVar[str] = "user"

    def __init__(self, what: str, *, where: str = "", next: str = "") -> None:  # noqa: A002 - as in Failure
        super().__init__(f"{what} {next}".strip())
        self.what = what
        self.where = where
        self.next = next


def first_line(error: BaseException) -> str:
    """The first line of an error's message, up to 200 characters, no final period; its type if empty."""
    line = next(iter(str(error).strip().splitlines()), "")[:200].rstrip(".: ")
    return line or type(error).__name__


def reason(error: Exception) -> str:
    """Why a file could not be read or written, without its name: the system's words, or ``first_line``."""
    return (error.strerror if isinstance(error, OSError) else None) or first_line(error)


def typed_line(error: BaseException) -> str:
    """An unexpected error in one line: its type and the first line of its message ("ValueError: no data")."""
    name, line = type(error).__name__, first_line(error)
    return name if line == name else f"{name}: {line}"
